/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scroll - what a viewer has already, only higher or lower
 *
 * Sources do not say that something was scrolled. But hashes of tiles are kept of what was sent, so
 * a scroll by whole tiles, as a text console's is with letters 16 or 32 pixels high, is seen at no
 * cost to what does not scroll.
 */
#ifndef LODGE_SCREEN_RFB_SCROLL_H
#define LODGE_SCREEN_RFB_SCROLL_H

#include "host/screen/rfb/damage.h"

#define SCROLL_MAX_COPIES 32U

struct scroll {
	int32_t rows; /* each copy is taken from so many rows of pixels below; negative: above */
	size_t count;
	struct rectangle copy[SCROLL_MAX_COPIES]; /* where to, in the order in which to do it */
};

/**
 * scroll_find() - find copies that spare pixels
 * @within:	only tiles that are wholly in this
 *
 * What they bring is no longer dirty. Return: 0, scroll->count may be; -ENOMEM.
 */
int scroll_find(struct damage *damage, const struct rectangle *within,
		const struct desktop *desktop, struct scroll *scroll);

#endif
