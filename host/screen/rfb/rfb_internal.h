/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rfb_internal - a VNC viewer, as the files of this folder share it
 *
 *	rfb.c		its life, and what the screen tells it
 *	handshake.c	versions, security types, the first messages; security.c: passwords
 *	messages.c	what it sends, cut into messages; input.c: keys and pointers of them
 *	encodings.c	what it can
 *	size.c		sizes of the desktop, both ways
 *	update.c	when it is sent what
 *	pseudo.c	cursor, LEDs, name: what is no picture and comes with it
 *	pointer.c	the cursor for those who cannot show one: in the picture
 *	scroll.c	what need not be sent because it is there, elsewhere
 *	flow.c		fences and continuous updates
 *	clipboard.c	plain and extended
 */
#ifndef LODGE_SCREEN_RFB_INTERNAL_H
#define LODGE_SCREEN_RFB_INTERNAL_H

#include "host/screen/clipboard.h"
#include "host/screen/keyboard.h"
#include "host/screen/rfb/encoder.h"
#include "host/screen/rfb/rfb.h"
#include "host/screen/rfb/scroll.h"

#define RFB_CHALLENGE_SIZE 16

/* Without a size of its own, what a viewer is shown of a guest that shows nothing. */
#define RFB_NO_WIDTH  640U
#define RFB_NO_HEIGHT 480U

enum rfb_state {
	RFB_VERSION,
	RFB_SECURITY,
	RFB_VENCRYPT_VERSION,
	RFB_VENCRYPT_TYPE,
	RFB_RESPONSE, /* to the challenge */
	RFB_INIT,
	RFB_RUNNING,
};

/* What a viewer has said it can (SetEncodings). */
struct rfb_abilities {
	enum rfb_encoding encoding; /* for pixels */
	bool last_rect, cursor, alpha_cursor, pointer_position;
	bool desktop_size, extended_desktop_size, desktop_name;
	bool qemu_keys, qemu_motion, qemu_leds, vmware_leds, mouse_buttons;
	bool fence, continuous_updates, extended_clipboard, copy_rect;
	int compression, quality, jpeg_quality, jpeg_subsample;
};

/* What is to be sent with the next update, beside pixels. */
struct rfb_pending {
	bool size;	  /* the desktop's: nothing else is sent before it */
	unsigned int why; /* the reason that an ExtendedDesktopSize gives */
	bool cursor, pointer_position, leds, name;
	bool qemu_keys, qemu_motion, mouse_buttons; /* that we understand those too */
};

/* SetDesktopSize: what it asked for last, and answers that it has not got. */
struct rfb_wish {
	unsigned int owed; /* answers, when the desktop has changed or will not */
	uint32_t width, height;
	bool changed;		  /* the desktop has, since, but to something else */
	unsigned int due, status; /* answers to be sent with the next update */
};

#define RFB_MAX_PIECES 4096U

struct rfb_update {
	bool active;
	bool last_rect;	       /* its end is marked, not counted */
	struct rectangle area; /* what is still to be looked at, */
	size_t tiles;	       /* and at most how many of it */
	size_t count, next;
	struct rectangle *piece; /* RFB_MAX_PIECES */
};

#define RFB_MAX_FENCES 8U

struct rfb_flow {
	bool continuous;
	struct rectangle area;	 /* of continuous updates */
	unsigned int fences_out; /* that were sent and have not come back */
	uint32_t next_fence;
	uint64_t fence_sent_ms[RFB_MAX_FENCES];
	uint64_t round_trip_ms; /* the shortest seen */
};

/* A message whose end is not there yet, and which is too long to wait for. */
struct rfb_long {
	enum {
		LONG_NONE,
		LONG_ENCODINGS,
		LONG_CUT_TEXT,
		LONG_SKIP,
	} what;
	size_t left; /* bytes */
	struct rfb_abilities abilities;
	bool encoding_chosen;
	struct wire text;
	bool extended;
};

