/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * palette - the colours of a tile, each with a number, found by hashing
 */
#ifndef LODGE_SCREEN_RFB_PALETTE_H
#define LODGE_SCREEN_RFB_PALETTE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PALETTE_MAX   256U
#define PALETTE_SLOTS 1024U

struct palette {
	unsigned int count;
	uint32_t value[PALETTE_MAX];
	uint16_t slot[PALETTE_SLOTS]; /* number + 1; 0: free */
};

static inline void palette_clear(struct palette *palette)
{
	palette->count = 0;
	memset(palette->slot, 0, sizeof(palette->slot));
}

static inline unsigned int palette_slot(const struct palette *palette, uint32_t value)
{
	unsigned int slot = (value * 0x9e3779b1U) >> 22;

	while (palette->slot[slot] && palette->value[palette->slot[slot] - 1] != value)
		slot = (slot + 1) % PALETTE_SLOTS;
	return slot;
}

/* The number of a value, which it has or gets now; PALETTE_MAX: there are more, and the palette is
 * of no use any more. */
static inline unsigned int palette_number(struct palette *palette, uint32_t value)
{
	unsigned int slot = palette_slot(palette, value);

	if (palette->slot[slot])
		return palette->slot[slot] - 1U;
	if (palette->count >= PALETTE_MAX)
		return PALETTE_MAX;
	palette->value[palette->count++] = value;
	palette->slot[slot] = (uint16_t)palette->count;
	return palette->count - 1;
}

/* The colours of the palettes before, in the order in which the last had them. */
#define PALETTE_ORDER_MAX 16U

struct palette_order {
	unsigned int count;
	uint32_t value[PALETTE_ORDER_MAX];
};

/* Puts the values of @palette, at most PALETTE_ORDER_MAX, in the order in which they stood before,
 * new ones behind: what is drawn again is the same bytes again, which deflate finds. The palette is
 * good for nothing but its values then. @place: of what had the number i. */
void palette_order(struct palette_order *order, struct palette *palette,
		   uint8_t place[PALETTE_ORDER_MAX]);

#endif
