/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection - a connection to the Wayland compositor, on the loop
 *
 * Events are dispatched and requests are flushed as the loop turns; nobody need call libwayland's
 * functions for that. Each service has a connection of its own, so that what breaks one leaves the
 * others alone.
 */
#ifndef LODGE_SESSION_WAYLAND_CONNECTION_H
#define LODGE_SESSION_WAYLAND_CONNECTION_H

#include <stdint.h>
#include <uv.h>
#include <wayland-client-core.h>
#include <wayland-client-protocol.h>

struct wayland;

struct wayland_handlers {
	/* A global has come: first each that is there already. May be NULL. */
	void (*global)(void *owner, uint32_t name, const char *interface, uint32_t version);
	void (*removed)(void *owner, uint32_t name); /* may be NULL */
	/* The compositor is gone, or has refused something (@error: negative errno). Called once,
	 * from the loop; only wayland_close() and the destructors of proxies may follow. */
	void (*closed)(void *owner, int error);
};

/**
 * wayland_open() - connect to $WAYLAND_DISPLAY and learn its globals
 *
 * Waits for the compositor's answer: `global` has been called for each when this returns.
 *
 * Return: 0 or negative errno.
 */
int wayland_open(uv_loop_t *loop, const struct wayland_handlers *handlers, void *owner,
		 struct wayland **wayland);

/* Wait until the compositor has answered all that was asked so far. 0 or negative errno. */
int wayland_roundtrip(struct wayland *wayland);

/* Make a global usable: wl_registry_bind() with the table @interface. NULL without memory. */
void *wayland_bind(struct wayland *wayland, uint32_t name, const struct wl_interface *interface,
		   uint32_t version);

struct wl_display *wayland_display(const struct wayland *wayland);

/* Disconnects; proxies must have been destroyed before. NULL is fine. */
void wayland_close(struct wayland *wayland);

#endif
