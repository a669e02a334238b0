/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/palette.h"

#include "protocol/base/bytes.h"

#define NOWHERE 255

static void append(struct palette_order *order, uint32_t value)
{
	if (order->count < PALETTE_ORDER_MAX)
		order->value[order->count++] = value;
}

void palette_order(struct palette_order *order, struct palette *palette,
		   uint8_t place[PALETTE_ORDER_MAX])
{
	struct palette_order before = *order;
	bool here[PALETTE_ORDER_MAX] = {false};
	unsigned int i, j;

	order->count = 0;
	memset(place, NOWHERE, PALETTE_ORDER_MAX);
	for (i = 0; i < before.count; i++) {
		for (j = 0; j < palette->count && palette->value[j] != before.value[i]; j++)
			;
		if (j == palette->count)
			continue;
		here[i] = true;
		place[j] = (uint8_t)order->count;
		append(order, palette->value[j]);
	}
	for (j = 0; j < palette->count; j++) {
		if (place[j] != NOWHERE)
			continue;
		place[j] = (uint8_t)order->count;
		append(order, palette->value[j]);
	}
	memcpy(palette->value, order->value, palette->count * sizeof(palette->value[0]));
	for (i = 0; i < before.count; i++) {
		if (!here[i])
			append(order, before.value[i]);
	}
}
