/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listener_internal - what listener.c and listener_send.c share; nobody else includes this */
#ifndef LODGE_SCREEN_DBUS_LISTENER_INTERNAL_H
#define LODGE_SCREEN_DBUS_LISTENER_INTERNAL_H

#include "host/screen/dbus/internal.h"

#define LISTENER      "org.qemu.Display1.Listener"
#define LISTENER_MAP  "org.qemu.Display1.Listener.Unix.Map"
#define LISTENER_PATH "/org/qemu/Display1/Listener"

struct dbus_listener {
	struct dbus_viewer *viewer;
	struct dbus_listener *next;
	struct bus_peer *peer;
	unsigned int head;
	bool ready;	  /* it has said what it can */
	bool can_map;	  /* Unix.Map */
	bool waiting;	  /* for the answer to a call */
	bool new_scanout; /* the picture is another */
	bool disabled;	  /* it was told that there is none */
	bool too_large;	  /* likewise, since it cannot be sent */
	bool new_cursor, new_place;
	struct rectangle damage; /* on the head */
	uint32_t width, height;	 /* of the last scanout */
	uint32_t cursor_generation;
	uint8_t *map;
	size_t map_size;
	int map_fd;
};

const struct desktop_head *listener_head(const struct dbus_listener *listener);
DBusMessage *listener_new_call(const char *interface, const char *member);
void listener_drop_map(struct dbus_listener *listener);

/* One of them at a time: listener->waiting says that it is on its way, and then listener_pump() is
 * called. What could not be sent stays to be sent. */
void listener_send_disable(struct dbus_listener *listener);
void listener_send_scanout(struct dbus_listener *listener);
void listener_send_update(struct dbus_listener *listener);
void listener_send_cursor(struct dbus_listener *listener);
void listener_send_place(struct dbus_listener *listener);

/* Sends what is most urgent, unless an answer is waited for. */
void listener_pump(struct dbus_listener *listener);

#endif
