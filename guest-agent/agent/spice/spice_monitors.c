/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_monitors: the client's windows become the sizes of screens. Either it says so here, and the
 * session is asked; or QEMU's server keeps that for itself and changes the monitors that the
 * guest's graphics device shows. Who has the mouse given to the agent is behind such a server: then
 * a monitor that wishes for another mode, and does not get it within a moment, has the session
 * asked for it.
 */
#include "drivers/display/card.h"
#include "drivers/uevent.h"
#include "guest-agent/agent/spice/spice_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Looks at the monitors after an event: a desktop that follows by itself has a moment, and a guest
 * that hardly gets to run reads what a monitor says late.
 */
static const uint64_t look_ms[] = {500, 1500, 5000};

struct spice_monitors_state {
	struct spice *spice;
	struct stream *stream;
	struct spice_layout layout;
	uint64_t applies, to_answer; /* serials: of the last "apply", of the client's last */
	struct watch *watch;	     /* of the monitors; NULL: they are not */
	unsigned int looks;	     /* since the last event */
	bool asked;		     /* the session, for what the monitors wish */
	uv_timer_t *timer;
};

struct watch {
	uv_poll_t poll;
	int uevents;
};

/* --- What the client says ------------------------------------------------------------------- */

static void reply(struct spice *spice, bool success)
{
	const struct spice_reply said = {
		.type = SPICE_MONITORS_CONFIG,
		.error = success ? SPICE_REPLY_SUCCESS : SPICE_REPLY_ERROR,
	};
	uint8_t bytes[SPICE_REPLY_SIZE];

	spice_reply_encode(&said, bytes);
	spice_say(spice, SPICE_REPLY, (struct slice){bytes, sizeof(bytes)}, (struct slice){0});
}

/* false: nobody was asked. */
static bool apply(struct spice_monitors_state *monitors, struct head_list *list)
{
	const struct display_layout layout = {.backend = SLICE_LITERAL("spice")};
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	list->serial = ++monitors->applies;
	head_list_encode(list, &layout, &writer);
	return monitors->stream && list->count > 0 &&
	       stream_message(monitors->stream, SLICE_LITERAL("apply"), cbor_written(&writer)) == 0;
}

/* false: these are no screens. */
static bool to_heads(const struct spice_monitors *said, struct head_list *list)
{
	*list = (struct head_list){.count = said->count};
	for (unsigned int i = 0; i < said->count; i++) {
		const struct spice_monitor *monitor = &said->monitor[i];
		struct head *head = &list->heads[i];

		if (monitor->width > HEAD_MAX_SIDE || monitor->height > HEAD_MAX_SIDE ||
		    monitor->x < -HEAD_MAX_POSITION || monitor->x > HEAD_MAX_POSITION ||
		    monitor->y < -HEAD_MAX_POSITION || monitor->y > HEAD_MAX_POSITION)
			return false;
		head->head = i;
		head->enabled = monitor->width && monitor->height;
		head->primary = i == 0;
		head->width = head->enabled ? monitor->width : 0;
		head->height = head->enabled ? monitor->height : 0;
		head->x = said->positions ? monitor->x : 0;
		head->y = said->positions ? monitor->y : 0;
	}
	/* Side by side, where the client has no wish. */
	for (unsigned int i = 1; i < said->count && !said->positions; i++)
		list->heads[i].x = list->heads[i - 1].x + (int32_t)list->heads[i - 1].width;
	return true;
}

void spice_monitors_message(struct spice *spice, struct slice payload)
{
	struct spice_monitors_state *monitors = spice->monitors;
	struct spice_monitors said;
	struct head_list list;

	if (spice_monitors_parse(payload, &said) < 0 || !to_heads(&said, &list) ||
	    !apply(monitors, &list)) {
		reply(spice, false);
		return;
	}
	monitors->to_answer = list.serial;
	monitors->asked = false;
	uv_timer_stop(monitors->timer);
}

/* --- What the monitors wish ----------------------------------------------------------------- */

static const struct head *shown(const struct head_list *list, unsigned int number)
{
	const struct head *head = head_list_find(list, number);

	return head && head->enabled ? head : NULL;
}

bool spice_monitors_plan(const struct head_list *wishes, const struct head_list *have,
			 struct head_list *plan)
{
	bool differs = false;
	int32_t right = 0;

	*plan = (struct head_list){0};
	for (size_t i = 0; i < have->count; i++) {
		const struct head *head = &have->heads[i];

		if (head->enabled)
			right = MAX(right, head->x + (int32_t)head->width);
	}
	for (size_t i = 0; i < wishes->count; i++) {
		const struct head *wish = &wishes->heads[i], *now = shown(have, wish->head);
		struct head *head = &plan->heads[plan->count];

		if (!wish->enabled && !now)
			continue;
		*head = *wish;
		plan->count++;
		if (now) {
			head->x = now->x;
			head->y = now->y;
			head->primary = now->primary;
		} else {
			head->x = right;
			right += (int32_t)MIN(wish->width, HEAD_MAX_SIDE);
		}
		differs |= wish->enabled != (now != NULL) ||
			   (now && (wish->width != now->width || wish->height != now->height));
	}
	return differs;
}

static void look_later(struct spice_monitors_state *monitors);

