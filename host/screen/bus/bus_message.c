/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values are aligned to their size, counted from the message's start; a body begins at a multiple
 * of eight, so it can be written and read by itself.
 */
#include "host/screen/bus/bus_message.h"

#include "protocol/base/bytes.h"
#include "protocol/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define VERSION	  1
#define MAX_DEPTH 8
#define ENDIAN	  (__BYTE_ORDER == __LITTLE_ENDIAN ? 'l' : 'B')

enum field {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR,
	FIELD_REPLY_SERIAL,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE,
	FIELD_FDS,
};

static size_t aligned(size_t value, size_t align)
{
	return (value + align - 1) & ~(align - 1);
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* @length bytes behind what there is, aligned; NULL on failure. */
static uint8_t *put_room(struct bus_writer *writer, size_t align, size_t length)
{
	size_t start = aligned(writer->length, align), need;
	uint8_t *bytes;

	if (writer->failed || length > BUS_MAX_MESSAGE || start > BUS_MAX_MESSAGE - length) {
		writer->failed = true;
		return NULL;
	}
	need = start + length;
	if (need > writer->capacity) {
		size_t capacity = MAX(need, MAX(256, MIN(2 * writer->capacity, BUS_MAX_MESSAGE)));

		bytes = realloc(writer->bytes, capacity);
		if (!bytes) {
			writer->failed = true;
			return NULL;
		}
		writer->bytes = bytes;
		writer->capacity = capacity;
	}
	memset(writer->bytes + writer->length, 0, start - writer->length);
	writer->length = need;
	return writer->bytes + start;
}

static void put(struct bus_writer *writer, size_t align, const void *value, size_t length)
{
	uint8_t *room = put_room(writer, align, length);

	if (room && length)
		memcpy(room, value, length);
}

void bus_put_byte(struct bus_writer *writer, uint8_t value)
{
	put(writer, 1, &value, sizeof(value));
}

void bus_put_bool(struct bus_writer *writer, bool value)
{
	bus_put_u32(writer, value);
}

void bus_put_u16(struct bus_writer *writer, uint16_t value)
{
	put(writer, 2, &value, sizeof(value));
}

void bus_put_u32(struct bus_writer *writer, uint32_t value)
{
	put(writer, 4, &value, sizeof(value));
}

void bus_put_i32(struct bus_writer *writer, int32_t value)
{
	put(writer, 4, &value, sizeof(value));
}

void bus_put_u64(struct bus_writer *writer, uint64_t value)
{
	put(writer, 8, &value, sizeof(value));
}

void bus_put_string(struct bus_writer *writer, const char *text)
{
	size_t length = strlen(text);

	bus_put_u32(writer, (uint32_t)MIN(length, UINT32_MAX));
	put(writer, 1, text, length + 1);
}

void bus_put_signature(struct bus_writer *writer, const char *signature)
{
	size_t length = strlen(signature);

	assert(length < 256);
	bus_put_byte(writer, (uint8_t)length);
	put(writer, 1, signature, length + 1);
}

size_t bus_begin_array(struct bus_writer *writer, size_t align)
{
	size_t place;

	bus_put_u32(writer, 0);
	place = writer->length - MIN(writer->length, 4U);
	put_room(writer, align, 0);
	return place;
}

void bus_end_array(struct bus_writer *writer, size_t begun, size_t align)
{
	size_t length;
	uint32_t wire;

	if (writer->failed)
		return;
	/* The padding before the first element does not count. */
	length = writer->length - aligned(begun + sizeof(wire), align);
	wire = (uint32_t)length;
	if (length > BUS_MAX_ARRAY)
		writer->failed = true;
	else
		memcpy(writer->bytes + begun, &wire, sizeof(wire));
}

void bus_begin_struct(struct bus_writer *writer)
{
	put_room(writer, 8, 0);
}

uint8_t *bus_put_bytes(struct bus_writer *writer, size_t length)
{
	if (length > BUS_MAX_ARRAY) {
		writer->failed = true;
		return NULL;
	}
	bus_put_u32(writer, (uint32_t)length);
	return put_room(writer, 1, length);
}

void bus_writer_free(struct bus_writer *writer)
{
	free(writer->bytes);
	*writer = (struct bus_writer){0};
}

static void put_field(struct bus_writer *writer, enum field field, const char *signature,
		      const char *text)
{
	if (!text)
		return;
	bus_begin_struct(writer);
	bus_put_byte(writer, (uint8_t)field);
	bus_put_signature(writer, signature);
	if (*signature == 'g')
		bus_put_signature(writer, text);
	else
		bus_put_string(writer, text);
}

static void put_number_field(struct bus_writer *writer, enum field field, uint32_t value)
{
	if (!value)
		return;
	bus_begin_struct(writer);
	bus_put_byte(writer, (uint8_t)field);
	bus_put_signature(writer, "u");
	bus_put_u32(writer, value);
}

void bus_put_header(struct bus_writer *writer, const struct bus_message *message)
{
	size_t fields;

	assert(message->body.length <= BUS_MAX_MESSAGE);
	bus_put_byte(writer, ENDIAN);
	bus_put_byte(writer, (uint8_t)message->type);
	bus_put_byte(writer, message->flags);
	bus_put_byte(writer, VERSION);
	bus_put_u32(writer, (uint32_t)message->body.length);
	bus_put_u32(writer, message->serial);
	fields = bus_begin_array(writer, 8);
	put_field(writer, FIELD_PATH, "o", message->path);
	put_field(writer, FIELD_INTERFACE, "s", message->interface);
	put_field(writer, FIELD_MEMBER, "s", message->member);
	put_field(writer, FIELD_ERROR, "s", message->error);
	put_number_field(writer, FIELD_REPLY_SERIAL, message->reply_serial);
	put_field(writer, FIELD_SIGNATURE, "g",
		  message->signature && *message->signature ? message->signature : NULL);
	put_number_field(writer, FIELD_FDS, message->fds);
	bus_end_array(writer, fields, 8);
	put_room(writer, 8, 0);
}

/* --- Reading ---------------------------------------------------------------------------------- */

struct bus_reader bus_read(const struct bus_message *message)
{
	return (struct bus_reader){.bytes = message->body.bytes, .length = message->body.length};
}

static void fail(struct bus_reader *reader)
{
	reader->error = -EBADMSG;
	reader->at = reader->length;
}

/* @length bytes at the next multiple of @align; NULL on failure. */
static const uint8_t *get(struct bus_reader *reader, size_t align, size_t length)
{
	size_t start = aligned(reader->at, align);

	if (reader->error || start > reader->length || length > reader->length - start) {
		fail(reader);
		return NULL;
	}
	for (size_t i = reader->at; i < start; i++) {
		if (reader->bytes[i] != 0) {
			fail(reader);
			return NULL;
		}
	}
	reader->at = start + length;
	return reader->bytes + start;
}

static void get_value(struct bus_reader *reader, void *value, size_t size)
{
	const uint8_t *bytes = get(reader, size, size);

	if (bytes)
		memcpy(value, bytes, size);
}

uint8_t bus_get_byte(struct bus_reader *reader)
{
	uint8_t value = 0;

	get_value(reader, &value, sizeof(value));
	return value;
}

bool bus_get_bool(struct bus_reader *reader)
{
	uint32_t value = bus_get_u32(reader);

	if (value > 1)
		fail(reader);
	return value == 1;
}

uint16_t bus_get_u16(struct bus_reader *reader)
{
	uint16_t value = 0;

	get_value(reader, &value, sizeof(value));
	return value;
}

uint32_t bus_get_u32(struct bus_reader *reader)
{
	uint32_t value = 0;

	get_value(reader, &value, sizeof(value));
	return value;
}

int32_t bus_get_i32(struct bus_reader *reader)
{
	int32_t value = 0;

	get_value(reader, &value, sizeof(value));
	return value;
}

uint64_t bus_get_u64(struct bus_reader *reader)
{
	uint64_t value = 0;

	get_value(reader, &value, sizeof(value));
	return value;
}

static bool is_text(const uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		uint32_t character = 0;
		size_t taken = utf8_character(bytes + at, length - at, &character);

		if (taken == 0 || character == 0)
			return false;
		at += taken;
	}
	return bytes[length] == '\0';
}

