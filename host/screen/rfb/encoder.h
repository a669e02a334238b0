/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * encoder - pixels in the encodings of RFB
 *
 * One file an encoding. Each gets a piece of the picture and appends one or more rectangles, with
 * their headers, to what is to be sent.
 */
#ifndef LODGE_SCREEN_RFB_ENCODER_H
#define LODGE_SCREEN_RFB_ENCODER_H

#include "host/screen/rfb/damage.h"
#include "host/screen/rfb/deflate.h"
#include "host/screen/rfb/encodings.h"
#include "host/screen/rfb/palette.h"
#include "host/screen/rfb/pixel_format.h"
#include "host/screen/rfb/wire.h"

/* What is to be encoded: where it goes, and its pixels. */
struct piece {
	struct rectangle place; /* at most DAMAGE_MAX_… */
	const uint8_t *pixels;	/* of the desktop's kind; the first is the upper left */
	size_t stride;
};

#define TIGHT_STREAMS 4

struct encoder {
	struct pixel_format format;
	struct pixel_converter plain, compact, tight;
	int compression;    /* 0 to 9; -1: the viewer has no wish */
	int quality;	    /* JPEG, 0 to 9; -1: no JPEG */
	int jpeg_quality;   /* the same by the finer scale: 1 to 100; -1: by `quality` */
	int jpeg_subsample; /* 0 to 3 as in the pseudo-encodings; -1: by `quality` */
	bool may_split;	    /* a piece may become several rectangles */

	struct palette_order zrle_order;
	struct deflate_stream zrle, tight_stream[TIGHT_STREAMS];
	void *jpeg;	  /* tjhandle */
	uint32_t *values; /* DAMAGE_MAX_PIXELS; and what deflate_pixels() works in */
	uint8_t *scratch; /* 4 * DAMAGE_MAX_PIXELS and a little more */
};

/* 0 or -ENOMEM. */
int encoder_init(struct encoder *encoder);
void encoder_set_format(struct encoder *encoder, const struct pixel_format *format);
void encoder_free(struct encoder *encoder);

/* The header of a rectangle. */
void encode_header(struct wire *out, const struct rectangle *place, int32_t encoding);

/* All return how many rectangles were appended (always 1 unless may_split); -ENOMEM, -EIO: a
 * library has failed. */
int encode_piece(struct encoder *encoder, enum rfb_encoding encoding, const struct piece *piece,
		 struct wire *out);
int encode_raw(struct encoder *encoder, const struct piece *piece, struct wire *out);
int encode_hextile(struct encoder *encoder, const struct piece *piece, struct wire *out);
int encode_zrle(struct encoder *encoder, const struct piece *piece, struct wire *out);
int encode_tight(struct encoder *encoder, const struct piece *piece, struct wire *out);

/* Appends a JPEG file. 0 or negative errno. */
int jpeg_append(struct encoder *encoder, const struct piece *piece, struct wire *out);

#endif
