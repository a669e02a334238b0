/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * card - a graphics card as the kernel sees it (DRM, drm(7)), without taking it from anybody
 *
 * Whoever opens a card first becomes its master, and may change it; that is for compositors. So a
 * card is opened only to look, mastership is given back at once, and it is closed after the look,
 * which lets the kernel bring the text console back when a compositor dies. While a compositor may
 * be about to become the master it is not opened at all: sysfs tells enough.
 */
#ifndef LODGE_DRIVERS_DISPLAY_CARD_H
#define LODGE_DRIVERS_DISPLAY_CARD_H

#include "protocol/head_list.h"

struct card_state {
	struct head_list heads; /* the connectors that show something or could */
	bool mastered;		/* a compositor has the card */
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

/* The same without opening it: connectors that are plugged in, and whether they are on, but no
 * sizes. `mastered` is set: that is when to call it. */
int card_list(struct card_state *state);

/* What the monitors would like: all connectors of the first card, those that are plugged in enabled
 * and with their preferred mode. Without opening it. 0 or -ENODEV. */
int card_wishes(struct head_list *wishes);

/* Let the kernel read all monitors of the first card anew. 0 or negative errno. */
int card_reprobe(void);

#endif
