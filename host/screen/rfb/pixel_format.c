/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each component goes through a table of 256 values that holds it scaled, shifted, and in the
 * viewer's byte order; what nearly every viewer asks for needs no table.
 */
#include "host/screen/rfb/pixel_format.h"

#include "host/screen/rfb/hot.h"
#include "host/screen/rfb/wire.h"

#include <errno.h>

const struct pixel_format pixel_format_native = {
	.bits_per_pixel = 32,
	.depth = 24,
	.true_colour = true,
	.red_max = 255,
	.green_max = 255,
	.blue_max = 255,
	.red_shift = 16,
	.green_shift = 8,
	.blue_shift = 0,
};

/* 3 bits of red in the highest, 3 of green, 2 of blue. */
static const struct pixel_format map_format = {
	.bits_per_pixel = 8,
	.depth = 8,
	.true_colour = true,
	.red_max = 7,
	.green_max = 7,
	.blue_max = 3,
	.red_shift = 5,
	.green_shift = 2,
	.blue_shift = 0,
};

void pixel_format_map_entry(unsigned int entry, uint16_t colour[3])
{
	colour[0] = (uint16_t)((entry >> 5 & 7) * 65535 / 7);
	colour[1] = (uint16_t)((entry >> 2 & 7) * 65535 / 7);
	colour[2] = (uint16_t)((entry & 3) * 65535 / 3);
}

static bool component_fits(const struct pixel_format *format, uint16_t max, uint8_t shift)
{
	return max > 0 && (max & (max + 1U)) == 0 && shift < format->bits_per_pixel &&
	       (uint64_t)max << shift < 1ULL << format->bits_per_pixel;
}

int pixel_format_parse(const uint8_t bytes[PIXEL_FORMAT_SIZE], struct pixel_format *format,
		       bool *mapped)
{
	struct pixel_format parsed = {
		.bits_per_pixel = bytes[0],
		.depth = bytes[1],
		.big_endian = bytes[2] != 0,
		.true_colour = bytes[3] != 0,
		.red_max = load_be16(bytes + 4),
		.green_max = load_be16(bytes + 6),
		.blue_max = load_be16(bytes + 8),
		.red_shift = bytes[10],
		.green_shift = bytes[11],
		.blue_shift = bytes[12],
	};

	if (parsed.bits_per_pixel != 8 && parsed.bits_per_pixel != 16 &&
	    parsed.bits_per_pixel != 32)
		return -EPROTO;
	if (!parsed.true_colour) {
		if (parsed.bits_per_pixel != 8)
			return -EPROTO;
		*format = map_format;
		*mapped = true;
		return 0;
	}
	if (parsed.depth == 0 || parsed.depth > parsed.bits_per_pixel ||
	    !component_fits(&parsed, parsed.red_max, parsed.red_shift) ||
	    !component_fits(&parsed, parsed.green_max, parsed.green_shift) ||
	    !component_fits(&parsed, parsed.blue_max, parsed.blue_shift))
		return -EPROTO;
	*format = parsed;
	*mapped = false;
	return 0;
}

void pixel_format_store(const struct pixel_format *format, uint8_t bytes[PIXEL_FORMAT_SIZE])
{
	memset(bytes, 0, PIXEL_FORMAT_SIZE);
	bytes[0] = format->bits_per_pixel;
	bytes[1] = format->depth;
	bytes[2] = format->big_endian;
	bytes[3] = format->true_colour;
	store_be16(bytes + 4, format->red_max);
	store_be16(bytes + 6, format->green_max);
	store_be16(bytes + 8, format->blue_max);
	bytes[10] = format->red_shift;
	bytes[11] = format->green_shift;
	bytes[12] = format->blue_shift;
}

static uint32_t in_byte_order(const struct pixel_format *format, uint32_t pixel)
{
	if (!format->big_endian || format->bits_per_pixel == 8)
		return pixel;
	if (format->bits_per_pixel == 16)
		return (pixel & 0xff) << 8 | pixel >> 8;
	return __builtin_bswap32(pixel);
}

static void fill_table(uint32_t table[256], const struct pixel_format *format, uint16_t max,
		       uint8_t shift, unsigned int drop)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t scaled = (i * max + 127) / 255;

		table[i] = in_byte_order(format, scaled << shift) >> drop;
	}
}

