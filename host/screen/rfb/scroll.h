/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scroll - what a viewer has already, only higher or lower
 *
 * Sources do not say that something was scrolled. But hashes of tiles are kept of what was sent,
 * and what the desktop shows now can be hashed at any place: a tile that was sent is found again
 * wherever it went, by whatever number of rows.
 */
#ifndef LODGE_SCREEN_RFB_SCROLL_H
#define LODGE_SCREEN_RFB_SCROLL_H

#include "host/screen/rfb/damage.h"

#define SCROLL_MAX_COPIES 32U
#define SCROLL_FARTHEST	  384 /* rows of pixels */

struct scroll {
	int32_t rows; /* each copy is taken from so many rows of pixels below; negative: above */
	size_t count;
	struct rectangle copy[SCROLL_MAX_COPIES]; /* where to, in the order in which to do it */
	unsigned int misses; /* how often in a row nothing was found; 0 at first */
};

/**
 * scroll_find() - find copies that spare pixels
 * @within:	they bring nothing beyond this
 * @scroll:	of the last update of that viewer, zeroed for its first
 *
 * What they bring is no longer dirty. After some searches in vain, as of a film, only some updates
 * are searched. Return: 0, scroll->count may be; -ENOMEM.
 */
int scroll_find(struct damage *damage, const struct rectangle *within,
		const struct desktop *desktop, struct scroll *scroll);

#endif
