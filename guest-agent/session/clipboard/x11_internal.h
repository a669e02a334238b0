/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x11_internal - what the files of the X11 clipboard know of each other
 *
 * Selections as ICCCM 2 has them. x11.c watches and takes ownership; x11_read.c converts what
 * others own, x11_serve.c answers those who convert what we own.
 */
#ifndef LODGE_SESSION_CLIPBOARD_X11_INTERNAL_H
#define LODGE_SESSION_CLIPBOARD_X11_INTERNAL_H

#include "guest-agent/session/clipboard.h"
#include "guest-agent/session/x11/connection.h"

#define X11_PIECE_BYTES (256U << 10) /* larger ones go by INCR */
#define X11_READS	16
#define X11_TYPES	(CLIPBOARD_MAX_TYPES + CLIPBOARD_MORE_TYPES)

enum x11_atom {
	ATOM_CLIPBOARD,
	ATOM_TARGETS,
	ATOM_TIMESTAMP,
	ATOM_INCR,
	ATOM_UTF8_STRING,
	ATOM_TEXT,
	ATOM_STAMP,	  /* property: written to learn the server's time */
	ATOM_TYPES_FIRST, /* properties: TARGETS of each selection */
	ATOM_READ_FIRST = ATOM_TYPES_FIRST + CLIPBOARD_SELECTIONS, /* properties: of each read */
	ATOMS = ATOM_READ_FIRST + X11_READS,
};

/* What we offer, or what we know of who does. */
struct x11_selection {
	bool owned;		/* by us */
	bool taking;		/* it will be ours when the time is known */
	xcb_timestamp_t since;	/* of our ownership */
	xcb_timestamp_t theirs; /* of somebody else's */
	size_t count;
	char name[X11_TYPES][CLIPBOARD_TYPE_MAX + 1];
	xcb_atom_t atom[X11_TYPES];
};

enum x11_read_state {
	READ_FREE,
	READ_ASKED,
	READ_WHOLE, /* the property has all of it */
	READ_INCR,  /* it comes in pieces */
};

struct x11_read {
	enum x11_read_state state;
	struct clipboard_read *read; /* NULL: cancelled; what still comes is thrown away */
	enum clipboard_selection selection;
	xcb_atom_t target;
	uint32_t offset; /* within the property */
	bool paused;
};

struct x11_serving;

struct x11_clipboard {
	const struct service_context *context;
	struct clipboard *clipboard;
	struct x11 *x11; /* NULL: it is gone for the moment */
	xcb_connection_t *connection;
	xcb_window_t window;
	uint8_t xfixes_event;
	xcb_atom_t atom[ATOMS];
	struct x11_selection selection[CLIPBOARD_SELECTIONS];
	struct x11_read reads[X11_READS];
	struct x11_serving *servings;
	uv_timer_t retry;
};

xcb_atom_t x11_selection_atom(const struct x11_clipboard *x, enum clipboard_selection selection);
/* Intern @count names, all at once; what fails is XCB_ATOM_NONE. */
void x11_intern(xcb_connection_t *connection, const char *const *names, size_t count,
		xcb_atom_t *atoms);

/* --- x11_read.c ----------------------------------------------------------------------------- */

void x11_read_begin(struct x11_clipboard *x, struct clipboard_read *read);
void x11_read_more(struct x11_clipboard *x, const struct clipboard_read *read);
void x11_read_cancel(struct x11_clipboard *x, const struct clipboard_read *read);
void x11_read_converted(struct x11_clipboard *x, const xcb_selection_notify_event_t *event);
void x11_read_property(struct x11_clipboard *x, const xcb_property_notify_event_t *event);
/* Who has copied it has been replaced. */
void x11_read_owner_gone(struct x11_clipboard *x, enum clipboard_selection selection);
/* The server is gone. */
void x11_read_end_all(struct x11_clipboard *x);

/* --- x11_serve.c ---------------------------------------------------------------------------- */

void x11_serve_request(struct x11_clipboard *x, const xcb_selection_request_event_t *event);
void x11_serve_property(struct x11_clipboard *x, const xcb_property_notify_event_t *event);
void x11_serve_end_all(struct x11_clipboard *x);

#endif
