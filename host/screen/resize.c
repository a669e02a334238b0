/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each head has a phase and a time at which the next begins; one timer serves them all.
 */
#include "host/screen/resize.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

enum phase {
	PHASE_REST,
	PHASE_CALM,	/* more wishes may come */
	PHASE_ITSELF,	/* the monitor has changed */
	PHASE_SESSION,	/* the guest's session was asked */
	PHASE_GAP,	/* the monitor is unplugged for a moment */
	PHASE_REPLUGGED /* and is plugged in again */
};

/* What a head shall be. */
struct wanted {
	bool enabled, placed;
	uint32_t width, height, width_mm, height_mm;
	uint32_t scale_milli; /* 0: as it is */
	int32_t x, y;	      /* if placed; logical */
};

struct resize_head {
	bool asked;
	struct wanted wanted;
	enum screen_who who;
	enum resize_followed followed;
	uint32_t width, height; /* what is scanned out; 0: nothing */
	enum phase phase;
	uint64_t next_ms;    /* of the phase; 0: nothing comes by time */
	uint64_t first_ms;   /* PHASE_CALM: of the first wish */
	uint64_t changed_ms; /* when the monitor was changed */
	bool to_place;	     /* place or scale are for the session to set */
	bool tried_replug;
};

struct resize {
	struct screen *screen;
	const struct resize_session *session;
	void *owner;
	uv_timer_t *timer;
	uint64_t serial; /* of the last "apply" */
	char last_session[16];
	struct resize_head head[DESKTOP_MAX_HEADS];
};

static uint64_t now_ms(const struct resize *resize)
{
	return uv_now(screen_loop(resize->screen));
}

static bool is_right(const struct resize_head *head)
{
	if (!head->wanted.enabled)
		return head->width == 0;
	return head->width == head->wanted.width && head->height == head->wanted.height;
}

/* Nobody has asked for it, or it was what was asked for and somebody in the guest has set another.
 */
static bool is_the_guests(const struct resize_head *head)
{
	return !head->asked ||
	       (head->phase == PHASE_REST && !is_right(head) && head->followed != RESIZE_NOT &&
		head->followed != RESIZE_BY_SESSION);
}

static void on_time(uv_timer_t *timer);

static void await_next(struct resize *resize)
{
	uint64_t next = 0, now = now_ms(resize);

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		uint64_t time = resize->head[i].next_ms;

		if (time && (next == 0 || time < next))
			next = time;
	}
	if (next == 0)
		uv_timer_stop(resize->timer);
	else
		uv_timer_start(resize->timer, on_time, next > now ? next - now : 0, 0);
}

/* --- What the session is asked for ------------------------------------------------------------ */

static struct guest_head shall_be(const struct resize_head *head, const struct guest_head *is)
{
	struct guest_head shall = *is;

	shall.known = true;
	if (!head->asked) {
		shall.known = is->known || head->width > 0;
		shall.enabled = head->width > 0;
		shall.width = head->width;
		shall.height = head->height;
		return shall;
	}
	shall.enabled = head->wanted.enabled;
	shall.width = head->wanted.width;
	shall.height = head->wanted.height;
	if (head->wanted.scale_milli)
		shall.scale_milli = head->wanted.scale_milli;
	if (head->wanted.placed) {
		shall.x = head->wanted.x;
		shall.y = head->wanted.y;
	}
	return shall;
}

static int64_t logical(uint32_t pixels, uint32_t scale_milli)
{
	return (int64_t)pixels * 1000 / (scale_milli ? scale_milli : 1000);
}

/* Heads that nobody has placed stand in a row, in the order in which they stood. */
static void place_in_row(const struct resize *resize, struct guest_layout *layout)
{
	unsigned int order[DESKTOP_MAX_HEADS], count = 0;
	int64_t x = 0;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		unsigned int at = count;

		if (!layout->head[i].known || !layout->head[i].enabled)
			continue;
		if (resize->head[i].asked && resize->head[i].wanted.placed)
			return;
		while (at > 0 && layout->head[order[at - 1]].x > layout->head[i].x) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
		count++;
	}
	for (unsigned int i = 0; i < count; i++) {
		struct guest_head *head = &layout->head[order[i]];

		head->x = (int32_t)x;
		head->y = 0;
		x += logical(head->width, head->scale_milli);
	}
}

static void lay_out(const struct resize *resize, struct guest_layout *layout)
{
	*layout = *resize->session->layout(resize->owner);
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		layout->head[i] = shall_be(&resize->head[i], &layout->head[i]);
	place_in_row(resize, layout);
}

/* --- Phases ----------------------------------------------------------------------------------- */

