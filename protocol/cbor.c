/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/cbor.h"

#include "protocol/base/utf8.h"

#include <errno.h>
#include <string.h>

/* RFC 8949, section 3.1: the major types, in the upper three bits of an item's first byte. */
enum major {
	MAJOR_UINT = 0,
	MAJOR_NEGATIVE = 1,
	MAJOR_BYTES = 2,
	MAJOR_TEXT = 3,
	MAJOR_ARRAY = 4,
	MAJOR_MAP = 5,
	MAJOR_SIMPLE = 7,
};

enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22 };

struct slice slice_of(const char *text)
{
	return (struct slice){(const uint8_t *)text, text ? strlen(text) : 0};
}

bool slice_is(struct slice slice, const char *text)
{
	size_t length = strlen(text);

	return slice.length == length && (length == 0 || memcmp(slice.bytes, text, length) == 0);
}

static bool utf8_is_valid(struct slice text)
{
	uint32_t character;

	for (size_t at = 0; at < text.length;) {
		size_t step = utf8_character(text.bytes + at, text.length - at, &character);

		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

/* --- Writing -------------------------------------------------------------------------------- */

/* Room for @length more bytes, or NULL and the overflow remembered. */
static uint8_t *writer_room(struct cbor_writer *writer, size_t length)
{
	uint8_t *room;

	if (writer->overflow || length > writer->capacity - writer->length) {
		writer->overflow = true;
		return NULL;
	}
	room = writer->bytes + writer->length;
	writer->length += length;
	return room;
}

/* An item's head: major type and argument in the shortest form (RFC 8949, 4.2.1). */
static void put_head(struct cbor_writer *writer, enum major major, uint64_t argument)
{
	uint8_t first = (uint8_t)(major << 5);
	unsigned int follow = argument < 24	       ? 0
			      : argument <= 0xff       ? 1
			      : argument <= 0xffff     ? 2
			      : argument <= 0xffffffff ? 4
						       : 8;
	uint8_t *room = writer_room(writer, 1 + follow);

	if (!room)
		return;
	if (follow == 0) {
		room[0] = (uint8_t)(first | argument);
		return;
	}
	room[0] = (uint8_t)(first | (24 + __builtin_ctz(follow)));
	for (unsigned int i = 0; i < follow; i++)
		room[1 + i] = (uint8_t)(argument >> (8 * (follow - 1 - i)));
}

void cbor_put_uint(struct cbor_writer *writer, uint64_t value)
{
	put_head(writer, MAJOR_UINT, value);
}

void cbor_put_int(struct cbor_writer *writer, int64_t value)
{
	if (value >= 0)
		put_head(writer, MAJOR_UINT, (uint64_t)value);
	else
		put_head(writer, MAJOR_NEGATIVE, ~(uint64_t)value);
}

void cbor_put_raw(struct cbor_writer *writer, struct slice items)
{
	uint8_t *room = writer_room(writer, items.length);

	if (room && items.length > 0)
		memcpy(room, items.bytes, items.length);
}

void cbor_put_bytes(struct cbor_writer *writer, struct slice bytes)
{
	put_head(writer, MAJOR_BYTES, bytes.length);
	cbor_put_raw(writer, bytes);
}

void cbor_put_text(struct cbor_writer *writer, struct slice text)
{
	uint32_t character;
	uint8_t *room;

	put_head(writer, MAJOR_TEXT, text.length);
	room = writer_room(writer, text.length);
	if (!room)
		return;
	for (size_t at = 0; at < text.length;) {
		size_t step = utf8_character(text.bytes + at, text.length - at, &character);

		if (step == 0) {
			room[at++] = '?';
			continue;
		}
		memcpy(room + at, text.bytes + at, step);
		at += step;
	}
}

void cbor_put_bool(struct cbor_writer *writer, bool value)
{
	put_head(writer, MAJOR_SIMPLE, value ? SIMPLE_TRUE : SIMPLE_FALSE);
}

void cbor_put_null(struct cbor_writer *writer)
{
	put_head(writer, MAJOR_SIMPLE, SIMPLE_NULL);
}

void cbor_put_array(struct cbor_writer *writer, uint64_t count)
{
	put_head(writer, MAJOR_ARRAY, count);
}

void cbor_put_map(struct cbor_writer *writer, uint64_t pairs)
{
	put_head(writer, MAJOR_MAP, pairs);
}

struct slice cbor_written(const struct cbor_writer *writer)
{
	if (writer->overflow)
		return (struct slice){NULL, 0};
	return (struct slice){writer->bytes, writer->length};
}

/* --- Reading -------------------------------------------------------------------------------- */

struct head {
	enum major major;
	uint64_t argument;
	size_t size; /* bytes it took */
};

/* The head at the reader's place, which it leaves there. false: there is none that we accept. */
static bool peek_head(const struct cbor_reader *reader, struct head *head)
{
	size_t left = reader->length - reader->at;
	const uint8_t *bytes;
	uint8_t low;
	size_t follow;

	if (reader->error || left == 0)
		return false;
	bytes = reader->bytes + reader->at;
	head->major = (enum major)(bytes[0] >> 5);
	low = bytes[0] & 0x1f;
	if (low < 24) {
		head->argument = low;
		head->size = 1;
		return true;
	}
	if (low > 27) /* reserved, or indefinite length */
		return false;
	follow = (size_t)1 << (low - 24);
	if (left - 1 < follow)
		return false;
	head->argument = 0;
	for (size_t i = 0; i < follow; i++)
		head->argument = head->argument << 8 | bytes[1 + i];
	head->size = 1 + follow;
	return true;
}

static void fail(struct cbor_reader *reader)
{
	reader->error = -EBADMSG;
}

/* Takes the head if it is of @major. */
static bool take_head(struct cbor_reader *reader, enum major major, uint64_t *argument)
{
	struct head head;

	if (!peek_head(reader, &head) || head.major != major) {
		fail(reader);
		return false;
	}
	reader->at += head.size;
	*argument = head.argument;
	return true;
}

enum cbor_type cbor_peek(const struct cbor_reader *reader)
{
	struct head head;

	if (!peek_head(reader, &head))
		return CBOR_NOTHING;
	switch ((int)head.major) {
	case MAJOR_UINT:
		return CBOR_UINT;
	case MAJOR_NEGATIVE:
		return CBOR_NEGATIVE;
	case MAJOR_BYTES:
		return CBOR_BYTES;
	case MAJOR_TEXT:
		return CBOR_TEXT;
	case MAJOR_ARRAY:
		return CBOR_ARRAY;
	case MAJOR_MAP:
		return CBOR_MAP;
	case MAJOR_SIMPLE:
		if (head.size != 1)
			return CBOR_NOTHING;
		if (head.argument == SIMPLE_FALSE || head.argument == SIMPLE_TRUE)
			return CBOR_BOOL;
		return head.argument == SIMPLE_NULL ? CBOR_NULL : CBOR_NOTHING;
	default:
		return CBOR_NOTHING;
	}
}

uint64_t cbor_get_uint(struct cbor_reader *reader)
{
	uint64_t value;

	return take_head(reader, MAJOR_UINT, &value) ? value : 0;
}

int64_t cbor_get_int(struct cbor_reader *reader)
{
	struct head head;

	if (!peek_head(reader, &head) || head.argument > INT64_MAX ||
	    (head.major != MAJOR_UINT && head.major != MAJOR_NEGATIVE)) {
		fail(reader);
		return 0;
	}
	reader->at += head.size;
	return head.major == MAJOR_UINT ? (int64_t)head.argument : -1 - (int64_t)head.argument;
}

bool cbor_get_bool(struct cbor_reader *reader)
{
	uint64_t value;

	if (cbor_peek(reader) != CBOR_BOOL) {
		fail(reader);
		return false;
	}
	return take_head(reader, MAJOR_SIMPLE, &value) && value == SIMPLE_TRUE;
}

static struct slice get_string(struct cbor_reader *reader, enum major major)
{
	uint64_t length;
	struct slice string = {NULL, 0};

	if (!take_head(reader, major, &length))
		return string;
	if (length > reader->length - reader->at) {
		fail(reader);
		return string;
	}
	string = (struct slice){reader->bytes + reader->at, (size_t)length};
	reader->at += (size_t)length;
	return string;
}

struct slice cbor_get_bytes(struct cbor_reader *reader)
{
	return get_string(reader, MAJOR_BYTES);
}

struct slice cbor_get_text(struct cbor_reader *reader)
{
	struct slice text = get_string(reader, MAJOR_TEXT);

	if (!utf8_is_valid(text)) {
		fail(reader);
		return (struct slice){NULL, 0};
	}
	return text;
}

/* A count of items of at least @item_size bytes each. */
static uint64_t get_count(struct cbor_reader *reader, enum major major, size_t item_size)
{
	uint64_t count;

	if (!take_head(reader, major, &count))
		return 0;
	if (count > (reader->length - reader->at) / item_size) {
		fail(reader);
		return 0;
	}
	return count;
}

uint64_t cbor_get_array(struct cbor_reader *reader)
{
	return get_count(reader, MAJOR_ARRAY, 1);
}

uint64_t cbor_get_map(struct cbor_reader *reader)
{
	return get_count(reader, MAJOR_MAP, 2);
}

/* Recursion is bounded by CBOR_MAX_DEPTH, work by the bytes left. */
static void skip_item(struct cbor_reader *reader, unsigned int depth)
{
	uint64_t items = 0;

	switch (cbor_peek(reader)) {
	case CBOR_UINT:
		cbor_get_uint(reader);
		break;
	case CBOR_NEGATIVE:
		cbor_get_int(reader);
		break;
	case CBOR_BYTES:
		cbor_get_bytes(reader);
		break;
	case CBOR_TEXT:
		cbor_get_text(reader);
		break;
	case CBOR_BOOL:
	case CBOR_NULL:
		reader->at++;
		break;
	case CBOR_ARRAY:
		items = cbor_get_array(reader);
		break;
	case CBOR_MAP:
		items = 2 * cbor_get_map(reader);
		break;
	case CBOR_NOTHING:
		fail(reader);
		break;
	}
	if (items > 0 && depth + 1 >= CBOR_MAX_DEPTH)
		fail(reader);
	for (; items > 0 && !reader->error; items--)
		skip_item(reader, depth + 1);
}

void cbor_skip(struct cbor_reader *reader)
{
	skip_item(reader, 0);
}

struct slice cbor_get_raw(struct cbor_reader *reader)
{
	size_t start = reader->at;

	cbor_skip(reader);
	if (reader->error)
		return (struct slice){NULL, 0};
	return (struct slice){reader->bytes + start, reader->at - start};
}

int cbor_finish(const struct cbor_reader *reader)
{
	if (reader->error)
		return reader->error;
	return reader->at == reader->length ? 0 : -EBADMSG;
}
