/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qemu_internal - what the files of the QEMU source share
 *
 * qemu.c holds the connection, qemu_consoles.c knows what heads there are, qemu_watch.c listens to
 * them, qemu_input.c presses and points. Nobody else includes this.
 */
#ifndef LODGE_SCREEN_SOURCE_QEMU_INTERNAL_H
#define LODGE_SCREEN_SOURCE_QEMU_INTERNAL_H

#include "host/screen/bus_peer.h"
#include "host/screen/source/qemu.h"
#include "host/screen/source/qemu_listener.h"
#include "protocol/base/bytes.h"

#define QEMU_CONSOLE	  "org.qemu.Display1.Console"
#define QEMU_KEYBOARD	  "org.qemu.Display1.Keyboard"
#define QEMU_MOUSE	  "org.qemu.Display1.Mouse"
#define BUS_PROPERTIES	  "org.freedesktop.DBus.Properties"
#define QEMU_MAX_CONSOLES 64

struct qemu;

struct qemu_console {
	struct qemu *qemu;
	unsigned int head;
	char path[64];
	bool is_on;
	uint32_t width, height;		    /* the last that was heard, whether it is on or not */
	uint32_t told_width, told_height;   /* as its properties say */
	uint32_t drawn_width, drawn_height; /* of what the listener was told */
	bool doubted;			    /* that picture, for these properties: once is enough */
	struct qemu_listener *listener;
	unsigned int registering; /* calls under way */
	bool settled;		  /* the listener has been told what is shown now */
};

struct qemu {
	struct source source;
	struct bus_peer *peer;
	uv_timer_t *linger, *relisten, *settle;
	bool watching, is_absolute, has_pointer;
	unsigned int keys; /* that QEMU has not answered */
	uint32_t x, y;	   /* where the pointer was last, for a relative mouse */
	unsigned int heads;
	struct qemu_console console[DESKTOP_MAX_HEADS];
	uint32_t ids[QEMU_MAX_CONSOLES]; /* to be asked, one after the other */
	unsigned int id_count, id_at;
};

static inline struct qemu *qemu_of(const struct source *source)
{
	return CONTAINER_OF(source, struct qemu, source);
}

/* What follows @first: arguments as for dbus_message_append_args(). @reply NULL: none is wanted.
 * Return: whether it is on its way, and @reply will be called. */
bool qemu_call(struct qemu *qemu, bus_peer_reply *reply, void *owner, const char *path,
	       const char *interface, const char *member, int first, ...);
/* Whether a reply is an error; says so where it can be seen. */
bool qemu_refused(DBusMessage *reply, const char *what);

/* Asks what consoles there are, one after the other. */
void qemu_ask_consoles(struct qemu *qemu);
void qemu_properties_changed(struct qemu *qemu, DBusMessage *message);
void qemu_tell_size(struct qemu_console *console);

/* Listens to all consoles that are on, if somebody watches. */
void qemu_listen(struct qemu *qemu);
/* A console is said to be of another size than what its listener was told. */
void qemu_size_differs(struct qemu *qemu);
/* Operations of the source. */
void qemu_watch(struct source *source, bool watching);
bool qemu_is_current(const struct source *source);
void qemu_key(struct source *source, uint32_t code, bool down);
bool qemu_is_behind(struct source *source);
void qemu_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		  const struct rectangle *at);
void qemu_motion(struct source *source, int32_t dx, int32_t dy);
void qemu_button(struct source *source, uint32_t code, bool down);
void qemu_wheel(struct source *source, int32_t dx, int32_t dy);

#endif
