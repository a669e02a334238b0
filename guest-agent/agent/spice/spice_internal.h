/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spice_internal - what the files of the SPICE dialect's guest know of each other
 *
 * spice.c has the port and the session with our own services, spice_monitors.c the screens,
 * spice_mouse.c the pointer, spice_clipboard.c what was copied, spice_clipboard_send.c and
 * spice_clipboard_want.c pastes there and here, spice_files.c files.
 */
#ifndef LODGE_AGENT_SPICE_INTERNAL_H
#define LODGE_AGENT_SPICE_INTERNAL_H

#include "drivers/pointer/pointer.h"
#include "guest-agent/agent/port.h"
#include "guest-agent/agent/spice/spice.h"
#include "protocol/head_list.h"
#include "protocol/pump/pump.h"
#include "protocol/spice/spice_wire.h"

#define SPICE_SELECTIONS 2	     /* of which we know: not the secondary one */
#define SPICE_CLIP_BYTES (64U << 20) /* of one paste */
#define SPICE_WANTS	 16	     /* pastes in the guest that wait */
#define SPICE_FILES	 8	     /* at once */

/* Somebody in the guest pastes. */
struct spice_want {
	bool used;
	uint64_t id;
	uint8_t selection;
	uint32_t type;
};

struct spice_copied {
	uint64_t serial; /* of the guest's offer; 0: there is none */
	/* What the guest calls each type of ours. */
	char name[SPICE_CLIPBOARD_IMAGE_JPG + 1][128];
	bool grabbed; /* the client was told */
};

struct spice_send; /* a paste of the client, under way */
struct spice_file;
struct spice_monitors_state;

struct spice {
	uv_loop_t *loop;
	struct agent *agent;
	struct port *port;
	struct pump *pump; /* of the port */
	struct spice_wire wire;
	uint32_t both; /* capabilities that both have */
	uint32_t theirs;
	int32_t client_max; /* bytes of a paste; negative: as many as we like */

	struct session *session; /* with our own services; NULL while the port is closed */
	struct pump *session_pump;
	uv_timer_t *retry;
	struct stream *clipboard;
	struct spice_monitors_state *monitors;
	struct pointer *pointer;  /* NULL: no client has left it to us yet */
	struct spice_mouse mouse; /* where it was last */
	bool mouse_said;
	struct pointer_state pointed;

	uint64_t last_serial;		    /* of the client's offers */
	uint64_t offered[SPICE_SELECTIONS]; /* 0: the client has nothing */
	struct spice_copied copied[SPICE_SELECTIONS];
	struct spice_want wants[SPICE_WANTS];
	struct spice_send *sends;
	struct spice_file *files;
};

/* Says it to the client. What does not fit is lost, and said in a log line. */
void spice_say(struct spice *spice, enum spice_type type, struct slice head, struct slice body);
void spice_stream_let_go(struct stream *stream);
/* Streams that have ended are opened again, in a while. */
void spice_retry(struct spice *spice);

/* --- spice_monitors.c ----------------------------------------------------------------------- */

/* The desktop's screens as its session has said them, or all that are known. */
struct spice_layout {
	struct head_list heads;
	bool desktop; /* a session has the screen, and sets modes */
	bool pixels;  /* positions count pixels, whatever the scale */
};

int spice_monitors_new(struct spice *spice, struct spice_monitors_state **monitors);
void spice_monitors_free(struct spice_monitors_state *monitors);
void spice_monitors_attach(struct spice *spice);
const struct spice_layout *spice_monitors_layout(const struct spice *spice);
/* The client has said what it knows; it is gone. */
void spice_monitors_begin(struct spice *spice);
void spice_monitors_end(struct spice *spice);
void spice_monitors_message(struct spice *spice, struct slice payload);
/* What the session is to be asked for, so that the screens become what the monitors wish. false:
 * they are so. */
bool spice_monitors_plan(const struct head_list *wishes, const struct head_list *have,
			 struct head_list *plan);

/* --- spice_mouse.c -------------------------------------------------------------------------- */

/* The client has said what it knows: have a pointer if it leaves that to us. */
void spice_mouse_begin(struct spice *spice);
void spice_mouse_message(struct spice *spice, struct slice payload);
/* The screens have other places or sizes: the mouse is still where it was on its own. */
void spice_mouse_again(struct spice *spice);
/* Where on a tablet over the whole desktop a place on one screen is. */
void spice_mouse_place(const struct spice_layout *layout, const struct spice_mouse *mouse,
		       struct pointer_state *state);

/* --- spice_clipboard.c ---------------------------------------------------------------------- */

void spice_clipboard_attach(struct spice *spice);
/* A message of the client. */
void spice_clipboard_message(struct spice *spice, enum spice_type type, struct slice payload);
/* The client is gone. */
void spice_clipboard_end(struct spice *spice);
/* Tell the client again what the guest has: it has only now said what it knows. */
void spice_clipboard_tell(struct spice *spice);

const char *spice_selection_name(uint8_t selection);
void spice_clipboard_say(struct spice *spice, enum spice_type type,
			 const struct spice_clipboard *clipboard, struct slice data);

/* --- spice_clipboard_send.c ----------------------------------------------------------------- */

/* The client pastes. */
void spice_clipboard_request(struct spice *spice, const struct spice_clipboard *wanted);
void spice_clipboard_drop_sends(struct spice *spice);

/* --- spice_clipboard_want.c ----------------------------------------------------------------- */

/* The guest pastes; the client answers. */
void spice_clipboard_want(struct spice *spice, const struct clipboard_want *wanted,
			  uint8_t selection);
void spice_clipboard_answer(struct spice *spice, const struct spice_clipboard *said);
/* An answer that was too long. @start: its first bytes. */
void spice_clipboard_skipped(struct spice *spice, struct slice start);
void spice_clipboard_drop_wants(struct spice *spice);

/* --- spice_files.c -------------------------------------------------------------------------- */

void spice_files_message(struct spice *spice, enum spice_type type, struct slice payload);
void spice_files_end(struct spice *spice);

#endif
