/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * desktop - what the guest shows, as every viewer sees it
 *
 * One picture in memory, in which each head has its rectangle. The source copies what has changed
 * into it, once; protocols and screenshots read it and nothing else, so a guest that changes its
 * pixels meanwhile surprises nobody. Pixels are 32 bits, B G R X in memory (X is not defined).
 */
#ifndef LODGE_SCREEN_DESKTOP_H
#define LODGE_SCREEN_DESKTOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DESKTOP_MAX_HEADS 16
/* Of all heads together, gaps included; what would be larger is shown in part. */
#define DESKTOP_MAX_PIXELS (64U << 20)

struct rectangle {
	uint32_t x, y, width, height;
};

struct desktop_head {
	bool enabled;
	struct rectangle place; /* in the picture */
};

struct desktop {
	uint32_t width, height; /* of the picture; 0: the guest shows nothing */
	size_t stride;		/* bytes from row to row */
	uint8_t *pixels;	/* height * stride bytes */
	uint32_t generation;	/* differs after each change of size or places */
	struct desktop_head head[DESKTOP_MAX_HEADS];
	unsigned int heads; /* there may be disabled ones among them */
};

struct desktop_cursor {
	bool visible;
	uint32_t width, height; /* at most 64 (of a QEMU source 512) each way */
	uint32_t hot_x, hot_y;
	int32_t x, y;	     /* of the hot spot, in the picture */
	uint32_t generation; /* of the image */
	uint32_t *pixels;    /* width * height, premultiplied, B G R A in memory */
};

#endif
