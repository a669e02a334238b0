/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each head has a phase and a time at which the next begins; one timer serves them all. What comes
 * in is here: wishes, what the guest shows, what its session says.
 */
#include "host/screen/resize_internal.h"

#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

static bool is_recent(const struct resize *resize, uint64_t then_ms, uint64_t within_ms)
{
	return then_ms > 0 && resize_now(resize) - then_ms < within_ms;
}

/* Nobody has asked for it, or it was what was asked for and somebody in the guest has set another.
 */
static bool is_the_guests(const struct resize_head *head)
{
	return !head->asked ||
	       (head->phase == PHASE_REST && head->undone_ms && !resize_is_right(head));
}

static void on_time(uv_timer_t *timer);

static void await_next(struct resize *resize)
{
	uint64_t next = 0, now = resize_now(resize);

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

static void on_time(uv_timer_t *timer)
{
	struct resize *resize = timer->data;
	uint64_t now = resize_now(resize);

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (resize->head[i].next_ms && resize->head[i].next_ms <= now)
			resize_next_phase(resize, i);
	}
	await_next(resize);
}

/* --- Wishes -------------------------------------------------------------------------------------
 */

/* The first after a calm at once, those that follow when it is calm again or the row is long. */
static uint64_t when_to_change(const struct resize_head *head, uint64_t now)
{
	bool is_first = head->phase == PHASE_CALM ? head->next_ms <= now
						  : now - head->wished_ms >= RESIZE_CALM_MS;

	if (is_first)
		return now;
	return MIN(now + RESIZE_CALM_MS,
		   (head->phase == PHASE_CALM ? head->first_ms : now) + RESIZE_BURST_MS);
}

typedef __typeof__(((struct screen_wish *)NULL)->head[0]) wish_head;

static struct wanted wanted_by(const struct resize_head *head, const wish_head *wish)
{
	struct wanted wanted = head->wanted;

	if (!head->asked)
		wanted = (struct wanted){.width = head->shown.width, .height = head->shown.height};
	wanted.enabled = wish->named && wish->enabled;
	if (wish->named && wish->width)
		wanted.width = wish->width;
	if (wish->named && wish->height)
		wanted.height = wish->height;
	/* On again, and of no size so far. */
	if (wanted.width == 0 || wanted.height == 0) {
		wanted.width = 1024;
		wanted.height = 768;
	}
	wanted.width_mm = wish->width_mm;
	wanted.height_mm = wish->height_mm;
	if (wish->scale_milli)
		wanted.scale_milli = wish->scale_milli;
	if (wish->placed) {
		wanted.placed = true;
		wanted.x = wish->x;
		wanted.y = wish->y;
	}
	return wanted;
}

static bool is_same(const struct wanted *a, const struct wanted *b)
{
	return a->enabled == b->enabled && a->width == b->width && a->height == b->height &&
	       a->width_mm == b->width_mm && a->height_mm == b->height_mm;
}

static void take_wish(struct resize *resize, unsigned int number, enum screen_who who,
		      const wish_head *wish)
{
	struct resize_head *head = &resize->head[number];
	uint64_t now = resize_now(resize), when = when_to_change(head, now);
	const struct wanted wanted = wanted_by(head, wish);
	const bool to_place = wish->named && wish->enabled && (wish->placed || wish->scale_milli);

	if (head->phase > PHASE_CALM && !to_place && is_same(&head->wanted, &wanted)) {
		/* Under way. */
		head->who = who;
		return;
	}
	if (head->phase != PHASE_CALM) {
		head->first_ms = now;
		head->before = (struct size){head->wanted.width, head->wanted.height};
	}
	head->wanted = wanted;
	head->to_place = to_place;
	head->asked = true;
	head->who = who;
	head->followed = RESIZE_WAITING;
	head->wished_ms = now;
	/* Plugged in again as what is wished by then. */
	if (head->phase == PHASE_GAP && head->wanted.enabled)
		return;
	head->phase = PHASE_CALM;
	head->next_ms = when;
}

void resize_requested(struct resize *resize, enum screen_who who, const struct screen_wish *wish)
{
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		const struct resize_head *head = &resize->head[i];

		if (wish->head[i].named ||
		    (wish->all && (head->shown.width > 0 || (head->asked && head->wanted.enabled))))
			take_wish(resize, i, who, &wish->head[i]);
	}
	await_next(resize);
	screen_status_changed(resize->screen);
}

/* --- What the guest shows -----------------------------------------------------------------------
 */

/* At rest: late, or undone by somebody in the guest. */
static void changed_at_rest(struct resize *resize, struct resize_head *head)
{
	const struct size *shown = &head->shown;

	if (shown->width == 0)
		return;
	if (resize_is_right(head)) {
		head->undone_ms = 0;
		if (head->followed == RESIZE_NOT)
			resize_rest(resize, head, RESIZE_BY_ITSELF);
		return;
	}
	if (head->followed == RESIZE_NOT) {
		if (head->replugs > 0 && head->asks_left > 0 &&
		    is_recent(resize, head->changed_ms, RESIZE_LATE_MS))
			resize_begin_back(resize, head);
		return;
	}
	/* It does only now what was wished before: what it was told last may be lost on it. */
	if (head->wanted.enabled && shown->width == head->before.width &&
	    shown->height == head->before.height &&
	    is_recent(resize, head->changed_ms, RESIZE_REPLUG_MS)) {
		head->phase = PHASE_ITSELF;
		head->followed = RESIZE_WAITING;
		head->next_ms = resize_now(resize) + RESIZE_SESSION_MS;
		return;
	}
	if (head->undone_ms == 0)
		head->undone_ms = resize_now(resize);
}