/* The cursor as it is painted into the picture, and where; not the viewer's own. */
struct rfb_pointer {
	bool painted;
	struct rectangle place;
	uint32_t generation; /* of its image */
};

struct rfb_clipboard {
	uint64_t asked_id; /* what the guest wants of the viewer, 0: nothing */
	struct clipboard_paste *paste;
};

struct rfb {
	struct viewer viewer;
	struct link *link;
	uv_timer_t limit; /* of the handshake; of an answer to SetDesktopSize */
	uv_timer_t pace;  /* the next update, not too soon */
	uv_idle_t work;	  /* an update is being made */
	unsigned int handles;
	bool closed;

	/* Who may come in. */
	enum rfb_state state;
	unsigned int minor; /* of version 3: 3, 7, 8 */
	bool view_only, exclusive, needs_password, inside_tls;
	enum rfb_tls tls;
	char password[8];
	const struct tls_credentials *credentials, *anonymous;
	struct rfb_attempts *attempts;
	uint8_t challenge[RFB_CHALLENGE_SIZE];

	/* What it has asked for. */
	struct rfb_abilities can;
	struct pixel_format next_format; /* taken up when no update is being made */
	bool format_waits, map_waits;
	bool requested, looks; /* now; ever */
	struct rectangle request;
	bool refreshes; /* what it asks for even if it has not changed: */
	struct rectangle refresh;
	struct rfb_long message;
	struct rfb_flow flow;
	struct rfb_clipboard clipboard;
	struct rfb_wish wish;

	/* Its input. */
	uint32_t buttons;
	struct keyboard_state keys;
	uint64_t moved_ms; /* when it moved its pointer last */

	/* What it has. */
	uint32_t width, height; /* of the picture, as it knows it */
	uint32_t cursor_generation;
	bool cursor_visible;
	int32_t cursor_x, cursor_y;
	struct damage damage;
	struct rfb_pointer pointer;
	struct rfb_pending pending;
	struct rfb_update update;
	struct scroll scroll;
	struct encoder encoder;
	struct wire out;    /* an update */
	struct wire aside;  /* other messages: not in the middle of an update */
	struct wire patch;  /* a piece that is not wholly in the desktop */
	uint64_t update_ms; /* when the last update began */
};

static inline struct rfb *rfb_of(struct viewer *viewer)
{
	return (struct rfb *)viewer;
}

extern const struct viewer_ops rfb_viewer_ops;

/* --- rfb.c ------------------------------------------------------------------------------------ */

/* It is over: @error 0 or what was wrong. What is queued is still sent if @error is 0. */
void rfb_close(struct rfb *rfb, int error);
void rfb_send(struct rfb *rfb, const void *bytes, size_t length);
/* Sends what is in rfb->out, which is empty afterwards. */
void rfb_flush(struct rfb *rfb);
/* Sends what is in rfb->aside, now or behind the update that is being sent. */
void rfb_flush_aside(struct rfb *rfb);
/* The one time limit that there is, in place of the last. */
void rfb_start_limit(struct rfb *rfb, unsigned int milliseconds);
uint64_t rfb_now(const struct rfb *rfb);

/* --- handshake.c, security.c ------------------------------------------------------------------ */

/* These two, and the parts of messages, return how many bytes were used; 0: more are needed;
 * negative errno: it breaks the rules. */
ssize_t rfb_handshake(struct rfb *rfb, const uint8_t *bytes, size_t length);
ssize_t rfb_message(struct rfb *rfb, const uint8_t *bytes, size_t length);
void rfb_begin(struct rfb *rfb);

/* 0 or negative errno. */
int rfb_make_challenge(struct rfb *rfb);
/* 0; -EACCES: wrong; -EBUSY: too many were wrong before; other errors: no cipher. */
int rfb_check_response(struct rfb *rfb, const uint8_t response[RFB_CHALLENGE_SIZE]);
bool rfb_attempts_open(const struct rfb *rfb);

