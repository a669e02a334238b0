/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hextile (RFC 6143, 7.7.4): tiles of 16 x 16, each a background and rectangles on it, or raw.
 */
#include "host/screen/rfb/encoder.h"

#include <errno.h>

#define TILE 16U

enum {
	RAW = 1,
	BACKGROUND = 2,
	FOREGROUND = 4,
	ANY_SUBRECTS = 8,
	SUBRECTS_COLOURED = 16,
};

struct hextile {
	struct wire *out;
	unsigned int bytes; /* of a pixel */
	/* What the tile before has set. */
	bool has_background, has_foreground;
	uint32_t background, foreground;
	uint32_t width, height; /* of the tile */
	uint32_t values[TILE * TILE];
};

/* The commonest of the first two colours, and whether there are more than those two. */
static void count_colours(const struct hextile *tile, uint32_t *background, uint32_t *foreground,
			  unsigned int *colours)
{
	uint32_t count = tile->width * tile->height, first = tile->values[0], second = first;
	unsigned int of_first = 0, of_second = 0;

	*colours = 1;
	for (uint32_t i = 0; i < count; i++) {
		if (tile->values[i] == first) {
			of_first++;
		} else if (*colours == 1 || tile->values[i] == second) {
			second = tile->values[i];
			*colours = 2;
			of_second++;
		} else {
			*colours = 3;
			break;
		}
	}
	*background = of_first >= of_second ? first : second;
	*foreground = of_first >= of_second ? second : first;
}

static uint8_t *store(uint8_t *at, const struct hextile *tile, uint32_t value)
{
	return pixels_store(at, tile->bytes, &value, 1);
}

/* Rectangles of one colour, greedily: to the right, then down. What is covered becomes background.
 * Return: behind the last byte; NULL: that would be longer than raw. */
static uint8_t *put_subrects(struct hextile *tile, uint32_t background, bool coloured, uint8_t *at,
			     const uint8_t *end, unsigned int *subrects)
{
	size_t each = 2 + (coloured ? tile->bytes : 0);

	*subrects = 0;
	for (uint32_t y = 0; y < tile->height; y++) {
		for (uint32_t x = 0; x < tile->width; x++) {
			uint32_t *from = tile->values + y * tile->width + x, value = *from;
			uint32_t width = 1, height = 1;

			if (value == background)
				continue;
			while (x + width < tile->width && from[width] == value)
				width++;
			for (; y + height < tile->height; height++) {
				const uint32_t *row = from + height * tile->width;
				uint32_t i = 0;

				while (i < width && row[i] == value)
					i++;
				if (i < width)
					break;
			}
			if (at + each > end || *subrects == 255)
				return NULL;
			if (coloured)
				at = store(at, tile, value);
			*at++ = (uint8_t)(x << 4 | y);
			*at++ = (uint8_t)((width - 1) << 4 | (height - 1));
			(*subrects)++;
			for (uint32_t i = 0; i < height; i++) {
				for (uint32_t j = 0; j < width; j++)
					from[i * tile->width + j] = background;
			}
		}
	}
	return at;
}

/* Return: its bytes; 0: raw is shorter. */
static size_t put_tile(struct hextile *tile, uint8_t *start, size_t raw_bytes)
{
	uint32_t background, foreground, saved[TILE * TILE];
	size_t pixels = (size_t)tile->width * tile->height;
	unsigned int colours, subrects = 0;
	uint8_t *at = start, *subrects_at, flags = 0;

	count_colours(tile, &background, &foreground, &colours);
	at++;
	if (!tile->has_background || tile->background != background) {
		flags |= BACKGROUND;
		at = store(at, tile, background);
	}
	if (colours == 2 && (!tile->has_foreground || tile->foreground != foreground)) {
		flags |= FOREGROUND;
		at = store(at, tile, foreground);
	}
	if (colours > 1) {
		flags |= ANY_SUBRECTS | (colours > 2 ? SUBRECTS_COLOURED : 0);
		subrects_at = at++;
		memcpy(saved, tile->values, pixels * sizeof(*saved));
		at = put_subrects(tile, background, colours > 2, at, start + raw_bytes, &subrects);
		if (!at) {
			memcpy(tile->values, saved, pixels * sizeof(*saved));
			return 0;
		}
		*subrects_at = (uint8_t)subrects;
	}
	*start = flags;
	tile->background = background;
	tile->has_background = true;
	/* Coloured subrectangles leave no foreground to the next tile. */
	if (colours == 2)
		tile->foreground = foreground;
	tile->has_foreground = colours == 2 || (colours == 1 && tile->has_foreground);
	return (size_t)(at - start);
}

static int append_tile(struct hextile *tile)
{
	size_t pixels = (size_t)tile->width * tile->height;
	size_t raw_bytes = 1 + pixels * tile->bytes, length;
	/* The fixed part may stand behind the end for tiles of a few pixels. */
	uint8_t *room = wire_room(tile->out, raw_bytes + 16);

	if (!room)
		return -ENOMEM;
	length = put_tile(tile, room, raw_bytes);
	if (length == 0 || length > raw_bytes) {
		*room = RAW;
		pixels_store(room + 1, tile->bytes, tile->values, pixels);
		length = raw_bytes;
		tile->has_background = tile->has_foreground = false;
	}
	wire_filled(tile->out, length);
	return 0;
}

int encode_hextile(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	struct hextile tile = {.out = out, .bytes = encoder->plain.bytes};
	uint32_t width = piece->place.width, height = piece->place.height;

	encode_header(out, &piece->place, RFB_HEXTILE);
	for (uint32_t y = 0; y < height; y += TILE) {
		for (uint32_t x = 0; x < width; x += TILE) {
			int result;

			tile.width = MIN(TILE, width - x);
			tile.height = MIN(TILE, height - y);
			pixels_convert_area(&encoder->plain,
					    piece->pixels + y * piece->stride + x * 4UL,
					    piece->stride, tile.width, tile.height, tile.values);
			result = append_tile(&tile);
			if (result < 0)
				return result;
		}
	}
	return 1;
}