/* A text of @length bytes and its NUL. */
static const char *get_text(struct bus_reader *reader, size_t length)
{
	const uint8_t *bytes = NULL;

	if (length < BUS_MAX_MESSAGE)
		bytes = get(reader, 1, length + 1);
	else
		fail(reader);
	if (bytes && !is_text(bytes, length)) {
		fail(reader);
		bytes = NULL;
	}
	return bytes ? (const char *)bytes : "";
}

const char *bus_get_string(struct bus_reader *reader)
{
	return get_text(reader, bus_get_u32(reader));
}

const char *bus_get_signature(struct bus_reader *reader)
{
	return get_text(reader, bus_get_byte(reader));
}

size_t bus_get_array(struct bus_reader *reader, size_t align)
{
	size_t length = bus_get_u32(reader);

	get(reader, align, 0);
	if (length > BUS_MAX_ARRAY || length > reader->length - reader->at)
		fail(reader);
	return reader->error ? reader->at : reader->at + length;
}

struct slice bus_get_bytes(struct bus_reader *reader)
{
	size_t end = bus_get_array(reader, 1);
	struct slice bytes = {reader->bytes + reader->at, end - reader->at};

	if (reader->error)
		return (struct slice){NULL, 0};
	reader->at = end;
	return bytes;
}

