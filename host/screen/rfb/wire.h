/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire - numbers as RFB sends them (most significant byte first), and bytes that are to be sent
 */
#ifndef LODGE_SCREEN_RFB_WIRE_H
#define LODGE_SCREEN_RFB_WIRE_H

#include "protocol/base/bytes.h"

#include <stdlib.h>

static inline uint16_t load_be16(const void *bytes)
{
	uint16_t value;

	memcpy(&value, bytes, sizeof(value));
	return be16toh(value);
}

static inline uint32_t load_be32(const void *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return be32toh(value);
}

static inline void store_be16(void *bytes, uint32_t value)
{
	uint16_t stored = htobe16((uint16_t)value);

	memcpy(bytes, &stored, sizeof(stored));
}

static inline void store_be32(void *bytes, uint32_t value)
{
	value = htobe32(value);
	memcpy(bytes, &value, sizeof(value));
}

/* Grows as needed. Without memory it is `failed`, and what is put into it goes nowhere: whoever
 * sends it looks once, at the end. */
struct wire {
	uint8_t *bytes;
	size_t length, capacity;
	bool failed;
};

/* Where @length more bytes may be written, wire_filled() says how many were; NULL without memory.
 */
uint8_t *wire_room(struct wire *wire, size_t length);
void wire_free(struct wire *wire);

static inline void wire_filled(struct wire *wire, size_t length)
{
	wire->length += length;
}

static inline void wire_put(struct wire *wire, const void *bytes, size_t length)
{
	uint8_t *room = wire_room(wire, length);

	if (!room)
		return;
	if (length)
		memcpy(room, bytes, length);
	wire->length += length;
}

static inline void wire_put8(struct wire *wire, uint32_t value)
{
	uint8_t byte = (uint8_t)value;

	wire_put(wire, &byte, 1);
}

static inline void wire_put16(struct wire *wire, uint32_t value)
{
	uint8_t bytes[2];

	store_be16(bytes, value);
	wire_put(wire, bytes, sizeof(bytes));
}

static inline void wire_put32(struct wire *wire, uint32_t value)
{
	uint8_t bytes[4];

	store_be32(bytes, value);
	wire_put(wire, bytes, sizeof(bytes));
}

#endif
