/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * D-Bus Specification, "Message Format": byte order, type, flags, version, length of the body,
 * serial, then an array of fields, each aligned to 8: a byte for its code, its value's signature,
 * and the value. libdbus checks all of it again.
 */
#include "host/screen/bus_wire.h"

#include "host/screen/bus_peer.h"
#include "protocol/base/bytes.h"

#include <errno.h>

#define FIELD_UNIX_FDS 9
#define MAX_HEADER     (64U << 20)

struct cursor {
	uint8_t *bytes;
	size_t at, end;
	bool is_big;
};

static uint32_t load(const uint8_t *bytes, bool is_big)
{
	uint32_t value = load_le32(bytes);

	return is_big ? __builtin_bswap32(value) : value;
}

static size_t aligned(size_t at, size_t to)
{
	return (at + to - 1) & ~(to - 1);
}

ssize_t bus_wire_length(const uint8_t start[BUS_WIRE_START])
{
	bool is_big = start[0] == 'B';
	uint64_t length;

	if ((start[0] != 'l' && !is_big) || start[3] != 1)
		return -EPROTO;
	length = load(start + 12, is_big);
	if (length > MAX_HEADER)
		return -EPROTO;
	length = aligned(BUS_WIRE_START + (size_t)length, 8) + (uint64_t)load(start + 4, is_big);
	return length > BUS_PEER_MAX_MESSAGE ? -EPROTO : (ssize_t)length;
}

static int read_u32(struct cursor *cursor, uint32_t *value)
{
	cursor->at = aligned(cursor->at, 4);
	if (cursor->at > cursor->end || cursor->end - cursor->at < 4)
		return -EPROTO;
	*value = load(cursor->bytes + cursor->at, cursor->is_big);
	cursor->at += 4;
	return 0;
}

static int skip(struct cursor *cursor, size_t length)
{
	if (cursor->at > cursor->end || length > cursor->end - cursor->at)
		return -EPROTO;
	cursor->at += length;
	return 0;
}

/* One field; @count is set if it is the one. */
static int read_field(struct cursor *cursor, uint32_t *count)
{
	uint8_t code, type;
	uint32_t value;

	cursor->at = aligned(cursor->at, 8);
	if (cursor->at >= cursor->end)
		return 0;
	/* Code, and a signature of one letter: its length, the letter, zero. */
	if (cursor->end - cursor->at < 4 || cursor->bytes[cursor->at + 1] != 1)
		return -EPROTO;
	code = cursor->bytes[cursor->at];
	type = cursor->bytes[cursor->at + 2];
	cursor->at += 4;
	if (type == 'g') {
		if (cursor->at >= cursor->end)
			return -EPROTO;
		return skip(cursor, 2 + (size_t)cursor->bytes[cursor->at]);
	}
	if (type != 'u' && type != 's' && type != 'o')
		return -EPROTO;
	if (read_u32(cursor, &value) < 0)
		return -EPROTO;
	if (type != 'u')
		return skip(cursor, (size_t)value + 1);
	if (code == FIELD_UNIX_FDS) {
		*count = value;
		memset(cursor->bytes + cursor->at - 4, 0, 4);
	}
	return 0;
}

ssize_t bus_wire_take_fds(uint8_t *message, size_t length)
{
	struct cursor cursor = {.bytes = message, .at = BUS_WIRE_START};
	uint32_t count = 0;

	if (length < BUS_WIRE_START)
		return -EPROTO;
	cursor.is_big = message[0] == 'B';
	cursor.end = BUS_WIRE_START + (size_t)load(message + 12, cursor.is_big);
	if (cursor.end > length)
		return -EPROTO;
	while (cursor.at < cursor.end) {
		if (read_field(&cursor, &count) < 0)
			return -EPROTO;
	}
	return count > BUS_PEER_MAX_FDS ? -EPROTO : (ssize_t)count;
}
