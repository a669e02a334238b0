/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * damage - what of a picture a viewer has not been sent yet
 *
 * The picture is cut into tiles of 16 x 16 pixels. A tile is dirty when the source has said that
 * something changed in it; when it is to be sent, a hash of its pixels tells whether that is so, as
 * guests like to say that everything changed. Memory: 9 bytes a tile.
 */
#ifndef LODGE_SCREEN_RFB_DAMAGE_H
#define LODGE_SCREEN_RFB_DAMAGE_H

#include "host/screen/desktop.h"

#define DAMAGE_TILE 16U

/* The largest rectangle that damage_take() makes. */
#define DAMAGE_MAX_WIDTH  2048U
#define DAMAGE_MAX_HEIGHT 256U
#define DAMAGE_MAX_PIXELS (128U << 10)

struct damage {
	uint32_t width, height, columns, rows;
	uint8_t *dirty; /* a byte a tile */
	uint64_t *sent; /* the hash of what was sent; 0: not known */
	size_t count;	/* of dirty tiles */
};

/* For a picture of that size, all dirty. 0 or -ENOMEM, and nothing has changed. */
int damage_resize(struct damage *damage, uint32_t width, uint32_t height);
void damage_free(struct damage *damage);

/* @forget: it is to be sent even if the pixels are what was sent. */
void damage_mark(struct damage *damage, const struct rectangle *where, bool forget);

/* The hash of a tile as @desktop has it now: the same for the same pixels wherever they are; never
 * 0.
 */
uint64_t damage_hash(const struct damage *damage, const struct desktop *desktop, uint32_t column,
		     uint32_t row);
/* Of as many pixels at any place of the picture. */
uint64_t damage_hash_at(const struct damage *damage, const struct desktop *desktop, uint32_t x,
			uint32_t y);

struct damage_limits {
	size_t list;	    /* rectangles that there is room for */
	uint64_t pixels;    /* of all; the last may go beyond */
	uint32_t rectangle; /* pixels of one, at most DAMAGE_MAX_PIXELS; a row of tiles is always
			     * taken */
};

/**
 * damage_take() - what is to be sent now
 * @within:	only tiles that this touches
 * @desktop:	what is shown there; beyond it is black
 * @list:	receives rectangles
 *
 * What is in the list is no longer dirty; rectangles do not overlap, and are within the picture.
 *
 * Return: how many there are. What did not fit stays dirty.
 */
size_t damage_take(struct damage *damage, const struct rectangle *within,
		   const struct desktop *desktop, const struct damage_limits *limits,
		   struct rectangle *list);

#endif
