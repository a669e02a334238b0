/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * viewer_world - a screen with a machine that notes what it is told, and a viewer over D-Bus: the
 * client's end is a bus_peer too, on the same loop
 */
#ifndef LODGE_UNIT_SCREEN_VIEWER_WORLD_H
#define LODGE_UNIT_SCREEN_VIEWER_WORLD_H

#include "host/screen/bus_peer.h"
#include "host/screen/clipboard.h"
#include "host/screen/dbus/dbus_viewer.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <linux/input-event-codes.h>
#include <unistd.h>

#define ROOT	"/org/qemu/Display1"
#define CONSOLE ROOT "/Console_0"
#define DISPLAY "org.qemu.Display1."

struct machine {
	struct source source;
	bool watching;
	char log[1024];
};

struct client {
	struct bus_peer *peer;
	DBusMessage *reply; /* the last one */
	DBusMessage *call;  /* the last one, not answered unless it is a listener that answers */
	char calls[512];
	int fd;	      /* that came last */
	bool answers; /* calls */
	bool maps;    /* says that it can */
	bool refuses_map;
	unsigned int closed;
};

extern uv_loop_t loop;
extern struct screen *screen;
extern struct clipboard *clipboard;
extern struct machine machine;
extern struct client viewer, listener;

void world_setup(void);
void world_teardown(void);

/* What the machine was told since the last call. */
const char *noted(void);
/* What is in a head's picture. */
uint32_t pixel(uint32_t x, uint32_t y);
/* Fills a part of a head with the pattern, moved by @shift. */
void paint(unsigned int head, struct rectangle where, uint32_t shift);

void turn(unsigned int times);
/* Until offers have settled, and heads have gone dark. */
void settle(void);

void connect_viewer(bool view_only);
void connect_listener(unsigned int console);
/* What a client was called since the last call: "A;B;". */
const char *called(struct client *client);
/* Answers what a client was called, as it answers. */
void answer(struct client *client, DBusMessage *message);
/* Lets go of *@message, which is NULL then. NULL is fine. */
void drop(DBusMessage **message);

DBusMessage *new_call(const char *path, const char *interface, const char *member);
/* Sends it and takes the answer; @message is gone. */
DBusMessage *ask(DBusMessage *message, int fd);
void ck_done(DBusMessage *reply);
void ck_error(DBusMessage *reply, const char *name);

#define CALL(path, interface, member, ...)                                                         \
	({                                                                                         \
		DBusMessage *made_ = new_call(path, interface, member);                            \
		ck_assert(dbus_message_append_args(made_, __VA_ARGS__, DBUS_TYPE_INVALID));        \
		ask(made_, -1);                                                                    \
	})

#endif
