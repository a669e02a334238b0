/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watchers of the state, and those who wait for a display to follow, are streams in one list; what
 * changes within a turn of the loop is told once.
 */
#include "host/screen/control_internal.h"
#include "host/screen/info.h"
#include "host/screen/resize.h"
#include "protocol/base/bytes.h"

#include <stdlib.h>

#define TELL_MS 20 /* between two "changed" */

/* A stream of "screen.watch", or of "screen.display" that waits. */
struct control_wait {
	struct control *control;
	struct control_wait *next;
	struct stream *stream;
	uint64_t until_ms; /* 0: a watch */
};

/* --- Info ------------------------------------------------------------------------------------- */

void control_reply_info(struct control *control, struct stream *stream)
{
	uint8_t bytes[INFO_MAX_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	info_write(&control->services, &writer);
	stream_reply(stream, cbor_written(&writer));
}

/* --- Waiting ---------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void await_next(struct control *control)
{
	uint64_t next = control->tell_at_ms, now = uv_now(screen_loop(control->services.screen));

	for (struct control_wait *wait = control->waits; wait; wait = wait->next) {
		if (wait->until_ms && (next == 0 || wait->until_ms < next))
			next = wait->until_ms;
	}
	if (next == 0)
		uv_timer_stop(control->timer);
	else
		uv_timer_start(control->timer, on_timer, next > now ? next - now : 0, 0);
}

static void changed(struct control *control)
{
	if (control->tell_at_ms || !control->waits)
		return;
	control->tell_at_ms = uv_now(screen_loop(control->services.screen)) + TELL_MS;
	await_next(control);
}

static void on_desktop_changed(struct viewer *viewer)
{
	changed(CONTAINER_OF(viewer, struct control, viewer));
}

static void on_status_changed(struct viewer *viewer)
{
	changed(CONTAINER_OF(viewer, struct control, viewer));
}

static void on_viewer_close(struct viewer *viewer)
{
	CONTAINER_OF(viewer, struct control, viewer)->is_viewer = false;
}

static const struct viewer_ops viewer_ops = {
	.protocol = "control",
	.desktop_changed = on_desktop_changed,
	.status_changed = on_status_changed,
	.close = on_viewer_close,
};

static void wait_free(struct control_wait *wait)
{
	struct control *control = wait->control;
	struct control_wait **link = &control->waits;

	while (*link != wait)
		link = &(*link)->next;
	*link = wait->next;
	free(wait);
	if (control->waits)
		return;
	if (control->is_viewer)
		screen_remove_viewer(&control->viewer);
	control->is_viewer = false;
	control->tell_at_ms = 0;
	uv_timer_stop(control->timer);
}

static void on_wait_cancelled(struct stream *stream, void *owner)
{
	struct control_wait *wait = owner;

	if (wait->until_ms)
		stream_fail(stream, ECANCELED, NULL);
	else
		stream_reply(stream, (struct slice){0});
	wait_free(wait);
}

static void on_wait_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	wait_free(owner);
}

static const struct stream_handlers wait_handlers = {.cancelled = on_wait_cancelled,
						     .closed = on_wait_closed};

static bool tell(struct control_wait *wait, struct slice info, uint64_t now)
{
	struct control *control = wait->control;

	if (wait->until_ms == 0) {
		if (control->tell_at_ms && control->tell_at_ms <= now)
			stream_message(wait->stream, SLICE_LITERAL("changed"), info);
		return false;
	}
	if (resize_is_waiting(control->services.resize) && wait->until_ms > now)
		return false;
	stream_reply(wait->stream, info);
	return true;
}

static void on_timer(uv_timer_t *timer)
{
	struct control *control = timer->data;
	uint64_t now = uv_now(screen_loop(control->services.screen));
	uint8_t bytes[INFO_MAX_BYTES];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct control_wait *next;

	info_write(&control->services, &writer);
	for (struct control_wait *wait = control->waits; wait; wait = next) {
		next = wait->next;
		if (tell(wait, cbor_written(&writer), now))
			wait_free(wait);
	}
	if (control->tell_at_ms && control->tell_at_ms <= now)
		control->tell_at_ms = 0;
	await_next(control);
}

void control_add_wait(struct control *control, struct stream *stream, uint64_t for_ms)
{
	struct screen *screen = control->services.screen;
	struct control_wait *wait = calloc(1, sizeof(*wait));

	control->viewer.ops = &viewer_ops;
	control->viewer.view_only = true;
	if (!wait || (!control->is_viewer && screen_add_viewer(screen, &control->viewer) < 0)) {
		free(wait);
		stream_fail(stream, EAGAIN, "there are too many viewers");
		return;
	}
	control->is_viewer = true;
	wait->control = control;
	wait->stream = stream;
	wait->until_ms = for_ms ? uv_now(screen_loop(screen)) + for_ms : 0;
	wait->next = control->waits;
	control->waits = wait;
	stream_set_handlers(stream, &wait_handlers, wait);
	changed(control);
	await_next(control);
}
