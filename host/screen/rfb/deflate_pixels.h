/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deflate_pixels - raw deflate (RFC 1951) for pixels of many colours, and for numbers of colours
 *
 * Of those most bytes repeat nothing, and what repeats is three bytes long, a pixel: ISA-L looks
 * for four at least, and zlib takes twice the time. Each call is for itself, without history.
 */
#ifndef LODGE_SCREEN_RFB_DEFLATE_PIXELS_H
#define LODGE_SCREEN_RFB_DEFLATE_PIXELS_H

#include "host/screen/rfb/wire.h"

/* Bytes that it needs to work in, of any content. */
#define DEFLATE_PIXELS_MEMORY (3UL << 17)

/* Appends @bytes, compressed, up to a whole byte (a sync flush). @looks: at how many places for
 * each match; @memory is aligned for uint32_t. 0 or -ENOMEM. */
int deflate_pixels(const uint8_t *bytes, size_t length, unsigned int looks, void *memory,
		   struct wire *out);

#endif
