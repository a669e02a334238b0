/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection - a connection to the X server, on the loop
 *
 * Events are handed out and requests are flushed as the loop turns. Each service has a connection
 * of its own.
 */
#ifndef LODGE_SESSION_X11_CONNECTION_H
#define LODGE_SESSION_X11_CONNECTION_H

#include <uv.h>
#include <xcb/xcb.h>

struct x11;

struct x11_handlers {
	/* @event is the connection's and ends with the call. An error that nobody waits for is an
	 * event too (response_type 0). */
	void (*event)(void *owner, const xcb_generic_event_t *event);
	/* The server is gone. Called once, from the loop. */
	void (*closed)(void *owner);
};

/* Connect to $DISPLAY. 0; -ECONNREFUSED; -ENOMEM. */
int x11_open(uv_loop_t *loop, const struct x11_handlers *handlers, void *owner, struct x11 **x11);

xcb_connection_t *x11_connection(const struct x11 *x11);
/* The screen that $DISPLAY names. */
const xcb_screen_t *x11_screen(const struct x11 *x11);

/* NULL is fine. */
void x11_close(struct x11 *x11);

#endif
