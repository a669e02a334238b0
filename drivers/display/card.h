/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * card - a graphics card as the kernel sees it (DRM, drm(7)), without taking it from anybody
 *
 * Whoever opens a card first becomes its master, and may change it; that is for compositors. So a
 * card is opened only to look, mastership is given back at once, and it is closed after the look,
 * which lets the kernel bring the text console back when a compositor dies.
 */
#ifndef LODGE_DRIVERS_DISPLAY_CARD_H
#define LODGE_DRIVERS_DISPLAY_CARD_H

#include "protocol/head_list.h"

struct card_state {
	struct head_list heads; /* the connectors that show something or could */
	bool mastered;		/* a compositor has the card */
	/* Where the first head has a mode that it would rather have: that one; else 0. */
	uint32_t preferred_width, preferred_height;
};

/* Is there a card? */
bool card_exists(void);

/**
 * card_read() - look at the first card
 *
 * Modes are those the kernel has read before; it reads them anew when it tells of a change, or by
 * card_reprobe().
 *
 * Return: 0; -ENODEV without a card; another negative errno.
 */
int card_read(struct card_state *state);

/* Let the kernel read all monitors of the first card anew. 0 or negative errno. */
int card_reprobe(void);

#endif
