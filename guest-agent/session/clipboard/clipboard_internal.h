/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_internal - what the files of the session's clipboard know of each other
 *
 * clipboard.c keeps offers and the attached streams; clipboard_read.c gives the host what the
 * desktop has, clipboard_paste.c gets what the host has. Backends see clipboard.h alone.
 */
#ifndef LODGE_SESSION_CLIPBOARD_INTERNAL_H
#define LODGE_SESSION_CLIPBOARD_INTERNAL_H

#include "guest-agent/session/clipboard.h"

#define CLIPBOARD_ATTACHED   4	   /* hosts at once: the agent passes on several streams */
#define CLIPBOARD_READS	     16	   /* under way at once */
#define CLIPBOARD_TRANSFERS  16	   /* likewise, from the host */
#define CLIPBOARD_WAITING    64	   /* pastes that wait for one of those */
#define CLIPBOARD_TIMEOUT_MS 10000 /* without a byte */

/* One side's offer of a selection. */
struct offered {
	struct stream *by; /* the host's attach; NULL: the desktop's own */
	uint64_t serial;   /* 0: there is none */
	bool secret;
	size_t count;
	char name[CLIPBOARD_MAX_TYPES][CLIPBOARD_TYPE_MAX + 1];
	const char *type[CLIPBOARD_MAX_TYPES + 1]; /* ends with NULL */
};

struct reading;
struct transfer;

struct clipboard {
	const struct service_context *context;
	const struct clipboard_backend *backend;
	void *backend_state;
	struct stream *attached[CLIPBOARD_ATTACHED];
	struct offered copied[CLIPBOARD_SELECTIONS]; /* by the desktop */
	struct offered host[CLIPBOARD_SELECTIONS];   /* by the host */
	uint64_t last_serial, last_id;
	struct reading *readings;
	struct transfer *transfers;
};

/* --- clipboard.c ---------------------------------------------------------------------------- */

const char *selection_name(enum clipboard_selection selection);
/* 0 or -EINVAL. */
int selection_parse(struct slice name, enum clipboard_selection *selection);
/* Adds a type unless it is there or there is no room. */
void offered_add(struct offered *offered, struct slice type);

/* --- clipboard_read.c ----------------------------------------------------------------------- */

/* Answers "clipboard.read". */
void reading_begin(struct clipboard *clipboard, struct stream *stream, struct slice params);
void reading_end_all(struct clipboard *clipboard);

/* --- clipboard_paste.c ---------------------------------------------------------------------- */

/* Answers "clipboard.write". */
void transfer_write(struct clipboard *clipboard, struct stream *stream, struct slice params);
/* What was asked over @attached ends with @error; NULL: all of them. */
void transfer_end_all(struct clipboard *clipboard, const struct stream *attached, int error);

#endif
