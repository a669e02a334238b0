/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/display_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>

/* A desktop may not have all of it there when it begins: another look, each after twice the time.
 */
#define FIND_FIRST_MS 1000
#define FIND_LAST_MS  32000

static const struct display_backend *const backends[] = {
	&display_mutter, &display_randr,  &display_kscreen,
	&display_wlr,	 &display_weston, &display_wayland,
};

/* --- To the host ---------------------------------------------------------------------------- */

static void tell_layout(const struct display *display, struct stream *stream)
{
	const struct environment *environment = display->context->environment;
	const struct display_layout layout = {
		.session = slice_of(environment->kind == ENVIRONMENT_X11 ? "x11" : "wayland"),
		.desktop = slice_of(environment->desktop),
		.backend = slice_of(display->backend->name),
	};
	uint8_t bytes[HEAD_LIST_BYTES + 512];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	head_list_encode(&display->told, &layout, &writer);
	stream_message(stream, SLICE_LITERAL("layout"), cbor_written(&writer));
}

void display_look(struct display *display)
{
	const bool same_backend = display->told_by == display->backend;
	struct head_list heads = {0};

	display->backend->read(display->state, &heads);
	if (same_backend && head_list_equal(&heads, &display->told))
		return;
	display->told_by = display->backend;
	heads.serial = display->told.serial;
	display->told = heads;
	for (size_t i = 0; i < DISPLAY_ATTACHED_MAX; i++) {
		if (display->attached[i])
			tell_layout(display, display->attached[i]);
	}
}

/* --- Streams -------------------------------------------------------------------------------- */

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	if (slice_is(name, "apply"))
		display_order(owner, stream, params);
}

static void detach(struct display *display, const struct stream *stream)
{
	for (size_t i = 0; i < DISPLAY_ATTACHED_MAX; i++) {
		if (display->attached[i] == stream)
			display->attached[i] = NULL;
	}
	display_forget(display, stream);
}

static void on_cancelled(struct stream *stream, void *owner)
{
	detach(owner, stream);
	stream_reply(stream, (struct slice){0});
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)result;
	detach(owner, stream);
}

static const struct stream_handlers stream_handlers = {
	.message = on_message,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

static void display_attach(void *state, struct stream *stream, struct slice params)
{
	struct display *display = state;

	(void)params;
	for (size_t i = 0; i < DISPLAY_ATTACHED_MAX; i++) {
		if (display->attached[i])
			continue;
		display_look(display);
		display->attached[i] = stream;
		stream_set_handlers(stream, &stream_handlers, display);
		tell_layout(display, stream);
		return;
	}
	stream_fail(stream, EAGAIN, "too many are attached");
}

/* --- The service ---------------------------------------------------------------------------- */

static int find_backend(struct display *display)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		void *state;
		int error;

		if (backends[i] == display->backend)
			return 0; /* the others can do less */
		error = backends[i]->start(display->context, display, &state);
		if (error == -ENOTSUP)
			continue;
		if (error) {
			log_warning("screens by %s: %s", backends[i]->name, error_text(error));
			continue;
		}
		if (display->backend)
			display->backend->stop(display->state);
		display->backend = backends[i];
		display->state = state;
		log_debug("screens are set by %s", display->backend->name);
		return 0;
	}
	return -ENOTSUP;
}

static void find_later(struct display *display);

static void on_find(uv_timer_t *timer)
{
	struct display *display = timer->data;

	if (!display->applying)
		find_backend(display);
	display_look(display);
	find_later(display);
}

static void find_later(struct display *display)
{
	if (display->backend != &display_wayland || display->find_ms > FIND_LAST_MS)
		return;
	uv_timer_start(&display->find, on_find, display->find_ms, 0);
	display->find_ms *= 2;
}

static int display_start(const struct service_context *context, void **state)
{
	_cleanup_free_ struct display *display = calloc(1, sizeof(*display));
	int error;

	if (!display)
		return -ENOMEM;
	display->context = context;
	error = find_backend(display);
	if (error)
		return error;
	uv_timer_init(context->loop, &display->timer);
	display->timer.data = display;
	uv_timer_init(context->loop, &display->settle);
	display->settle.data = display;
	uv_timer_init(context->loop, &display->find);
	display->find.data = display;
	display->find_ms = FIND_FIRST_MS;
	display->closing = 3;
	display_look(display);
	find_later(display);
	*state = take_ptr(display);
	return 0;
}

static void on_released(uv_handle_t *timer)
{
	struct display *display = timer->data;

	if (--display->closing == 0)
		free(display);
}

static void display_stop(void *state)
{
	struct display *display = state;

	display->backend->stop(display->state);
	uv_close((uv_handle_t *)&display->timer, on_released);
	uv_close((uv_handle_t *)&display->settle, on_released);
	uv_close((uv_handle_t *)&display->find, on_released);
}

const struct service session_service_display = {
	.name = "display",
	.summary = "reports the screens and lets them follow (display.attach)",
	.start = display_start,
	.stop = display_stop,
	.methods =
		(const struct service_method[]){{"display.attach", display_attach}, {NULL, NULL}},
};