void bus_get_struct(struct bus_reader *reader)
{
	get(reader, 8, 0);
}

static size_t alignment(char type)
{
	switch (type) {
	case 'y':
	case 'g':
	case 'v':
		return 1;
	case 'n':
	case 'q':
		return 2;
	case 'x':
	case 't':
	case 'd':
	case '(':
	case '{':
		return 8;
	default:
		return 4;
	}
}

static const char *skip_value(struct bus_reader *reader, const char *signature, unsigned int depth);

/* Behind the complete type that @signature begins with; NULL: it is none. */
static const char *skip_type(const char *signature, unsigned int depth)
{
	char close = '\0';

	if (depth == MAX_DEPTH)
		return NULL;
	switch (*signature) {
	case '\0':
		return NULL;
	case 'a':
		return skip_type(signature + 1, depth + 1);
	case '(':
		close = ')';
		break;
	case '{':
		close = '}';
		break;
	default:
		return strchr("ybnqiuxtdsoghv", *signature) ? signature + 1 : NULL;
	}
	for (signature++; signature && *signature != close;)
		signature = skip_type(signature, depth + 1);
	return signature ? signature + 1 : NULL;
}

static const char *skip_array(struct bus_reader *reader, const char *element, unsigned int depth)
{
	const char *behind = skip_type(element, depth);
	size_t end;

	if (!behind) {
		fail(reader);
		return NULL;
	}
	end = bus_get_array(reader, alignment(*element));
	if (!reader->error && alignment(*element) == 1 && *element == 'y')
		reader->at = end;
	/* Every element takes at least a byte, but for empty structs, which there are not. */
	while (!reader->error && reader->at < end) {
		size_t before = reader->at;

		if (!skip_value(reader, element, depth + 1) || reader->at == before)
			fail(reader);
	}
	if (reader->at != end)
		fail(reader);
	return reader->error ? NULL : behind;
}

static const char *skip_struct(struct bus_reader *reader, const char *member, char close,
			       unsigned int depth)
{
	bus_get_struct(reader);
	while (member && *member != close)
		member = skip_value(reader, member, depth + 1);
	return member ? member + 1 : NULL;
}

static void skip_variant(struct bus_reader *reader, unsigned int depth)
{
	const char *inner = bus_get_signature(reader);
	const char *behind = skip_value(reader, inner, depth + 1);

	if (!behind || *behind != '\0')
		fail(reader);
}

