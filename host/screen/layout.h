/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layout - where heads stand: in the picture, and on the guest's own desktop
 *
 * The guest's session says where its heads are, in its own logical units (a head of 3840 pixels at
 * scale 2 is 1920 wide there). Where nobody says anything, or what is said does not fit a picture
 * (heads over each other, of different scales, too far apart), heads stand side by side.
 */
#ifndef LODGE_SCREEN_LAYOUT_H
#define LODGE_SCREEN_LAYOUT_H

#include "host/screen/desktop.h"

/* Neither way may the picture be larger: viewers count in 16 bits. */
#define LAYOUT_MAX_SIDE 65535U

struct layout_head {
	uint32_t width, height; /* pixels; 0: shows nothing */
	bool placed;		/* the session has said where: */
	int32_t x, y;		/* logical */
	uint32_t scale_milli;	/* 1000: one to one; 0 counts as that */
};

/* Sets width, height and every head's enabled and place; leaves the rest. What does not fit is cut
 * off at the right and below; a head of which nothing is left is not enabled. */
void layout_arrange(const struct layout_head head[DESKTOP_MAX_HEADS], struct desktop *desktop);

/* A place on @head (pixels) as 0 to 32767 over the guest's whole desktop, which is what an absolute
 * pointing device says. */
void layout_tablet(const struct layout_head head[DESKTOP_MAX_HEADS], const struct desktop *desktop,
		   unsigned int which, uint32_t x, uint32_t y, uint32_t *tablet_x,
		   uint32_t *tablet_y);

#endif