/* --- encodings.c ------------------------------------------------------------------------------ */

void rfb_learn_encoding(struct rfb_abilities *can, bool *chosen, int32_t encoding);
/* All were read. */
void rfb_learnt(struct rfb *rfb, const struct rfb_abilities *can);

/* --- size.c ----------------------------------------------------------------------------------- */

/* The size a viewer is to know. */
void rfb_size(const struct rfb *rfb, uint32_t *width, uint32_t *height);
void rfb_size_changed(struct rfb *rfb);
/* Rectangles that tell the size, and answer wishes; with any, there is nothing else in an update.
 */
unsigned int rfb_count_size(const struct rfb *rfb);
/* Into rfb->out, as many as were counted. */
void rfb_put_size(struct rfb *rfb);
ssize_t rfb_set_desktop_size(struct rfb *rfb, const uint8_t *bytes, size_t length);
void rfb_wish_expired(struct rfb *rfb);

/* --- update.c --------------------------------------------------------------------------------- */

/* Something may have to be sent; looks at everything. */
void rfb_update_soon(struct rfb *rfb);
void rfb_request(struct rfb *rfb, bool incremental, const struct rectangle *area);
/* That part is to be sent as if the viewer had never got it. */
void rfb_refresh(struct rfb *rfb, const struct rectangle *area);
void rfb_damaged(struct rfb *rfb, const struct rectangle *where);
void rfb_drained(struct rfb *rfb);
void rfb_on_work(uv_idle_t *idle);
void rfb_on_pace(uv_timer_t *timer);

/* --- pseudo.c --------------------------------------------------------------------------------- */

void rfb_cursor_changed(struct rfb *rfb);
/* Rectangles that are no pixels of the picture. */
unsigned int rfb_count_pseudo(const struct rfb *rfb);
/* Into rfb->out; as many as were counted. Nothing is pending afterwards. */
void rfb_put_pseudo(struct rfb *rfb);

/* --- pointer.c -------------------------------------------------------------------------------- */

/* Its image, place or visibility, or whether the viewer shows it by itself. */
void rfb_pointer_changed(struct rfb *rfb);
/* Whether it is to be painted into pixels of @place, which @pixels are a copy of. */
bool rfb_pointer_is_on(const struct rfb *rfb, const struct rectangle *place);
void rfb_paint_pointer(const struct rfb *rfb, const struct rectangle *place, uint8_t *pixels,
		       size_t stride);

/* --- input.c ---------------------------------------------------------------------------------- */

void rfb_key(struct rfb *rfb, bool down, uint32_t keysym);
void rfb_qemu_key(struct rfb *rfb, bool down, uint32_t keysym, uint32_t scancode);
void rfb_pointer(struct rfb *rfb, uint32_t buttons, uint32_t x, uint32_t y);

/* --- flow.c ----------------------------------------------------------------------------------- */

ssize_t rfb_fence(struct rfb *rfb, const uint8_t *bytes, size_t length);
ssize_t rfb_continuous_updates(struct rfb *rfb, const uint8_t *bytes, size_t length);
void rfb_flow_learnt(struct rfb *rfb, const struct rfb_abilities *had);
/* Behind an update: how fast it travels is to be known. */
void rfb_put_fence(struct rfb *rfb);
/* As many updates are under way as the connection holds. */
bool rfb_is_full(const struct rfb *rfb);

/* --- clipboard.c ------------------------------------------------------------------------------ */

void rfb_clipboard_learnt(struct rfb *rfb);
void rfb_clipboard_changed(struct rfb *rfb);
/* A whole ClientCutText: Latin-1, or an extended message. 0 or negative errno. */
int rfb_cut_text(struct rfb *rfb, bool extended, const uint8_t *bytes, size_t length);
void rfb_clipboard_end(struct rfb *rfb);
/* More of a cut text than that is skipped. */
#define RFB_MAX_CUT_TEXT (16U << 20)

#endif
