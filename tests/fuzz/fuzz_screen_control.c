/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* Whoever has the control socket: methods with any parameters, cancelled at any time. */
#include "host/screen/capture.h"
#include "host/screen/clipboard.h"
#include "host/screen/control.h"
#include "host/screen/guest.h"
#include "host/screen/keyboard.h"
#include "host/screen/resize.h"
#include "host/screen/typing.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/pump/pump.h"
#include "tests/unit/host/screen/painted_source.c" // NOLINT(bugprone-suspicious-include)

#include <stdlib.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define MAX_OPEN 16

static const char *const methods[] = {
	"screen.info",	 "screen.display", "screen.watch",	   "screen.capture",
	"screen.type",	 "screen.key",	   "screen.clipboard-get", "screen.clipboard-set",
	"screen.policy", "screen.nothing",
};

struct fuzz {
	uv_loop_t loop;
	struct control_services services;
	struct painted_source painted;
	struct session *session;
	struct pump *pump;
	struct stream *stream[MAX_OPEN];
	uint64_t epoch;
};

/* --- The client ------------------------------------------------------------------------------- */

/* The screen never breaks the rules. */
static void on_lost(void *owner, int reason)
{
	(void)owner;
	if (reason == -EPROTO)
		abort();
}

static void on_wake(void *owner)
{
	pump_wake(((struct fuzz *)owner)->pump);
}

static uint64_t on_random(void *owner)
{
	return ++((struct fuzz *)owner)->epoch;
}

static const struct session_handlers session_handlers = {
	.lost = on_lost, .wake = on_wake, .random = on_random};
static const struct pump_handlers pump_handlers = {0};

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct fuzz *fuzz = owner;

	(void)result;
	for (size_t i = 0; i < MAX_OPEN; i++) {
		if (fuzz->stream[i] == stream)
			fuzz->stream[i] = NULL;
	}
}

static const struct stream_handlers stream_handlers = {.closed = on_closed};

/* --- The screen ------------------------------------------------------------------------------- */

static void on_clipboard_changed(void *owner, struct viewer *by)
{
	screen_clipboard_changed(((struct fuzz *)owner)->services.screen, by);
}

static void on_layout(void *owner)
{
	(void)owner;
}

static const struct guest_handlers guest_handlers = {.layout = on_layout};

static bool can_apply(void *owner)
{
	return guest_can_apply(((struct fuzz *)owner)->services.guest);
}

static const struct guest_layout *layout_now(void *owner)
{
	return guest_layout(((struct fuzz *)owner)->services.guest);
}

static const struct resize_session resize_session = {.can_apply = can_apply, .layout = layout_now};

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	resize_requested(((struct fuzz *)owner)->services.resize, who, wish);
}

static void on_head_changed(void *owner, unsigned int head, uint32_t width, uint32_t height)
{
	resize_head_changed(((struct fuzz *)owner)->services.resize, head, width, height);
}

static const struct screen_hooks hooks = {.requested = on_requested,
					  .head_changed = on_head_changed};

static struct control *make(struct fuzz *fuzz, const struct keyboard *keyboard)
{
	struct control_services *services = &fuzz->services;

	services->screen = screen_new(&fuzz->loop, "fuzz");
	screen_set_keyboard(services->screen, keyboard);
	services->clipboard = clipboard_new(&fuzz->loop, on_clipboard_changed, fuzz);
	services->guest = guest_new(&fuzz->loop, services->clipboard, &guest_handlers, fuzz);
	services->resize = resize_new(services->screen, &resize_session, fuzz);
	services->captures = captures_new(services->screen);
	services->typing = typing_new(services->screen, NULL, NULL);
	screen_set_hooks(services->screen, &hooks, fuzz);
	painted_source_init(&fuzz->painted);
	screen_set_source(services->screen, &fuzz->painted.source);
	painted_source_show(&fuzz->painted, 0, 70, 64);
	return control_new(services);
}

static void unmake(struct fuzz *fuzz, struct control *control)
{
	struct control_services *services = &fuzz->services;

	control_free(control);
	captures_free(services->captures);
	typing_free(services->typing);
	guest_free(services->guest);
	screen_set_hooks(services->screen, NULL, NULL);
	screen_free(services->screen);
	resize_free(services->resize);
	clipboard_free(services->clipboard);
}

/* --- An input --------------------------------------------------------------------------------- */

static void turn(struct fuzz *fuzz)
{
	for (int i = 0; i < 3; i++)
		uv_run(&fuzz->loop, UV_RUN_NOWAIT);
}

/* A method, its place among those that are open, the length of its parameters, those. */
static size_t ask(struct fuzz *fuzz, const uint8_t *bytes, size_t left)
{
	struct stream **place = &fuzz->stream[bytes[1] % MAX_OPEN];
	size_t length = MIN(bytes[2], left - 3);
	const struct slice params = {bytes + 3, length};

	if (*place) {
		if (bytes[0] & 0x80)
			stream_cancel(*place);
		else
			(void)stream_send(*place, bytes[0] % 3, bytes + 3, length);
		if (bytes[0] & 0x40)
			stream_end(*place, bytes[0] % 3);
		return 3 + length;
	}
	(void)session_request(fuzz->session, slice_of(methods[bytes[0] % ARRAY_SIZE(methods)]),
			      params, &stream_handlers, fuzz, place);
	return 3 + length;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char *const capabilities[] = {NULL};
	static struct keyboard *keyboard;
	struct fuzz *fuzz = calloc(1, sizeof(*fuzz));
	struct control *control;
	int pair[2];

	if (!keyboard && keyboard_new("", &keyboard) < 0)
		abort();
	if (uv_loop_init(&fuzz->loop) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	control = make(fuzz, keyboard);
	fuzz->session = session_new(SESSION_HOST, "fuzz", capabilities, &session_handlers, fuzz);
	if (control_add_client(control, pair[0]) < 0 ||
	    pump_new(&fuzz->loop, pair[1], false, fuzz->session, &pump_handlers, fuzz,
		     &fuzz->pump) < 0)
		abort();
	session_start(fuzz->session);
	for (int i = 0; i < 20 && !session_is_established(fuzz->session); i++)
		turn(fuzz);
	while (size > 3) {
		size_t used = ask(fuzz, bytes, size);

		bytes += used;
		size -= used;
		turn(fuzz);
		fuzz->painted.log[0] = '\0';
	}
	pump_free(take_ptr(fuzz->pump));
	session_free(fuzz->session);
	turn(fuzz);
	unmake(fuzz, control);
	uv_run(&fuzz->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&fuzz->loop) < 0 || !fuzz->painted.freed)
		abort();
	free(fuzz);
	return 0;
}
