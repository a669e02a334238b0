/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard - the desktop's clipboard and the host's, from inside the desktop session
 *
 * The service answers "clipboard.attach", "clipboard.read" and "clipboard.write"
 * (protocol/display.h). What the desktop's programs copy is offered to the host by types; what the
 * host offers is put into the desktop's clipboard as a promise, and fetched when a program pastes.
 *
 * How a desktop is spoken with is a backend: one file each in clipboard/, and one line in the table
 * of clipboard.c; the first that starts is the one. Types go through backends as they are:
 * clipboard_expand() and clipboard_paste() know the many names of text.
 */
#ifndef LODGE_SESSION_CLIPBOARD_H
#define LODGE_SESSION_CLIPBOARD_H

#include "guest-agent/session/session.h"
#include "protocol/clipboard_text.h"
#include "protocol/display.h"

enum clipboard_selection {
	CLIPBOARD_CLIPBOARD,
	CLIPBOARD_PRIMARY,
	CLIPBOARD_SELECTIONS,
};

/* What a program gets that looks at CLIPBOARD_SECRET, which may be among the types of an offer. */
#define CLIPBOARD_SECRET_VALUE "secret"

struct clipboard;
struct clipboard_read;
struct clipboard_paste;

/* --- What a backend does -------------------------------------------------------------------- */

struct clipboard_backend {
	const char *name;
	/* 0 and *state; -ENOTSUP: this desktop has nothing of the kind. From here on it tells what
	 * the desktop has copied, first what is there already. */
	int (*start)(const struct service_context *context, struct clipboard *clipboard,
		     void **state);
	void (*stop)(void *state);
	/* The host has copied something: make it the desktop's. @types end with NULL and live
	 * during the call. None: if what the desktop has came from the host, it is no more. */
	void (*offer)(void *state, enum clipboard_selection selection, const char *const *types);
	/* The host pastes: get @read->type of what the desktop has, with read_data() as long as
	 * read_wants_more(), then read_end(). All of it later, or from within. Nothing for 10 s
	 * counts as an error. */
	void (*read)(void *state, struct clipboard_read *read);
	/* There is room again after read_wants_more() said no. */
	void (*read_more)(void *state, struct clipboard_read *read);
	/* Nobody wants it any more: @read ends with the call. Not called after read_end(). */
	void (*read_cancel)(void *state, struct clipboard_read *read);
};

extern const struct clipboard_backend clipboard_wayland;
extern const struct clipboard_backend clipboard_x11;

/* --- What the desktop has ------------------------------------------------------------------- */

/* A program has copied something; @count 0: there is nothing any more. Names of types that mean
 * nothing to a host are left out here. Not for what offer() has put there. */
void clipboard_copied(struct clipboard *clipboard, enum clipboard_selection selection,
		      const char *const *types, size_t count);

struct clipboard_read {
	enum clipboard_selection selection;
	const char *type; /* as clipboard_copied() said it */
	void *backend;	  /* the backend's own; NULL at first */
};

/* Copies. -EFBIG: it was too much; the read has ended. */
int read_data(struct clipboard_read *read, const void *bytes, size_t length);
/* Little waits to be sent: go on. */
bool read_wants_more(struct clipboard_read *read);
/* @error: 0 or negative errno; @read ends with the call. */
void read_end(struct clipboard_read *read, int error);

/* --- What the host has ---------------------------------------------------------------------- */

/* @bytes live during the call; @error: 0 or negative errno. */
typedef void clipboard_pasted(void *owner, int error, struct slice bytes);

/**
 * clipboard_paste() - a program pastes what the host has copied
 * @type:	as offer() was told it, or one of clipboard_expand()
 * @done:	called once, never from within this function, unless cancelled
 * @paste:	valid until @done was called
 *
 * Who asks for the same thing meanwhile shares the transfer. Return: 0; -ENOENT; -EAGAIN: too many
 * at once; -ENOMEM.
 */
int clipboard_paste(struct clipboard *clipboard, enum clipboard_selection selection,
		    const char *type, clipboard_pasted *done, void *owner,
		    struct clipboard_paste **paste);
void clipboard_paste_cancel(struct clipboard_paste *paste);

/* @types as programs look for them: each name of text stands beside CLIPBOARD_TEXT, and GNOME's
 * name for files that were copied beside text/uri-list. @expanded: at least CLIPBOARD_MAX_TYPES +
 * CLIPBOARD_MORE_TYPES. Return: how many. */
#define CLIPBOARD_MORE_TYPES 5
size_t clipboard_expand(const char *const *types, const char **expanded);

/* --- The service ---------------------------------------------------------------------------- */

extern const struct service session_service_clipboard;

#endif