/* Return: behind the type; NULL on failure. */
static const char *skip_value(struct bus_reader *reader, const char *signature, unsigned int depth)
{
	if (depth == MAX_DEPTH || reader->error)
		fail(reader);
	else if (*signature == 'a')
		return skip_array(reader, signature + 1, depth);
	else if (*signature == '(')
		return skip_struct(reader, signature + 1, ')', depth);
	else if (*signature == '{')
		return skip_struct(reader, signature + 1, '}', depth);
	else if (*signature == 'v')
		skip_variant(reader, depth);
	else if (*signature == 's' || *signature == 'o')
		bus_get_string(reader);
	else if (*signature == 'g')
		bus_get_signature(reader);
	else if (*signature && strchr("ybnqiuxtdh", *signature))
		get(reader, alignment(*signature), alignment(*signature));
	else
		fail(reader);
	return reader->error ? NULL : signature + 1;
}

void bus_skip(struct bus_reader *reader, const char *signature)
{
	skip_value(reader, signature, 0);
}

/* --- Messages --------------------------------------------------------------------------------- */

int bus_message_size(const uint8_t header[BUS_FIXED_HEADER], size_t *size)
{
	uint32_t body, fields;

	memcpy(&body, header + 4, sizeof(body));
	memcpy(&fields, header + 12, sizeof(fields));
	if (header[0] != ENDIAN || header[1] == 0 || header[3] != VERSION)
		return -EBADMSG;
	if (fields > BUS_MAX_FIELDS || body > BUS_MAX_MESSAGE - BUS_MAX_FIELDS - 32)
		return -EMSGSIZE;
	*size = aligned(BUS_FIXED_HEADER + fields, 8) + body;
	return 0;
}

/* The variant's signature must be the field's type. */
static const char *get_field_text(struct bus_reader *reader, const char *type, const char *given)
{
	if (strcmp(type, given) != 0)
		fail(reader);
	return *type == 'g' ? bus_get_signature(reader) : bus_get_string(reader);
}

static void get_field(struct bus_reader *reader, struct bus_message *message)
{
	unsigned int field;
	const char *type;

	bus_get_struct(reader);
	field = bus_get_byte(reader);
	type = bus_get_signature(reader);
	switch (field) {
	case FIELD_PATH:
		message->path = get_field_text(reader, "o", type);
		break;
	case FIELD_INTERFACE:
		message->interface = get_field_text(reader, "s", type);
		break;
	case FIELD_MEMBER:
		message->member = get_field_text(reader, "s", type);
		break;
	case FIELD_ERROR:
		message->error = get_field_text(reader, "s", type);
		break;
	case FIELD_SIGNATURE:
		message->signature = get_field_text(reader, "g", type);
		break;
	case FIELD_REPLY_SERIAL:
	case FIELD_FDS:
		if (strcmp(type, "u") != 0)
			fail(reader);
		*(field == FIELD_FDS ? &message->fds : &message->reply_serial) =
			bus_get_u32(reader);
		break;
	default: /* to be ignored, whatever it is */
		bus_skip(reader, type);
	}
}

static bool is_complete(const struct bus_message *message)
{
	switch (message->type) {
	case BUS_CALL:
		return message->path && message->member;
	case BUS_REPLY:
		return message->reply_serial != 0;
	case BUS_ERROR:
		return message->reply_serial != 0 && message->error;
	case BUS_SIGNAL:
		return message->path && message->interface && message->member;
	default:
		return true; /* types to come are ignored */
	}
}

int bus_message_parse(const uint8_t *bytes, size_t length, struct bus_message *message)
{
	struct bus_reader reader = {.bytes = bytes, .length = length};
	size_t size, end;
	uint32_t body;

	*message = (struct bus_message){0};
	if (length < BUS_FIXED_HEADER || bus_message_size(bytes, &size) < 0 || size != length)
		return -EBADMSG;
	message->type = (enum bus_type)bytes[1];
	message->flags = bytes[2];
	message->signature = "";
	reader.at = 4;
	body = bus_get_u32(&reader);
	message->serial = bus_get_u32(&reader);
	end = bus_get_array(&reader, 8);
	while (!reader.error && reader.at < end)
		get_field(&reader, message);
	if (reader.at != end || message->serial == 0)
		return -EBADMSG;
	get(&reader, 8, 0);
	message->body = (struct slice){bytes + reader.at, body};
	if (reader.error || length - reader.at != body || !is_complete(message) ||
	    (body > 0 && *message->signature == '\0'))
		return -EBADMSG;
	return 0;
}