static void on_look(uv_timer_t *timer)
{
	struct spice_monitors_state *monitors = timer->data;
	struct head_list wishes, plan;

	monitors->looks++;
	look_later(monitors);
	/* The kernel lists the modes of when somebody last asked it to look. */
	if (monitors->asked || !monitors->layout.desktop || card_reprobe() < 0 ||
	    card_wishes(&wishes) < 0 ||
	    !spice_monitors_plan(&wishes, &monitors->layout.heads, &plan))
		return;
	log_debug("the session is asked for what the monitors wish");
	monitors->asked = apply(monitors, &plan);
}

static void look_later(struct spice_monitors_state *monitors)
{
	if (monitors->looks < ARRAY_SIZE(look_ms))
		uv_timer_start(monitors->timer, on_look, look_ms[monitors->looks], 0);
}

static void look_anew(struct spice_monitors_state *monitors)
{
	monitors->looks = 0;
	if (monitors->watch)
		look_later(monitors);
}

static void on_uevent(uv_poll_t *poll, int status, int events)
{
	struct spice_monitors_state *monitors = poll->data;

	(void)status;
	(void)events;
	if (uevent_drain(monitors->watch->uevents, "drm"))
		look_anew(monitors);
}

static int watch_new(struct spice_monitors_state *monitors)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int error;

	if (!watch)
		return -ENOMEM;
	error = watch->uevents = uevent_open();
	if (error >= 0) {
		error = uv_poll_init(monitors->spice->loop, &watch->poll, watch->uevents);
		if (error)
			close(watch->uevents);
	}
	if (error < 0) {
		free(watch);
		return error;
	}
	watch->poll.data = monitors;
	uv_poll_start(&watch->poll, UV_READABLE, on_uevent);
	monitors->watch = watch;
	return 0;
}

static void on_watch_closed(uv_handle_t *poll)
{
	struct watch *watch = (struct watch *)poll;

	close(watch->uevents);
	free(watch);
}

void spice_monitors_begin(struct spice *spice)
{
	struct spice_monitors_state *monitors = spice->monitors;
	int error;

	if (!(spice->theirs & SPICE_CAP(MOUSE_STATE)) || monitors->watch)
		return;
	error = watch_new(monitors);
	if (error)
		log_warning("screens do not follow the SPICE client: %s", error_text(error));
	look_anew(monitors);
}

void spice_monitors_end(struct spice *spice)
{
	struct spice_monitors_state *monitors = spice->monitors;

	uv_timer_stop(monitors->timer);
	if (monitors->watch)
		uv_close((uv_handle_t *)&monitors->watch->poll, on_watch_closed);
	monitors->watch = NULL;
}

/* --- The session ---------------------------------------------------------------------------- */

static void layout_said(struct spice_monitors_state *monitors, struct slice params)
{
	const bool first = monitors->layout.heads.count == 0;
	struct display_layout said;
	struct head_list heads;

	if (head_list_decode(params, &heads, &said) < 0)
		return;
	monitors->layout = (struct spice_layout){
		.heads = heads,
		.desktop = slice_is(said.session, "x11") || slice_is(said.session, "wayland"),
		.pixels = slice_is(said.backend, "randr"),
	};
	spice_mouse_again(monitors->spice);
	if (first)
		look_anew(monitors);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct spice_monitors_state *monitors = owner;
	struct display_applied applied;

	(void)stream;
	if (slice_is(name, "layout")) {
		layout_said(monitors, params);
		return;
	}
	if (!slice_is(name, "applied") ||
	    message_decode(&message_display_applied, params, &applied) < 0)
		return;
	if (applied.serial == monitors->to_answer && monitors->to_answer) {
		monitors->to_answer = 0;
		reply(monitors->spice, applied.number == 0);
		return;
	}
	monitors->asked = false;
	if (applied.number)
		log_info("the screens do not follow the SPICE client: %.*s",
			 (int)applied.text.length, (const char *)applied.text.bytes);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct spice_monitors_state *monitors = owner;

	(void)stream;
	monitors->stream = NULL;
	monitors->asked = false;
	monitors->layout = (struct spice_layout){0};
	if (result->error != -ENOSYS && result->error != -ECONNRESET)
		spice_retry(monitors->spice);
}

static const struct stream_handlers handlers = {.message = on_message, .closed = on_closed};

void spice_monitors_attach(struct spice *spice)
{
	struct spice_monitors_state *monitors = spice->monitors;

	if (!monitors->stream &&
	    session_request(spice->session, SLICE_LITERAL("display.attach"), (struct slice){0},
			    &handlers, monitors, &monitors->stream) < 0)
		spice_retry(spice);
}

const struct spice_layout *spice_monitors_layout(const struct spice *spice)
{
	return &spice->monitors->layout;
}

/* --- The whole ------------------------------------------------------------------------------ */

int spice_monitors_new(struct spice *spice, struct spice_monitors_state **result)
{
	struct spice_monitors_state *monitors = calloc(1, sizeof(*monitors));

	if (!monitors)
		return -ENOMEM;
	monitors->timer = calloc(1, sizeof(*monitors->timer));
	if (!monitors->timer) {
		free(monitors);
		return -ENOMEM;
	}
	monitors->spice = spice;
	uv_timer_init(spice->loop, monitors->timer);
	monitors->timer->data = monitors;
	*result = monitors;
	return 0;
}

static void on_timer_closed(uv_handle_t *timer)
{
	free(timer);
}

void spice_monitors_free(struct spice_monitors_state *monitors)
{
	if (!monitors)
		return;
	uv_close((uv_handle_t *)monitors->timer, on_timer_closed);
	free(monitors);
}
