/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display: answers display.attach. The session that has the screen is the one to ask; without one
 * the display driver (drivers/display) speaks for the text console.
 */
#include "drivers/driver.h"
#include "guest-agent/agent/service.h"
#include "guest-agent/agent/session_attach.h"
#include "protocol/base/log.h"
#include "protocol/head_list.h"

#include <errno.h>
#include <stdlib.h>

struct display {
	struct driver_context context;
	struct session_link *sessions;
	struct session_attach *attach;
	void *driver;
};

static void tell_layout(void *owner, struct stream *near)
{
	const struct display *display = owner;
	uint8_t bytes[HEAD_LIST_BYTES + 512];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (driver_display.report(display->driver, &writer) == 0)
		stream_message(near, SLICE_LITERAL("layout"), cbor_written(&writer));
}

static void on_driver_changed(void *owner)
{
	struct display *display = owner;

	/* A console that came to the front is another session's, too. */
	session_link_refresh(display->sessions);
	session_attach_alone(display->attach, tell_layout);
}

static bool is_greeter(const struct display *display)
{
	const struct seat *seat = session_link_seat(display->sessions);

	return seat && seat->is_greeter && !seat->is_text;
}

static void on_message(void *owner, struct stream *near, struct slice name, struct slice params)
{
	struct display *display = owner;
	const char *text = "";
	struct display_applied applied = {0};
	struct display_layout wanted;
	uint8_t bytes[512];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	int error;

	if (!slice_is(name, "apply") ||
	    message_decode(&message_display_layout, params, &wanted) < 0)
		return;
	error = driver_display.handle(display->driver, name, params, &text);
	if (error == -EOPNOTSUPP && is_greeter(display))
		text = "the login screen has the screen, and no lodge-session runs in it";
	tell_layout(display, near);
	applied.serial = wanted.serial;
	applied.number = (uint64_t)-error;
	applied.text = slice_of(text);
	message_encode(&message_display_applied, &applied, &writer);
	stream_message(near, SLICE_LITERAL("applied"), cbor_written(&writer));
}

static const struct session_attach_kind kind = {
	.method = "display.attach",
	.capability = "display",
	.keep = true,
	.alone = tell_layout,
	.message = on_message,
};

static void display_attach(void *state, struct stream *stream, struct slice params)
{
	const struct display *display = state;

	(void)params;
	session_attach_request(display->attach, stream);
}

static int display_start(const struct service_context *context, void **state)
{
	struct display *display = calloc(1, sizeof(*display));
	int error = -ENOMEM;

	if (!display)
		return -ENOMEM;
	display->sessions = context->sessions;
	display->context = (struct driver_context){
		.loop = context->loop,
		.changed = on_driver_changed,
		.owner = display,
		.root = context->root,
	};
	display->attach = session_attach_new(context->sessions, &kind, display);
	if (display->attach)
		error = driver_display.start(&display->context, &display->driver);
	if (error) {
		session_attach_free(display->attach);
		free(display);
		return error;
	}
	*state = display;
	return 0;
}

static void display_stop(void *state)
{
	struct display *display = state;

	driver_display.stop(display->driver);
	session_attach_free(display->attach);
	free(display);
}

const struct service service_display = {
	.name = "display",
	.summary = "screens that follow the host's windows (display.attach)",
	.start = display_start,
	.stop = display_stop,
	.methods =
		(const struct service_method[]){{"display.attach", display_attach}, {NULL, NULL}},
};
