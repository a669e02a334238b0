/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_guest_internal - what the files of the SPICE guest know of each other
 *
 * spice_guest.c has the port and the session, spice_guest_display.c the displays,
 * spice_guest_clipboard.c what was copied, spice_guest_read.c and spice_guest_write.c pastes here
 * and there, spice_guest_files.c files.
 */
#ifndef LODGE_SCREEN_SPICE_GUEST_INTERNAL_H
#define LODGE_SCREEN_SPICE_GUEST_INTERNAL_H

#include "host/screen/clipboard_paste.h"
#include "host/screen/spice/spice_guest.h"
#include "protocol/display.h"
#include "protocol/pump/pump.h"
#include "protocol/spice/spice_wire.h"

#define SPICE_SELECTIONS 2	     /* of which we know: not the secondary one */
#define SPICE_CLIP_BYTES (64U << 20) /* of one paste */
#define SPICE_WANTS	 16	     /* pastes there that wait */
#define SPICE_FILES	 8	     /* at once */

#define SPICE_TYPES	     (SPICE_CLIPBOARD_IMAGE_JPG + 1)
#define SPICE_TYPE_BIT(type) (1U << (type))

struct spice_write;
struct spice_file;

/* The guest pastes: "want" was said, and its id comes back. */
struct spice_asked {
	bool used;
	uint64_t id;
	uint8_t selection;
	uint32_t type;
};

struct spice_guest {
	uv_loop_t *loop;
	struct pump *pump; /* of the port; NULL: it has ended */
	void (*ended)(void *owner);
	void *owner;
	uv_timer_t *stall; /* runs within a message */
	struct spice_wire wire;
	uint32_t theirs, both; /* capabilities */

	struct session *session; /* NULL: none was asked for */
	struct pump *session_pump;
	struct stream *display, *clipboard;
	uint64_t applied; /* serial of what the guest has not answered; 0: nothing */

	uint64_t last_serial, last_id;
	uint64_t copied[SPICE_SELECTIONS];	 /* serial of the guest's offer; 0: there is none */
	uint32_t copied_types[SPICE_SELECTIONS]; /* of it: a bit for each */
	uint64_t offered[SPICE_SELECTIONS];	 /* serial of the host's */
	uint32_t offered_types[SPICE_SELECTIONS]; /* of it */
	bool grabbed[SPICE_SELECTIONS];		  /* the guest was told */
	struct spice_asked asked[SPICE_WANTS];
	struct clipboard_pastes pastes;
	struct spice_write *writes;
	struct spice_file *files;
	uint32_t last_file;
};

void spice_guest_say(struct spice_guest *spice, enum spice_type type, struct slice head,
		     struct slice body);

/* --- spice_guest_display.c ------------------------------------------------------------------ */

void spice_guest_display_attach(struct spice_guest *spice, struct stream *stream);
/* The agent there has said what it knows. */
void spice_guest_display_begin(struct spice_guest *spice);
void spice_guest_display_replied(struct spice_guest *spice, struct slice payload);

/* --- spice_guest_clipboard.c ---------------------------------------------------------------- */

void spice_guest_clipboard_attach(struct spice_guest *spice, struct stream *stream);
void spice_guest_clipboard_message(struct spice_guest *spice, enum spice_type type,
				   struct slice payload);
/* The agent there has begun anew. */
void spice_guest_clipboard_begin(struct spice_guest *spice);

const char *spice_guest_selection_name(unsigned int selection);
/* Or -EINVAL. */
int spice_guest_selection(struct slice name);
void spice_guest_say_clipboard(struct spice_guest *spice, enum spice_type type, uint8_t selection,
			       uint32_t clipboard_type, struct slice data);

/* --- spice_guest_read.c --------------------------------------------------------------------- */

void spice_guest_clipboard_read(struct spice_guest *spice, struct stream *stream,
				struct slice params);
/* For those who wait for it; with NONE the guest says that it has nothing. */
void spice_guest_clipboard_answer(struct spice_guest *spice, const struct spice_clipboard *said,
				  int error);
void spice_guest_clipboard_skipped(struct spice_guest *spice, struct slice start);

/* --- spice_guest_write.c -------------------------------------------------------------------- */

void spice_guest_clipboard_request(struct spice_guest *spice, const struct spice_clipboard *wanted);
void spice_guest_clipboard_write(struct spice_guest *spice, struct stream *stream,
				 struct slice params);
void spice_guest_say_none(struct spice_guest *spice, uint8_t selection);

/* --- spice_guest_files.c -------------------------------------------------------------------- */

void spice_guest_files_receive(struct spice_guest *spice, struct stream *stream,
			       struct slice params);
void spice_guest_files_status(struct spice_guest *spice, struct slice payload);
/* The port has taken bytes. */
void spice_guest_files_more(struct spice_guest *spice);
void spice_guest_files_begin(struct spice_guest *spice);

#endif
