/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pixel_format - from the desktop's pixels to those a viewer has asked for (RFC 6143, 7.4)
 *
 * Encoders work on values: 32-bit numbers whose lowest bytes, the lowest first, are what is sent
 * for a pixel. So the viewer's byte order, and how many bytes a pixel has in an encoding, are known
 * here alone.
 */
#ifndef LODGE_SCREEN_RFB_PIXEL_FORMAT_H
#define LODGE_SCREEN_RFB_PIXEL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIXEL_FORMAT_SIZE 16 /* on the wire */

struct pixel_format {
	uint8_t bits_per_pixel, depth;
	bool big_endian, true_colour;
	uint16_t red_max, green_max, blue_max;
	uint8_t red_shift, green_shift, blue_shift;
};

/* The desktop's own: 32 bits, blue in the first byte. */
extern const struct pixel_format pixel_format_native;

/* 0; -EPROTO: no such format can be. A format of 8 bits with a colour map becomes the true colours
 * of pixel_format_map_entry(), and @mapped is set. */
int pixel_format_parse(const uint8_t bytes[PIXEL_FORMAT_SIZE], struct pixel_format *format,
		       bool *mapped);
void pixel_format_store(const struct pixel_format *format, uint8_t bytes[PIXEL_FORMAT_SIZE]);
/* Red, green and blue, 16 bits each, of an entry of the colour map that we set for such viewers. */
void pixel_format_map_entry(unsigned int entry, uint16_t colour[3]);

enum pixel_use {
	PIXEL_PLAIN,   /* PIXEL: as in raw and hextile */
	PIXEL_COMPACT, /* CPIXEL: 3 bytes where that is enough (7.7.5) */
	PIXEL_TIGHT,   /* TPIXEL: red, green, blue where all three have 8 bits */
};

struct pixel_converter {
	enum {
		CONVERT_MASK, /* the value is the desktop's own */
		CONVERT_SWAP, /* red is lowest */
		CONVERT_TABLE,
	} way;
	unsigned int bytes; /* of a pixel, 1 to 4 */
	uint32_t red[256], green[256], blue[256];
};

void pixel_converter_init(struct pixel_converter *converter, const struct pixel_format *format,
			  enum pixel_use use);

/* @count pixels of the desktop as values. */
void pixels_convert(const struct pixel_converter *converter, const uint8_t *pixels, size_t count,
		    uint32_t *values);
/* A rectangle: values row by row without a gap. */
void pixels_convert_area(const struct pixel_converter *converter, const uint8_t *pixels,
			 size_t stride, uint32_t width, uint32_t height, uint32_t *values);

/* @count values as they are sent; there is room for @count * bytes. Return: behind the last. */
uint8_t *pixels_store(uint8_t *out, unsigned int bytes, const uint32_t *values, size_t count);

#endif
