/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/source/limit.h"

#include "host/screen/screen.h"
#include "protocol/base/bytes.h"

static uint64_t root(uint64_t square)
{
	uint64_t low = 0, high = 1U << 31;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (middle * middle <= square)
			low = middle;
		else
			high = middle;
	}
	return low;
}

void limit_to_bytes(uint64_t bytes, uint64_t surface, uint32_t min_height, unsigned int head,
		    struct rectangle size[DESKTOP_MAX_HEADS])
{
	struct rectangle *mine = &size[head];
	const uint64_t pixels = bytes / LIMIT_SURFACES / 4; /* of all heads */
	uint64_t others = 0, left;

	mine->height = MAX(mine->height, min_height);
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (i != head)
			others += (uint64_t)size[i].width * size[i].height;
	}
	left = others < pixels ? MIN(pixels - others, surface / 4) : 0;
	if ((uint64_t)mine->width * mine->height <= left)
		return;
	/* Modes are best of a width that 8 divides. */
	mine->width = (uint32_t)root(left * mine->width / mine->height) / 8 * 8;
	mine->width = MAX(mine->width, SCREEN_MIN_SIZE);
	mine->height = (uint32_t)MIN(left / mine->width, SCREEN_MAX_SIZE);
	mine->height = MAX(mine->height, min_height);
}
