/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decoder - the viewer's side of RFB's encodings, written from the specification for tests
 */
#ifndef LODGE_TEST_RFB_DECODER_H
#define LODGE_TEST_RFB_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

/* The pixel format that was asked for. */
struct decoder_format {
	unsigned int bits, depth;
	bool big_endian;
	unsigned int red_max, green_max, blue_max, red_shift, green_shift, blue_shift;
};

struct decoder {
	struct decoder_format format;
	uint32_t width, height;
	uint32_t *pixels; /* as the format has them */
	z_stream zrle, tight[4];
	bool zrle_begun, tight_begun[4];
	unsigned int jpegs, fills, palettes, gradients, fulls; /* that Tight has used */
};

struct decoder *decoder_new(const struct decoder_format *format, uint32_t width, uint32_t height);
void decoder_free(struct decoder *decoder);

/* One rectangle with its header, of raw, hextile, ZRLE or Tight. Return: bytes used; 0: there are
 * not enough; -1: it is wrong. *@encoding: what its header says; of other encodings nothing but the
 * header is read. */
long decoder_rectangle(struct decoder *decoder, const uint8_t *bytes, size_t length,
		       int32_t *encoding);

/* What a colour is in a format. */
uint32_t decoder_pixel(const struct decoder_format *format, uint32_t red, uint32_t green,
		       uint32_t blue);

#endif
