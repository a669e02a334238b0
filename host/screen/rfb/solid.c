/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looks at tiles of 16 x 16, finds the first of one colour, and lets it grow to the right and down
 * by tiles, then by single rows and columns.
 */
#include "host/screen/rfb/solid.h"

#include "host/screen/rfb/hot.h"

#define TILE	   16U
#define MIN_PIXELS 2048U
#define COLOUR	   0x00ffffffU

static uint32_t pixel_at(const struct piece *piece, uint32_t x, uint32_t y)
{
	return load_le32(piece->pixels + y * piece->stride + x * 4UL) & COLOUR;
}

HOT_LOOPS static bool is_solid(const struct piece *piece, uint32_t x, uint32_t y, uint32_t width,
			       uint32_t height, uint32_t colour)
{
	for (uint32_t row = y; row < y + height; row++) {
		const uint8_t *pixels = piece->pixels + row * piece->stride + x * 4UL;
		uint32_t other = 0;

		for (uint32_t i = 0; i < width; i++)
			other |= load_le32(pixels + 4UL * i) ^ colour;
		if (other & COLOUR)
			return false;
	}
	return true;
}

/* The largest area with that corner: wide rows first, and fewer, narrower ones never gain. */
static void grow(const struct piece *piece, uint32_t colour, struct rectangle *solid)
{
	uint32_t width_max = piece->place.width - solid->x;
	uint32_t height_max = piece->place.height - solid->y;
	uint32_t best = 0, right = width_max, bottom = 0;

	while (bottom < height_max) {
		uint32_t rows = MIN(TILE, height_max - bottom), width = 0;

		while (width < right) {
			uint32_t columns = MIN(TILE, right - width);

			if (!is_solid(piece, solid->x + width, solid->y + bottom, columns, rows,
				      colour))
				break;
			width += columns;
		}
		if (width == 0)
			break;
		right = width;
		bottom += rows;
		if (right * bottom > best) {
			best = right * bottom;
			solid->width = right;
			solid->height = bottom;
		}
	}
}

static void grow_edges(const struct piece *piece, uint32_t colour, struct rectangle *solid)
{
	while (solid->y + solid->height < piece->place.height &&
	       is_solid(piece, solid->x, solid->y + solid->height, solid->width, 1, colour))
		solid->height++;
	while (solid->x + solid->width < piece->place.width &&
	       is_solid(piece, solid->x + solid->width, solid->y, 1, solid->height, colour))
		solid->width++;
	while (solid->x > 0 && is_solid(piece, solid->x - 1, solid->y, 1, solid->height, colour)) {
		solid->x--;
		solid->width++;
	}
	while (solid->y > 0 && is_solid(piece, solid->x, solid->y - 1, solid->width, 1, colour)) {
		solid->y--;
		solid->height++;
	}
}

bool solid_find(const struct piece *piece, struct rectangle *solid)
{
	for (uint32_t y = 0; y < piece->place.height; y += TILE) {
		uint32_t rows = MIN(TILE, piece->place.height - y);

		for (uint32_t x = 0; x < piece->place.width; x += TILE) {
			uint32_t columns = MIN(TILE, piece->place.width - x);
			uint32_t colour = pixel_at(piece, x, y);

			if (!is_solid(piece, x, y, columns, rows, colour))
				continue;
			*solid = (struct rectangle){.x = x, .y = y};
			grow(piece, colour, solid);
			if (solid->width * solid->height < MIN_PIXELS)
				continue;
			grow_edges(piece, colour, solid);
			return true;
		}
	}
	return false;
}
