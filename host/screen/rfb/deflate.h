/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deflate - one of the streams of compressed bytes that last as long as the viewer (RFC 1950)
 *
 * What goes in at once comes out at once (a sync flush), and the next refers back to it. ISA-L does
 * it, several times as fast as zlib at about the same size; a viewer that asks for more compression
 * gets zlib's levels.
 */
#ifndef LODGE_SCREEN_RFB_DEFLATE_H
#define LODGE_SCREEN_RFB_DEFLATE_H

#include "host/screen/rfb/wire.h"

#include <zlib.h>

struct isal_zstream;

struct deflate_stream {
	bool begun; /* its header was sent */
	enum {
		DEFLATE_BY_NONE,
		DEFLATE_BY_ISAL,
		DEFLATE_BY_ZLIB,
		DEFLATE_BY_PIXELS, /* which has none */
	} by;			   /* whose history is that of the stream */
	int level;
	struct isal_zstream *isal;
	uint8_t *memory; /* isal's */
	z_stream zlib;
	bool has_zlib;
};

/* ISA-L; what is more is zlib's level of that number. */
#define DEFLATE_FAST 1

/* Viewers that wish for no more than that, or say nothing (-1), get what suits us. */
#define DEFLATE_NO_WISH 2

/* Appends @bytes, compressed; @level may differ from call to call. 0; -ENOMEM; -EIO. */
int deflate_append(struct deflate_stream *stream, int level, const void *bytes, size_t length,
		   struct wire *out);
/* The same for pixels of many colours, at no more bytes than zlib's second level takes: see
 * deflate_pixels.h, also for @looks and @memory. 0; -ENOMEM; -EIO. */
int deflate_append_pixels(struct deflate_stream *stream, const uint8_t *bytes, size_t length,
			  unsigned int looks, void *memory, struct wire *out);
void deflate_free(struct deflate_stream *stream);

#endif
