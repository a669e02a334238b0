/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compares what blue and red have more than green between neighbours, in every eighth pair of rows.
 */
#include "host/screen/rfb/chroma.h"

#include "host/screen/rfb/hot.h"

#define SAMPLE_ROWS 16U
#define CALM	    5  /* on average */
#define STRONG	    24 /* an edge between two colours */

struct changes {
	uint32_t sum, strong;
};

static inline int32_t more_blue(uint32_t pixel)
{
	return (int32_t)(pixel & 0xff) - (int32_t)(pixel >> 8 & 0xff);
}

static inline int32_t more_red(uint32_t pixel)
{
	return (int32_t)(pixel >> 16 & 0xff) - (int32_t)(pixel >> 8 & 0xff);
}

static inline int32_t distance(int32_t a, int32_t b)
{
	return a > b ? a - b : b - a;
}

static inline int32_t change(uint32_t a, uint32_t b)
{
	return distance(more_blue(a), more_blue(b)) + distance(more_red(a), more_red(b));
}

/* To the right, and down. */
HOT_LOOPS static void add_row(struct changes *changes, const uint8_t *row, const uint8_t *below,
			      uint32_t width)
{
	uint32_t sum = 0, strong = 0;

	for (uint32_t x = 0; x + 1 < width; x++) {
		uint32_t pixel = load_le32(row + x * 4UL);
		int32_t right = change(pixel, load_le32(row + x * 4UL + 4));
		int32_t down = change(pixel, load_le32(below + x * 4UL));

		sum += (uint32_t)(right + down);
		strong += (uint32_t)(right > STRONG) + (uint32_t)(down > STRONG);
	}
	changes->sum += sum;
	changes->strong += strong;
}

unsigned int chroma_change(const struct piece *piece)
{
	struct changes changes = {0};
	uint32_t width = piece->place.width, total = 0;

	for (uint32_t y = 0; y + 1 < piece->place.height; y += SAMPLE_ROWS) {
		const uint8_t *row = piece->pixels + y * piece->stride;

		add_row(&changes, row, row + piece->stride, width);
		total += 2 * (width - 1);
	}
	if (!total || changes.sum / CALM >= total || changes.strong > total / 1024)
		return CHROMA_SHARP;
	return (unsigned int)(8ULL * changes.sum / total);
}
