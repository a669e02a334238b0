/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_spice - an end of a SPICE agent's port that a test plays, over a socket: a client, or a
 * guest's agent. What comes is counted by type, and the last of each is kept.
 */
#ifndef LODGE_UNIT_PLAYED_SPICE_H
#define LODGE_UNIT_PLAYED_SPICE_H

#include "protocol/base/bytes.h"
#include "protocol/pump/pump.h"
#include "protocol/spice/spice_wire.h"

#include <check.h>
#include <stdlib.h>

#define PLAYED_SPICE_TYPES 17

struct played_spice {
	struct spice_wire wire;
	struct pump *pump;
	unsigned int count[PLAYED_SPICE_TYPES];
	uint8_t *last[PLAYED_SPICE_TYPES];
	size_t length[PLAYED_SPICE_TYPES];
	bool closed;
};

static inline uint32_t played_spice_most(void *owner, uint32_t type)
{
	(void)owner;
	(void)type;
	return 16U << 20;
}

static inline void played_spice_said(void *owner, uint32_t type, struct slice payload)
{
	struct played_spice *end = owner;

	ck_assert_uint_lt(type, PLAYED_SPICE_TYPES);
	end->count[type]++;
	free(end->last[type]);
	end->last[type] = malloc(payload.length + 1);
	if (payload.length)
		memcpy(end->last[type], payload.bytes, payload.length);
	end->length[type] = payload.length;
}

static inline size_t played_spice_output(void *owner, void *bytes, size_t capacity)
{
	struct byte_queue *out = &((struct played_spice *)owner)->wire.out;
	const size_t length = MIN(out->length, capacity);

	if (length) {
		memcpy(bytes, byte_queue_front(out), length);
		byte_queue_take(out, length);
	}
	return length;
}

static inline void played_spice_input(void *owner, const void *bytes, size_t length)
{
	struct played_spice *end = owner;

	ck_assert_int_eq(spice_wire_receive(&end->wire, bytes, length), 0);
}

static inline void played_spice_disconnected(void *owner)
{
	((struct played_spice *)owner)->closed = true;
}

/* @fd becomes its own. */
static inline void played_spice_start(struct played_spice *end, uv_loop_t *loop, int fd)
{
	static const struct spice_wire_handlers wire_handlers = {
		.most = played_spice_most,
		.message = played_spice_said,
		.skipped = played_spice_said,
	};
	static const struct pump_bytes bytes = {
		.output = played_spice_output,
		.input = played_spice_input,
		.disconnected = played_spice_disconnected,
	};
	static const struct pump_handlers handlers = {0};

	*end = (struct played_spice){0};
	spice_wire_init(&end->wire, &wire_handlers, end);
	ck_assert_int_eq(pump_new_bytes(loop, fd, false, &bytes, &handlers, end, &end->pump), 0);
}

/* NULL @end->pump is fine: it was never started. */
static inline void played_spice_stop(struct played_spice *end)
{
	pump_free(end->pump);
	spice_wire_reset(&end->wire);
	for (size_t i = 0; i < PLAYED_SPICE_TYPES; i++)
		free(end->last[i]);
	*end = (struct played_spice){0};
}

/* Bytes that are no message, too. */
static inline void played_spice_write(struct played_spice *end, const void *bytes, size_t length)
{
	ck_assert_int_eq(byte_queue_append(&end->wire.out, bytes, length), 0);
	pump_wake(end->pump);
}

static inline void played_spice_say(struct played_spice *end, enum spice_type type,
				    const void *bytes, size_t length)
{
	ck_assert_int_eq(spice_wire_send(&end->wire, SPICE_CLIENT_PORT, type,
					 (struct slice){bytes, length}, (struct slice){0}),
			 0);
	pump_wake(end->pump);
}

#endif
