/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * randr - X servers, by RandR (version 1.3)
 *
 * The server reads a monitor anew when the kernel tells it to, and changes nothing by itself: it
 * even goes on with the picture of a monitor that is gone, for windows to get lost on. So that is
 * put out here, when the monitor does not come back at once.
 */
#include "guest-agent/session/display.h"
#include "guest-agent/session/display/plan.h"
#include "guest-agent/session/display/randr_change.h"
#include "guest-agent/session/display/randr_scale.h"
#include "guest-agent/session/display/randr_state.h"
#include "guest-agent/session/x11/connection.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>

#define READS	3U
#define GONE_MS 400 /* a monitor that is plugged in anew is back before */

struct randr {
	const struct service_context *context;
	struct display *display;
	struct x11 *x11;
	xcb_connection_t *connection;
	xcb_window_t root;
	uint8_t first_event;
	uv_timer_t gone;
};

static void cleanup_state(struct randr_state *state)
{
	randr_state_free(state);
}

static const char *reason(int error)
{
	switch (error) {
	case -EBUSY:
		return "the X server cannot show so many pictures at once";
	case -ERANGE:
		return "the X server's screen cannot be so large";
	default:
		return "the X server refuses it";
	}
}

static void randr_apply(void *state, const struct head_list *heads)
{
	struct randr *randr = state;
	int error = randr_change(randr->connection, randr->root, heads);

	display_applied(randr->display, error, error ? reason(error) : NULL);
}

static int read_state(const struct randr *randr, struct randr_state *state)
{
	int error = -EAGAIN;

	/* It may change in between. */
	for (unsigned int i = 0; i < READS && error == -EAGAIN; i++)
		error = randr_state_read(randr->connection, randr->root, state);
	return error;
}

static bool randr_read(void *data, struct head_list *heads)
{
	struct randr *randr = data;
	_cleanup_(cleanup_state) struct randr_state state = {0};

	if (read_state(randr, &state) == 0)
		randr_state_heads(&state, randr_scale_get(randr->connection, randr->root), heads);
	return true;
}

/* --- Monitors that are gone ----------------------------------------------------------------- */

/* What all shall be when pictures without a monitor are out. Return: are there any, and others? */
static bool without_gone(struct randr *randr, struct head_list *plan)
{
	static const struct plan_rules rules = {.pixels = true, .has_primary = true};
	_cleanup_(cleanup_state) struct randr_state state = {0};
	struct head_list have = {0}, off = {0};

	if (read_state(randr, &state) < 0)
		return false;
	randr_state_heads(&state, randr_scale_get(randr->connection, randr->root), &have);
	for (size_t i = 0; i < have.count; i++) {
		const unsigned int head = have.heads[i].head;

		if (have.heads[i].enabled && !randr_state_output(&state, head))
			off.heads[off.count++].head = head;
	}
	return off.count > 0 && plan_make(&have, &off, &rules, plan) == 0;
}

static void on_gone(uv_timer_t *timer)
{
	struct randr *randr = timer->data;
	struct head_list plan;
	int error;

	if (!without_gone(randr, &plan))
		return;
	error = randr_change(randr->connection, randr->root, &plan);
	if (error)
		log_debug("a monitor that is gone keeps its picture: %s", error_text(error));
	display_changed(randr->display);
}

static void watch_gone(struct randr *randr)
{
	struct head_list plan;

	if (!uv_is_active((const uv_handle_t *)&randr->gone) && without_gone(randr, &plan))
		uv_timer_start(&randr->gone, on_gone, GONE_MS, 0);
}

/* --- The connection ------------------------------------------------------------------------- */

static void on_event(void *owner, const xcb_generic_event_t *event)
{
	struct randr *randr = owner;
	const uint8_t type = event->response_type & 0x7f;

	if (type != randr->first_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY &&
	    type != randr->first_event + XCB_RANDR_NOTIFY)
		return;
	display_changed(randr->display);
	watch_gone(randr);
}

static void on_closed(void *owner)
{
	struct randr *randr = owner;

	randr->context->over(randr->context->owner);
}

static const struct x11_handlers x11_handlers = {.event = on_event, .closed = on_closed};

/* -ENOTSUP: not this server. */
static int begin(struct randr *randr)
{
	const xcb_query_extension_reply_t *extension =
		xcb_get_extension_data(randr->connection, &xcb_randr_id);
	xcb_randr_query_version_reply_t *version;
	bool recent;

	if (!extension || !extension->present)
		return -ENOTSUP;
	version = xcb_randr_query_version_reply(
		randr->connection, xcb_randr_query_version(randr->connection, 1, 3), NULL);
	recent = version && (version->major_version > 1 ||
			     (version->major_version == 1 && version->minor_version >= 3));
	free(version);
	if (!recent)
		return -ENOTSUP;
	randr->first_event = extension->first_event;
	xcb_randr_select_input(randr->connection, randr->root,
			       XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE |
				       XCB_RANDR_NOTIFY_MASK_CRTC_CHANGE |
				       XCB_RANDR_NOTIFY_MASK_OUTPUT_CHANGE);
	return 0;
}

static int randr_start(const struct service_context *context, struct display *display, void **state)
{
	_cleanup_free_ struct randr *randr = NULL;
	int error;

	if (context->environment->kind != ENVIRONMENT_X11)
		return -ENOTSUP;
	randr = calloc(1, sizeof(*randr));
	if (!randr)
		return -ENOMEM;
	randr->context = context;
	randr->display = display;
	error = x11_open(context->loop, &x11_handlers, randr, &randr->x11);
	if (error)
		return error;
	randr->connection = x11_connection(randr->x11);
	randr->root = x11_screen(randr->x11)->root;
	error = begin(randr);
	if (error) {
		x11_close(randr->x11);
		return error;
	}
	uv_timer_init(context->loop, &randr->gone);
	randr->gone.data = randr;
	watch_gone(randr);
	*state = take_ptr(randr);
	return 0;
}

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

static void randr_stop(void *state)
{
	struct randr *randr = state;

	x11_close(randr->x11);
	uv_close((uv_handle_t *)&randr->gone, on_released);
}

const struct display_backend display_randr = {
	.name = "randr",
	.start = randr_start,
	.stop = randr_stop,
	.read = randr_read,
	.apply = randr_apply,
	.has_primary = true,
};
