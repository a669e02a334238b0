/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_internal - what the files of the clipboard know of each other
 *
 * clipboard.c keeps offers and decides who sees them; clipboard_fetch.c fetches, once for all who
 * wait; clipboard_guest.c speaks with the guest, clipboard_guest_write.c answers it,
 * clipboard_control.c with the control socket.
 */
#ifndef LODGE_SCREEN_CLIPBOARD_INTERNAL_H
#define LODGE_SCREEN_CLIPBOARD_INTERNAL_H

#include "host/screen/clipboard.h"

/* Offers are passed on when so much time has passed: a flood of them costs one each. */
#define CLIPBOARD_SETTLE_MS 20

/* Who offers or pastes. */
enum clipboard_side {
	SIDE_NOBODY,
	SIDE_GUEST,
	SIDE_VIEWER,
	SIDE_USER,
};

/* Bytes that several hold. */
struct blob {
	unsigned int holders;
	size_t length;
	uint8_t *bytes;
};

/* Takes @bytes (malloc()ed), also on failure (NULL). */
struct blob *blob_new(uint8_t *bytes, size_t length);
struct blob *blob_hold(struct blob *blob);
void blob_drop(struct blob *blob);

/* From whom to whom an offer may pass. */
enum passage {
	PASSAGE_TO_GUEST,
	PASSAGE_TO_HOST,
	PASSAGE_BETWEEN, /* not the guest: both directions must allow it */
	PASSAGES,
};

struct offer {
	enum clipboard_side by;
	struct viewer *viewer; /* SIDE_VIEWER */
	uint64_t serial;
	uint64_t guest_serial; /* SIDE_GUEST: what the guest calls it */
	bool secret;
	size_t count;
	char name[CLIPBOARD_MAX_TYPES][CLIPBOARD_TYPE_MAX + 1]; /* as they are shown */
	const char *type[CLIPBOARD_MAX_TYPES];
	struct shown {
		size_t count;
		const char *type[CLIPBOARD_MAX_TYPES];
	} shown[PASSAGES];		   /* what the policy lets pass */
	size_t text_at;			   /* index of CLIPBOARD_TEXT; count: there is none */
	char text[CLIPBOARD_TYPE_MAX + 1]; /* what its owner calls that */
	clipboard_wanted *wanted;	   /* SIDE_VIEWER, if not held */
	struct blob *held;
};

struct fetch;
struct guest_write;
struct control_operation;

struct clipboard {
	uv_loop_t *loop;
	void (*changed)(void *owner, struct viewer *by);
	void *owner;
	struct clipboard_policy policy;
	void (*policy_changed)(void *owner); /* NULL: nobody wants to know */
	void *policy_owner;
	struct offer offer[CLIPBOARD_SELECTIONS];
	uint64_t last_serial, last_fetch;
	uv_timer_t settle;
	bool unsettled;
	struct viewer *by; /* who caused the change that is being settled, if one viewer did */
	struct fetch *fetches;
	size_t bytes_held; /* by fetches and by what comes from the control socket */

	struct session *guest; /* NULL: there is none */
	struct stream *attach;
	uv_timer_t retry;
	uint64_t retry_ms;
	uint64_t told[CLIPBOARD_SELECTIONS]; /* serial that the guest was told last; 0: none */
	struct guest_write *writes;

	struct control_operation *operations;
	unsigned int handles; /* open; the last one that closes frees */
};

struct clipboard_paste {
	struct fetch *fetch;
	struct clipboard_paste *next;
	enum clipboard_side side;
	struct viewer *viewer;
	size_t max_bytes;
	clipboard_pasted *done;
	void *owner;
	struct blob *blob; /* while done() runs: what it is given, to be held longer */
};

struct fetch {
	struct clipboard *clipboard;
	struct fetch *next;
	uint64_t id;
	enum clipboard_selection selection;
	enum clipboard_side from;
	struct viewer *viewer;
	enum text_form form; /* TEXT_NONE: pass the bytes as they are */
	char type[CLIPBOARD_TYPE_MAX + 1];
	uint8_t *bytes;
	size_t length, capacity;
	struct blob *held;
	struct stream *stream; /* of the guest */
	uint64_t deadline_ms;
	uv_timer_t timer;
	bool ended;
	int error;
	struct clipboard_paste *pastes;
};

/* --- clipboard.c ---------------------------------------------------------------------------- */

const char *selection_name(enum clipboard_selection selection);
/* 0 or -EINVAL; empty is the clipboard. */
int selection_parse(struct slice name, enum clipboard_selection *selection);

/* What @side sees. */
struct clipboard_types types_for(const struct clipboard *clipboard, enum clipboard_side side,
				 const struct viewer *viewer, enum clipboard_selection selection);

/* Bytes that one copy may have. */
size_t copy_limit(const struct clipboard *clipboard);

/* Begin an offer in place of the one there is: then offer_add() each type, then offer_made(). */
struct offer *offer_begin(struct clipboard *clipboard, enum clipboard_selection selection,
			  enum clipboard_side by, struct viewer *viewer);
void offer_add(struct offer *offer, struct slice type);
void offer_made(struct clipboard *clipboard, enum clipboard_selection selection);
/* What @side has offered is no more. */
void offer_withdraw(struct clipboard *clipboard, enum clipboard_selection selection,
		    enum clipboard_side by, const struct viewer *viewer);
/* Offer bytes that are there; takes @held. */
void offer_held(struct clipboard *clipboard, enum clipboard_selection selection,
		enum clipboard_side by, struct viewer *viewer, const char *type, struct blob *held);

/* --- clipboard_fetch.c ---------------------------------------------------------------------- */

/* As clipboard_paste(), for any side. */
int paste_begin(struct clipboard *clipboard, enum clipboard_side side, struct viewer *viewer,
		enum clipboard_selection selection, const char *type, size_t max_bytes,
		clipboard_pasted *done, void *owner, struct clipboard_paste **paste);
/* 0; -EFBIG, and the fetch has ended. */
int fetch_append(struct fetch *fetch, const void *bytes, size_t length);
/* Tells those who wait, when the loop runs on. */
void fetch_end(struct fetch *fetch, int error);
/* All of @selection end with @error. */
void fetch_end_all(struct clipboard *clipboard, enum clipboard_selection selection, int error);
/* At the end of the clipboard: nobody is told. */
void fetch_drop_all(struct clipboard *clipboard);
/* Grow *@bytes so that @more fit behind @length, within what all may hold. */
int grow(struct clipboard *clipboard, uint8_t **bytes, size_t length, size_t more,
	 size_t *capacity);

/* --- clipboard_guest.c ---------------------------------------------------------------------- */

/* Offers have settled: tell the guest what is new to it. */
void guest_tell(struct clipboard *clipboard);
/* Ask for the bytes of the guest's offer: fetch->stream. */
int guest_fetch(struct fetch *fetch, uint64_t serial);
/* Nobody waits for them any more. */
void guest_fetch_cancel(struct fetch *fetch);
void guest_open(struct clipboard *clipboard);
void guest_retry_fired(uv_timer_t *timer);

/* A stream that nobody waits for any more. */
void guest_let_go(struct stream *stream);

/* --- clipboard_guest_write.c ---------------------------------------------------------------- */

/* Somebody in the guest pastes. */
void guest_want(struct clipboard *clipboard, const struct clipboard_want *wanted,
		enum clipboard_selection selection);
void guest_drop_writes(struct clipboard *clipboard);

/* --- clipboard_control.c -------------------------------------------------------------------- */

void control_drop_all(struct clipboard *clipboard);

#endif
