/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display_area - the memory in which lodge-screen sees what heads show
 *
 * Written by one thread at a time (the display device's, or who acts for it), read by another
 * process at any time: each part is guarded by a sequence, as host/display/channel.h has it. Once
 * it is mapped here nobody else can map it to write.
 */
#ifndef LODGE_VMM_DISPLAY_AREA_H
#define LODGE_VMM_DISPLAY_AREA_H

#include "host/display/channel.h"

#include <stdbool.h>

/* What a head shows; see struct channel_scanout. */
struct display_picture {
	uint32_t format, stride;
	uint32_t x, y, width, height;
	const struct channel_extent *extent;
	uint32_t extents; /* 1 to CHANNEL_MAX_EXTENTS */
};

struct display_cursor {
	bool visible;
	uint32_t hot_x, hot_y; /* below CHANNEL_CURSOR_SIZE */
	int32_t x, y;	       /* of the hot spot, on the head */
};

struct display_area {
	struct channel_area *shared;
	int read_fd; /* to be given away: cannot write */
};

/* Return: 0 or negative errno. Undone by display_area_free(), which takes zeroes with a negative
 * descriptor, too. */
int display_area_new(struct display_area *area);
void display_area_free(struct display_area *area);

/* Another descriptor of a memfd that can only read. Return: descriptor or negative errno. */
int display_area_reopen(int fd);

/* Set what a head shows; NULL: nothing. */
void display_area_set_picture(struct display_area *area, unsigned int head,
			      const struct display_picture *picture);

/* @pixels: CHANNEL_CURSOR_SIZE squared, a new image; NULL: as before. */
void display_area_set_cursor(struct display_area *area, unsigned int head,
			     const struct display_cursor *cursor, const uint32_t *pixels);

/* Whether a driver runs the display device. */
void display_area_set_driver(struct display_area *area, bool present);

#endif
