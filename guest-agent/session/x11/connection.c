/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/x11/connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct x11 {
	xcb_connection_t *connection;
	const xcb_screen_t *screen;
	const struct x11_handlers *handlers;
	void *owner;
	uv_poll_t poll;
	uv_prepare_t prepare; /* before the loop sleeps: events that are here, requests to go */
	bool closed;
	unsigned int closing;
};

static void check(struct x11 *x11)
{
	if (x11->closed || !xcb_connection_has_error(x11->connection))
		return;
	x11->closed = true;
	uv_poll_stop(&x11->poll);
	uv_prepare_stop(&x11->prepare);
	x11->handlers->closed(x11->owner);
}

/* A handler that waits for a reply leaves events behind in xcb's queue, so both ways are used. */
static void hand_out(struct x11 *x11, xcb_generic_event_t *(*next)(xcb_connection_t *connection))
{
	xcb_generic_event_t *event;

	while (!x11->closed && (event = next(x11->connection))) {
		x11->handlers->event(x11->owner, event);
		free(event);
	}
	check(x11);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	hand_out(poll->data, xcb_poll_for_event);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct x11 *x11 = prepare->data;

	hand_out(x11, xcb_poll_for_queued_event);
	if (!x11->closed)
		xcb_flush(x11->connection);
	check(x11);
}

static const xcb_screen_t *screen_of(xcb_connection_t *connection, int number)
{
	xcb_screen_iterator_t screens = xcb_setup_roots_iterator(xcb_get_setup(connection));

	while (number-- > 0 && screens.rem > 1)
		xcb_screen_next(&screens);
	return screens.rem > 0 ? screens.data : NULL;
}

int x11_open(uv_loop_t *loop, const struct x11_handlers *handlers, void *owner, struct x11 **result)
{
	struct x11 *x11 = calloc(1, sizeof(*x11));
	int number = 0, error;

	if (!x11)
		return -ENOMEM;
	x11->handlers = handlers;
	x11->owner = owner;
	x11->connection = xcb_connect(NULL, &number);
	if (!xcb_connection_has_error(x11->connection))
		x11->screen = screen_of(x11->connection, number);
	error = x11->screen
			? uv_poll_init(loop, &x11->poll, xcb_get_file_descriptor(x11->connection))
			: -ECONNREFUSED;
	if (error) {
		xcb_disconnect(x11->connection);
		free(x11);
		return error;
	}
	x11->poll.data = x11;
	uv_prepare_init(loop, &x11->prepare);
	x11->prepare.data = x11;
	x11->closing = 2;
	uv_poll_start(&x11->poll, UV_READABLE, on_poll);
	uv_prepare_start(&x11->prepare, on_prepare);
	*result = x11;
	return 0;
}

xcb_connection_t *x11_connection(const struct x11 *x11)
{
	return x11->connection;
}

const xcb_screen_t *x11_screen(const struct x11 *x11)
{
	return x11->screen;
}

static void on_released(uv_handle_t *handle)
{
	struct x11 *x11 = handle->data;

	if (--x11->closing == 0)
		free(x11);
}

void x11_close(struct x11 *x11)
{
	if (!x11)
		return;
	x11->closed = true;
	uv_poll_stop(&x11->poll);
	xcb_disconnect(x11->connection);
	uv_close((uv_handle_t *)&x11->poll, on_released);
	uv_close((uv_handle_t *)&x11->prepare, on_released);
}