static void changed_on_its_way(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	if (head->phase == PHASE_GAP && head->shown.width == 0)
		resize_went_dark(resize, number);
	else if (head->phase == PHASE_REPLUGGED && head->shown.width > 0 && !resize_is_right(head))
		resize_begin_back(resize, head);
	/* Every mode set passes through nothing: that is no answer to "off" before its time, but
	 * all that can be seen of it. */
	else if (resize_is_right(head))
		resize_followed(resize, number);
}

void resize_head_changed(struct resize *resize, unsigned int number, uint32_t width,
			 uint32_t height)
{
	struct resize_head *head = &resize->head[number];

	head->shown = (struct size){width, height};
	if (!head->asked || head->phase == PHASE_CALM)
		return;
	if (head->phase == PHASE_REST)
		changed_at_rest(resize, head);
	else
		changed_on_its_way(resize, number);
	await_next(resize);
}

/* --- What the guest's session says --------------------------------------------------------------
 */

/* A busy guest's answer may come when nobody waits any more. */
static bool awaits_answer(const struct resize *resize, const struct resize_head *head)
{
	return head->phase == PHASE_SESSION || head->phase == PHASE_AGAIN ||
	       (head->phase == PHASE_REST && head->followed == RESIZE_NOT && head->session_asked &&
		is_recent(resize, head->changed_ms, RESIZE_LATE_MS));
}

static void take_answer(struct resize *resize, unsigned int number, int error, bool replug)
{
	struct resize_head *head = &resize->head[number];
	const char *session = resize->session->layout(resize->owner)->session;

	if (!awaits_answer(resize, head))
		return;
	/* What it is asked before the monitor is back with it tells nothing. */
	if (head->phase != PHASE_SESSION && head->asks_left > 0 && error != ENODEV)
		head->asks_left--;
	if (resize_is_right(head)) {
		resize_rest(resize, head, error ? RESIZE_BY_ITSELF : RESIZE_BY_SESSION);
		return;
	}
	if (error == 0) {
		/* On a text console the frame buffer stays as it is. */
		if (strcmp(session, "console") == 0)
			resize_rest(resize, head, RESIZE_BY_SESSION);
		return;
	}
	log_debug("the guest's session does not set head %u: %s%s", number, error_text(error),
		  replug ? ", it asks for a replug" : "");
	resize->needs_help |= replug;
	if (head->phase != PHASE_SESSION && !replug)
		resize_rest(resize, head, RESIZE_NOT);
	else
		resize_begin_replug(resize, number);
}

void resize_applied(struct resize *resize, uint64_t serial, int error, bool replug)
{
	if (serial != resize->serial)
		return;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		take_answer(resize, i, error, replug);
	await_next(resize);
}

/* Return: whether it is another session than before, or the same begun anew. */
static bool take_session(struct resize *resize, const struct guest_layout *layout)
{
	if (strcmp(layout->session, resize->session_name) == 0 &&
	    strcmp(layout->desktop, resize->desktop) == 0 &&
	    strcmp(layout->backend, resize->backend) == 0)
		return false;
	strcpy(resize->session_name, layout->session);
	strcpy(resize->desktop, layout->desktop);
	strcpy(resize->backend, layout->backend);
	resize->needs_help = false;
	return true;
}

/* What the last one could not do, this one can perhaps; it may have begun with a size of its own.
 * What somebody in the guest has set stays. */
static void ask_other_session(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	if (!head->asked || head->phase != PHASE_REST || !head->wanted.enabled ||
	    head->shown.width == 0 || resize_is_right(head) ||
	    (head->undone_ms && !is_recent(resize, head->undone_ms, RESIZE_START_MS)))
		return;
	head->undone_ms = 0;
	head->followed = RESIZE_WAITING;
	head->changed_ms = resize_now(resize);
	head->asks_left = RESIZE_ASKS_AGAIN;
	resize_ask_session(resize, number);
}

/* After a replug it says which size its head has come back with. */
static void look_back(struct resize *resize, unsigned int number, const struct guest_head *is)
{
	struct resize_head *head = &resize->head[number];
	bool late = head->phase == PHASE_REST && head->followed == RESIZE_NOT &&
		    is_recent(resize, head->changed_ms, RESIZE_LATE_MS);

	if ((head->phase != PHASE_REPLUGGED && !late) || head->replugs == 0 ||
	    head->asks_left == 0 || !is->known || !is->enabled || is->width == 0 ||
	    (is->width == head->wanted.width && is->height == head->wanted.height))
		return;
	resize_begin_back(resize, head);
}

void resize_session_changed(struct resize *resize)
{
	const struct guest_layout *layout = resize->session->layout(resize->owner);
	bool is_other = take_session(resize, layout);

	if (!resize->session->can_apply(resize->owner))
		return;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (!layout->head[i].known || !layout->head[i].enabled)
			resize_went_dark(resize, i);
		look_back(resize, i, &layout->head[i]);
		/* It has the head, which looked right before. */
		if (resize->head[i].phase > PHASE_CALM && resize_is_right(&resize->head[i]))
			resize_followed(resize, i);
		if (is_other)
			ask_other_session(resize, i);
	}
	await_next(resize);
}

/* --- The source ---------------------------------------------------------------------------------
 */

void resize_source_changed(struct resize *resize)
{
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (resize->head[i].asked)
			resize_begin_itself(resize, i);
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