static void set_monitor(struct resize *resize, unsigned int number, bool enabled)
{
	struct source *source = screen_source(resize->screen);
	struct resize_head *head = &resize->head[number];
	struct guest_layout layout;
	struct rectangle place;

	if (!source)
		return;
	lay_out(resize, &layout);
	place = (struct rectangle){
		.x = (uint32_t)MAX(layout.head[number].x, 0),
		.y = (uint32_t)MAX(layout.head[number].y, 0),
		.width = head->wanted.width,
		.height = head->wanted.height,
	};
	source->ops->set_mode(source, number, enabled, &place, head->wanted.width_mm,
			      head->wanted.height_mm);
}

static void rest(struct resize *resize, struct resize_head *head, enum resize_followed followed)
{
	head->phase = PHASE_REST;
	head->next_ms = 0;
	head->followed = followed;
	if (head->tried_replug)
		screen_set_patience(resize->screen, SCREEN_DARK_MS);
	screen_status_changed(resize->screen);
}

static void begin_itself(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	head->phase = PHASE_ITSELF;
	head->followed = RESIZE_WAITING;
	head->changed_ms = now_ms(resize);
	head->next_ms = head->changed_ms + RESIZE_SESSION_MS;
	head->tried_replug = false;
	set_monitor(resize, number, head->wanted.enabled);
}

static void begin_replug(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	if (head->tried_replug || !head->wanted.enabled) {
		rest(resize, head, RESIZE_NOT);
		return;
	}
	head->tried_replug = true;
	head->phase = PHASE_GAP;
	head->next_ms = now_ms(resize) + RESIZE_GAP_MS;
	/* Viewers need not see the dark. */
	screen_set_patience(resize->screen, RESIZE_GAP_MS + RESIZE_GIVE_UP_MS);
	set_monitor(resize, number, false);
}

static void ask_session(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];
	struct guest_layout layout;
	int result;

	head->phase = PHASE_SESSION;
	head->next_ms = MAX(head->changed_ms + RESIZE_REPLUG_MS, now_ms(resize) + 1);
	if (!resize->session->can_apply(resize->owner))
		return;
	lay_out(resize, &layout);
	result = resize->session->apply(resize->owner, &layout, &resize->serial);
	if (result < 0)
		log_debug("cannot ask the guest's session: %s", error_text(result));
}

static void followed(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	switch (head->phase) {
	case PHASE_ITSELF:
		if (head->to_place && resize->session->can_apply(resize->owner)) {
			ask_session(resize, number);
			return;
		}
		rest(resize, head, RESIZE_BY_ITSELF);
		break;
	case PHASE_SESSION:
		if (!head->to_place)
			rest(resize, head, RESIZE_BY_SESSION);
		break;
	case PHASE_REPLUGGED:
		rest(resize, head, RESIZE_BY_REPLUG);
		break;
	default:
		break;
	}
}

static void next_phase(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	switch (head->phase) {
	case PHASE_CALM:
		begin_itself(resize, number);
		if (is_right(head))
			followed(resize, number);
		break;
	case PHASE_ITSELF:
		ask_session(resize, number);
		break;
	case PHASE_SESSION:
		if (is_right(head))
			rest(resize, head, head->to_place ? RESIZE_BY_ITSELF : RESIZE_BY_SESSION);
		else
			begin_replug(resize, number);
		break;
	case PHASE_GAP:
		head->phase = PHASE_REPLUGGED;
		head->next_ms = now_ms(resize) + RESIZE_GIVE_UP_MS;
		set_monitor(resize, number, true);
		if (is_right(head))
			followed(resize, number);
		break;
	default:
		rest(resize, head, RESIZE_NOT);
		break;
	}
}

static void on_time(uv_timer_t *timer)
{
	struct resize *resize = timer->data;
	uint64_t now = now_ms(resize);

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (resize->head[i].next_ms && resize->head[i].next_ms <= now)
			next_phase(resize, i);
	}
	await_next(resize);
}

/* --- What comes in ---------------------------------------------------------------------------- */

static void take_wish(struct resize *resize, unsigned int number, enum screen_who who,
		      const __typeof__(((struct screen_wish *)NULL)->head[0]) *wish)
{
	struct resize_head *head = &resize->head[number];
	struct wanted *wanted = &head->wanted;
	uint64_t now = now_ms(resize);

	if (!head->asked)
		*wanted = (struct wanted){.width = head->width, .height = head->height};
	wanted->enabled = wish->named && wish->enabled;
	if (wish->named && wish->width)
		wanted->width = wish->width;
	if (wish->named && wish->height)
		wanted->height = wish->height;
	/* On again, and of no size so far. */
	if (wanted->width == 0 || wanted->height == 0) {
		wanted->width = 1024;
		wanted->height = 768;
	}
	wanted->width_mm = wish->width_mm;
	wanted->height_mm = wish->height_mm;
	head->to_place = wish->named && wish->enabled && (wish->placed || wish->scale_milli);
	if (wish->scale_milli)
		wanted->scale_milli = wish->scale_milli;
	if (wish->placed) {
		wanted->placed = true;
		wanted->x = wish->x;
		wanted->y = wish->y;
	}
	head->asked = true;
	head->who = who;
	head->followed = RESIZE_WAITING;
	if (head->phase != PHASE_CALM)
		head->first_ms = now;
	head->phase = PHASE_CALM;
	head->next_ms = MIN(now + RESIZE_CALM_MS, head->first_ms + RESIZE_BURST_MS);
}

