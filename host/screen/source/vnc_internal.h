/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vnc_internal - what the files of the VNC source share
 *
 * vnc.c begins, asks for pictures and sizes, and ends; vnc_update.c reads what the server says;
 * vnc_cursor.c makes cursors of it; vnc_input.c presses and points. Nobody else includes this.
 */
#ifndef LODGE_SCREEN_SOURCE_VNC_INTERNAL_H
#define LODGE_SCREEN_SOURCE_VNC_INTERNAL_H

#include "host/screen/link.h"
#include "host/screen/rfb/encodings.h"
#include "host/screen/source/vnc.h"
#include "protocol/base/bytes.h"

#include <sys/types.h>

#define VNC_MAX_SIDE   16384
#define VNC_MAX_CURSOR 512
#define VNC_MAX_DAMAGE 16 /* rectangles of an update that are told apart */

struct vnc;

/**
 * vnc_step - reads what comes next
 *
 * Return: how many of @length bytes it has used, after which vnc->step reads on; -EAGAIN: it needs
 * more; another negative errno: the server breaks the rules.
 */
typedef ssize_t vnc_step(struct vnc *vnc, const uint8_t *bytes, size_t length);

struct vnc_rectangle {
	struct rectangle place;
	int32_t encoding;
	uint32_t row; /* of its pixels, that comes next */
};

struct vnc {
	struct source source;
	struct link *link;
	vnc_step *step;
	bool ready; /* it takes requests */
	bool ended;

	/* What the server shows. */
	uint32_t width, height;
	uint32_t asked_width, asked_height; /* by the last set_mode; 0: none yet */
	bool is_known;			    /* its size, exactly */
	bool is_off;			    /* by set_mode */
	bool is_resizable, has_extended_keys, is_absolute;
	bool watching;
	bool requested;		/* an update, that has not come */
	unsigned int questions; /* requests that are answered with the size, or pixels, at once */
	bool unsure;		/* keys were sent after the last of them */
	uint64_t missing;	/* pixels that have not come since all were asked for */

	/* The update that is being read. */
	unsigned int rectangles; /* that are still to come */
	struct vnc_rectangle rectangle;
	struct rectangle damage[VNC_MAX_DAMAGE];
	unsigned int damages;
	uint64_t got;	  /* pixels */
	uint64_t to_skip; /* bytes */
	uint8_t *kept;	  /* bytes of a cursor, or of the clipboard: */
	size_t kept_length, kept_size;
	int (*take)(struct vnc *vnc);	 /* them, when all have come */
	struct vnc_clipboard *clipboard; /* NULL: the server has none */

	struct desktop_cursor cursor; /* pixels are owned */
	uint32_t x, y;		      /* of the pointer, as the server knows it */
	bool has_pointer, pointer_waits;
	uint32_t buttons; /* as RFB counts them */
};

static inline struct vnc *vnc_of(const struct source *source)
{
	return CONTAINER_OF(source, struct vnc, source);
}

/* Copies. Return: false if it was dropped: the server does not read. */
bool vnc_send(struct vnc *vnc, const void *bytes, size_t length);
/* The server says its size. -EPROTO: too large. */
int vnc_take_size(struct vnc *vnc, uint32_t width, uint32_t height);
/* What it has said so far of its size holds. */
void vnc_size_is_known(struct vnc *vnc);
/* Asks for a picture, if somebody watches. */
void vnc_ask(struct vnc *vnc, bool incremental);
/* Asks for a few pixels, whoever watches, so that it answers. */
void vnc_question(struct vnc *vnc);
/* It has said its size, or sent pixels. */
void vnc_answered(struct vnc *vnc, bool with_pixels);

/* --- vnc_update.c --------------------------------------------------------------------------- */

/* Keeps @size bytes, and then calls @take, which says how to go on. 0; -ENOMEM. */
int vnc_keep(struct vnc *vnc, size_t size, int (*take)(struct vnc *vnc));
/* The step that reads a message of the server; skips @bytes first. */
void vnc_expect_message(struct vnc *vnc, uint64_t bytes);
/* The rectangle is complete, with @used bytes, which are returned. */
ssize_t vnc_next_rectangle(struct vnc *vnc, size_t used);

/* --- vnc_cursor.c --------------------------------------------------------------------------- */

/* Begins to read a cursor, of which vnc->rectangle is the head: its hot spot and size. */
int vnc_begin_cursor(struct vnc *vnc);
/* The pointer has moved. */
void vnc_move_cursor(struct vnc *vnc);

/* --- vnc_clipboard.c ------------------------------------------------------------------------ */

/* Begins to read what follows the head of a cut text; @length as it is said there. */
int vnc_begin_cut_text(struct vnc *vnc, int32_t length);
/* As source_ops.session. */
int vnc_session(struct source *source);
/* NULL is fine. */
void vnc_clipboard_free(struct vnc_clipboard *clipboard);

/* --- vnc_input.c ---------------------------------------------------------------------------- */

void vnc_drained(struct vnc *vnc);
/* The server looks at its picture less and less often while nothing happens: now something does.
 */
void vnc_nudge(struct vnc *vnc);
/* Operations of the source. */
void vnc_key(struct source *source, uint32_t code, bool down);
bool vnc_is_behind(struct source *source);
void vnc_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		 const struct rectangle *at);
void vnc_motion(struct source *source, int32_t dx, int32_t dy);
void vnc_button(struct source *source, uint32_t code, bool down);
void vnc_wheel(struct source *source, int32_t dx, int32_t dy);

#endif