/* All of a pixel's bits are in these. */
static uint32_t used_bits(const struct pixel_format *format)
{
	return (uint32_t)format->red_max << format->red_shift |
	       (uint32_t)format->green_max << format->green_shift |
	       (uint32_t)format->blue_max << format->blue_shift;
}

static bool is_full_colour(const struct pixel_format *format)
{
	return format->bits_per_pixel == 32 && format->depth == 24 && format->red_max == 255 &&
	       format->green_max == 255 && format->blue_max == 255;
}

static bool tables_are(const struct pixel_converter *converter, unsigned int red,
		       unsigned int green, unsigned int blue)
{
	for (uint32_t i = 0; i < 256; i++) {
		if (converter->red[i] != i << red || converter->green[i] != i << green ||
		    converter->blue[i] != i << blue)
			return false;
	}
	return true;
}

void pixel_converter_init(struct pixel_converter *converter, const struct pixel_format *format,
			  enum pixel_use use)
{
	static const struct pixel_format red_first = {
		.bits_per_pixel = 32,
		.red_max = 255,
		.green_max = 255,
		.blue_max = 255,
		.red_shift = 0,
		.green_shift = 8,
		.blue_shift = 16,
	};
	unsigned int drop = 0;

	converter->bytes = format->bits_per_pixel / 8U;
	if (use == PIXEL_TIGHT && is_full_colour(format)) {
		format = &red_first;
		converter->bytes = 3;
	}
	if (use == PIXEL_COMPACT && format->bits_per_pixel == 32 && format->depth <= 24) {
		bool in_low = used_bits(format) >> 24 == 0;
		bool in_high = (used_bits(format) & 0xff) == 0;

		if (in_low || in_high)
			converter->bytes = 3;
		/* On the wire the byte to leave out is the first or the last. */
		if (in_low ? format->big_endian : in_high && !format->big_endian)
			drop = 8;
	}
	fill_table(converter->red, format, format->red_max, format->red_shift, drop);
	fill_table(converter->green, format, format->green_max, format->green_shift, drop);
	fill_table(converter->blue, format, format->blue_max, format->blue_shift, drop);
	converter->way = CONVERT_TABLE;
	if (tables_are(converter, 16, 8, 0))
		converter->way = CONVERT_MASK;
	else if (tables_are(converter, 0, 8, 16))
		converter->way = CONVERT_SWAP;
}

HOT_LOOPS void pixels_convert(const struct pixel_converter *converter, const uint8_t *pixels,
			      size_t count, uint32_t *values)
{
	switch (converter->way) {
	case CONVERT_MASK:
		for (size_t i = 0; i < count; i++)
			values[i] = load_le32(pixels + 4 * i) & 0xffffff;
		break;
	case CONVERT_SWAP:
		for (size_t i = 0; i < count; i++) {
			uint32_t pixel = load_le32(pixels + 4 * i);

			values[i] = (pixel & 0xff) << 16 | (pixel & 0xff00) | (pixel >> 16 & 0xff);
		}
		break;
	case CONVERT_TABLE:
		for (size_t i = 0; i < count; i++)
			values[i] = converter->blue[pixels[4 * i]] |
				    converter->green[pixels[4 * i + 1]] |
				    converter->red[pixels[4 * i + 2]];
		break;
	}
}

void pixels_convert_area(const struct pixel_converter *converter, const uint8_t *pixels,
			 size_t stride, uint32_t width, uint32_t height, uint32_t *values)
{
	for (uint32_t y = 0; y < height; y++)
		pixels_convert(converter, pixels + y * stride, width, values + (size_t)y * width);
}

HOT_LOOPS uint8_t *pixels_store(uint8_t *out, unsigned int bytes, const uint32_t *values,
				size_t count)
{
	size_t i = 0;

	switch (bytes) {
	case 1:
		for (; i < count; i++)
			out[i] = (uint8_t)values[i];
		break;
	case 2:
		for (; i < count; i++)
			store_le16(out + 2 * i, (uint16_t)values[i]);
		break;
	case 3:
		/* Four bytes at once, of which the next pixel takes the last. */
		for (; i + 1 < count; i++)
			store_le32(out + 3 * i, values[i]);
		for (; i < count; i++) {
			store_le16(out + 3 * i, (uint16_t)values[i]);
			out[3 * i + 2] = (uint8_t)(values[i] >> 16);
		}
		break;
	default:
		for (; i < count; i++)
			store_le32(out + 4 * i, values[i]);
		break;
	}
	return out + bytes * count;
}
