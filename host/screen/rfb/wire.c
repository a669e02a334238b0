/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/wire.h"

#define FIRST_CAPACITY 4096U

uint8_t *wire_room(struct wire *wire, size_t length)
{
	size_t need, capacity;
	uint8_t *bytes;

	if (wire->failed)
		return NULL;
	if (add_overflows(wire->length, length, &need)) {
		wire->failed = true;
		return NULL;
	}
	if (need <= wire->capacity)
		return wire->bytes + wire->length;
	capacity = MAX(need, MAX(FIRST_CAPACITY, wire->capacity + wire->capacity / 2));
	bytes = realloc(wire->bytes, capacity);
	if (!bytes) {
		wire->failed = true;
		return NULL;
	}
	wire->bytes = bytes;
	wire->capacity = capacity;
	return bytes + wire->length;
}

void wire_free(struct wire *wire)
{
	free(wire->bytes);
	*wire = (struct wire){0};
}