void resize_requested(struct resize *resize, enum screen_who who, const struct screen_wish *wish)
{
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		const struct resize_head *head = &resize->head[i];

		if (wish->head[i].named ||
		    (wish->all && (head->width > 0 || (head->asked && head->wanted.enabled))))
			take_wish(resize, i, who, &wish->head[i]);
	}
	await_next(resize);
	screen_status_changed(resize->screen);
}

void resize_head_changed(struct resize *resize, unsigned int number, uint32_t width,
			 uint32_t height)
{
	struct resize_head *head = &resize->head[number];

	head->width = width;
	head->height = height;
	if (!head->asked || head->phase == PHASE_CALM)
		return;
	if (head->phase == PHASE_REST) {
		/* Late, or undone by somebody in the guest. */
		if (head->followed == RESIZE_NOT && is_right(head) && width > 0)
			rest(resize, head, RESIZE_BY_ITSELF);
		return;
	}
	/* Every mode set passes through nothing: that is no answer to "off" before its time, but
	 * all that can be seen of it. */
	if (is_right(head))
		followed(resize, number);
	await_next(resize);
}

void resize_applied(struct resize *resize, uint64_t serial, int error, bool replug)
{
	if (serial != resize->serial)
		return;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		struct resize_head *head = &resize->head[i];

		if (head->phase != PHASE_SESSION)
			continue;
		if (is_right(head) || error == 0) {
			const char *session = resize->session->layout(resize->owner)->session;

			/* On a text console the frame buffer stays as it is. */
			if (is_right(head) || strcmp(session, "console") == 0)
				rest(resize, head, error ? RESIZE_BY_ITSELF : RESIZE_BY_SESSION);
			continue;
		}
		log_debug("the guest's session does not set head %u: %s%s", i, error_text(error),
			  replug ? ", it asks for a replug" : "");
		begin_replug(resize, i);
	}
	await_next(resize);
}

void resize_session_changed(struct resize *resize)
{
	const char *session = resize->session->layout(resize->owner)->session;

	if (strcmp(session, resize->last_session) == 0)
		return;
	strcpy(resize->last_session, session);
	if (!resize->session->can_apply(resize->owner))
		return;
	/* What the last one could not do, this one can perhaps. What somebody in the guest has set
	 * stays. */
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		struct resize_head *head = &resize->head[i];

		if (head->phase == PHASE_REST && head->wanted.enabled && head->width > 0 &&
		    !is_right(head) && !is_the_guests(head)) {
			head->followed = RESIZE_WAITING;
			head->changed_ms = now_ms(resize);
			ask_session(resize, i);
		}
	}
	await_next(resize);
}

void resize_source_changed(struct resize *resize)
{
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (resize->head[i].asked)
			begin_itself(resize, i);
	}
	await_next(resize);
}

/* --- What goes out ---------------------------------------------------------------------------- */

struct resize_status resize_status(const struct resize *resize, unsigned int number)
{
	const struct resize_head *head = &resize->head[number];
	return (struct resize_status){
		.asked = head->asked,
		.enabled = head->wanted.enabled,
		.width = head->wanted.width,
		.height = head->wanted.height,
		.by = is_the_guests(head) ? SCREEN_BY_GUEST : head->who,
		.followed = head->followed,
	};
}

const char *resize_followed_name(enum resize_followed followed)
{
	static const char *const names[] = {
		[RESIZE_UNASKED] = "",	       [RESIZE_WAITING] = "waiting",
		[RESIZE_BY_ITSELF] = "itself", [RESIZE_BY_SESSION] = "session",
		[RESIZE_BY_REPLUG] = "replug", [RESIZE_NOT] = "no",
	};

	return names[followed];
}

bool resize_is_waiting(const struct resize *resize)
{
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (resize->head[i].phase != PHASE_REST)
			return true;
	}
	return false;
}

/* --- Its life --------------------------------------------------------------------------------- */

struct resize *resize_new(struct screen *screen, const struct resize_session *session, void *owner)
{
	_cleanup_free_ struct resize *resize = calloc(1, sizeof(*resize));

	if (!resize)
		return NULL;
	resize->timer = calloc(1, sizeof(*resize->timer));
	if (!resize->timer)
		return NULL;
	resize->screen = screen;
	resize->session = session;
	resize->owner = owner;
	uv_timer_init(screen_loop(screen), resize->timer);
	resize->timer->data = resize;
	return take_ptr(resize);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void resize_free(struct resize *resize)
{
	if (!resize)
		return;
	uv_close((uv_handle_t *)resize->timer, timer_closed);
	free(resize);
}
