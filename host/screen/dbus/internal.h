/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* internal - what the files of this folder share; nobody else includes this */
#ifndef LODGE_SCREEN_DBUS_INTERNAL_H
#define LODGE_SCREEN_DBUS_INTERNAL_H

#include "host/screen/bus_peer.h"
#include "host/screen/clipboard.h"
#include "host/screen/dbus/dbus_viewer.h"

#define DISPLAY_ROOT	      "/org/qemu/Display1"
#define DISPLAY_VM	      DISPLAY_ROOT "/VM"
#define DISPLAY_CLIPBOARD     DISPLAY_ROOT "/Clipboard"
#define DISPLAY_CONSOLE	      DISPLAY_ROOT "/Console_" /* and the head */
#define DISPLAY_PATH_SIZE     64
#define DISPLAY_PROPERTIES    "org.freedesktop.DBus.Properties"
#define DISPLAY_MAX_LISTENERS (2 * DESKTOP_MAX_HEADS) /* of a viewer */
/* Messages of a viewer: what it has copied is the largest; and of its listeners. */
#define DISPLAY_MAX_MESSAGE    (CLIPBOARD_VIEWER_MAX + 65536U)
#define DISPLAY_MAX_ANSWER     65536U
#define DISPLAY_MAX_UNANSWERED (4U << 20) /* bytes of answers that a viewer does not read */

struct dbus_listener;

/* What this side knows of a viewer's clipboard, by selection. */
struct display_clipboard {
	bool registered;
	struct {
		uint32_t serial; /* of the last grab, whosever it was */
		bool grabbed;	 /* by us: the viewer was told of types */
	} selection[CLIPBOARD_SELECTIONS];
	unsigned int requests; /* under way, of ours and of the viewer */
	struct clipboard_request *list;
};

struct dbus_viewer {
	struct viewer viewer;
	struct bus_peer *peer;
	uv_timer_t life; /* never started: its memory goes when nobody is in a call any more */
	bool ready, freed;
	struct dbus_listener *listeners;
	unsigned int listener_count;
	uint32_t buttons;
	unsigned int consoles;					      /* that it was told of */
	uint32_t width[DESKTOP_MAX_HEADS], height[DESKTOP_MAX_HEADS]; /* likewise */
	struct display_clipboard clipboard;
};

/* --- Calls ------------------------------------------------------------------------------------ */

struct display_call {
	struct dbus_viewer *viewer;
	DBusMessage *message;
	unsigned int head; /* of a console */
	int *fds;	   /* what is taken is set to -1 */
	size_t fd_count;
};

/* An empty answer to fill in; NULL without memory, and without one nobody is answered. */
DBusMessage *display_answer(const struct display_call *call);
/* Sends it, unless no answer is wanted; it is gone then. NULL is fine. */
void display_send(const struct display_call *call, DBusMessage *answer);
void display_done(const struct display_call *call);
void display_refuse(const struct display_call *call, const char *error, const char *text);

/* --- Interfaces ------------------------------------------------------------------------------- */

struct display_method {
	const char *name;
	const char *in, *out; /* signatures */
	const char *names;    /* of the arguments, in and then out, parted by spaces */
	void (*call)(struct display_call *call);
};

struct display_property {
	const char *name, *type;
	/* Appends the value. false without memory. */
	bool (*put)(const struct dbus_viewer *viewer, unsigned int head, DBusMessageIter *value);
};

struct display_interface {
	const char *name;
	const struct display_method *methods; /* ends with an empty one */
	const struct display_property *properties;
};

enum display_object {
	OBJECT_NONE,
	OBJECT_PARENT, /* has others below it, and nothing else */
	OBJECT_ROOT,
	OBJECT_VM,
	OBJECT_CONSOLE,
	OBJECT_CLIPBOARD,
};

/* The last is NULL. */
const struct display_interface *const *display_interfaces(enum display_object object);

extern const struct display_interface display_vm, display_console, display_keyboard, display_mouse,
	display_clipboard;

void display_introspect(struct display_call *call, enum display_object object);
/* Calls of org.freedesktop.DBus.Properties and .ObjectManager. */
void display_properties(struct display_call *call, enum display_object object);
void display_managed_objects(struct display_call *call);

/* A call came on the main connection. */
void display_dispatch(struct display_call *call);
/* Tells the viewer that a property has changed. */
void display_changed(struct dbus_viewer *viewer, const char *path, unsigned int head,
		     const struct display_interface *interface, const char *property);
/* Consoles have come or gone. */
void display_consoles_changed(struct dbus_viewer *viewer, unsigned int before, unsigned int now);
unsigned int display_consoles(const struct dbus_viewer *viewer);
void display_console_path(unsigned int head, char path[DISPLAY_PATH_SIZE]);

/* Appends ["a", "b", ...] as a value. */
bool display_put_strings(DBusMessageIter *value, const char *const *strings, size_t count);

/* --- Listeners -------------------------------------------------------------------------------- */

/* @fd becomes the listener's, also on failure. 0; -EMFILE; -ENOMEM. */
int dbus_listener_new(struct dbus_viewer *viewer, unsigned int head, int fd);
void dbus_listener_free(struct dbus_listener *listener);
struct dbus_listener *dbus_listener_next(const struct dbus_listener *listener);
/* The picture is another, there is damage in it, the cursor is another. */
void dbus_listener_desktop_changed(struct dbus_listener *listener);
void dbus_listener_damaged(struct dbus_listener *listener, const struct rectangle *where);
void dbus_listener_cursor_changed(struct dbus_listener *listener);

/* --- Clipboard -------------------------------------------------------------------------------- */

void display_clipboard_changed(struct dbus_viewer *viewer);
/* The viewer goes. */
void display_clipboard_end(struct dbus_viewer *viewer);

#endif
