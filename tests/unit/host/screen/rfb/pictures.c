/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pictures.h"

#include "protocol/base/bytes.h"

#include <stdlib.h>

static uint32_t noise(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static uint32_t colour(unsigned int which, uint32_t x, uint32_t y, uint32_t *state)
{
	switch (which) {
	case 0:
		return 0x336699;
	case 1: /* letters */
		return noise(state) % 7 ? 0xffffff : 0x000000;
	case 2: /* a few colours, in runs */
		return (x / 9 % 5) * 0x2a3b1c + y / 7 % 3;
	case 3: /* some 100 colours */
		return (noise(state) % 100) * 0x010307;
	case 4: /* a gradient */
		return (x * 3 & 0xff) << 16 | (y * 5 & 0xff) << 8 | ((x + y) & 0xff);
	case 5:
		return noise(state);
	default: /* a desktop: an area of one colour, a window, letters in it */
		if (x < 24 || y < 24 || x > 150 || y > 90)
			return 0x203040;
		if (y < 40)
			return 0xd0d0d0 - (y << 16 | y << 8 | y);
		return (x * 7 + y * 13) % 11 < 3 ? 0x101010 : 0xfafafa;
	}
}

uint8_t *picture_make(unsigned int which, uint32_t width, uint32_t height, size_t *stride)
{
	uint8_t *pixels;
	uint32_t state = 0x12345;

	*stride = (width + 5) * 4UL;
	pixels = malloc(*stride * height);
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width + 5; x++)
			store_le32(pixels + y * *stride + x * 4UL,
				   (colour(which, x, y, &state) & 0xffffff) | (x * y) << 24);
	}
	return pixels;
}
