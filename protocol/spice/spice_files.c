/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dialect's messages about files: a key file says the name and the size. */
#include "protocol/spice/spice_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define GROUP "[vdagent-file-xfer]"

bool spice_file_name_is_good(struct slice name)
{
	uint32_t character;
	size_t taken;

	/* A dot in front: "..", and what a desktop would not show. */
	if (name.length == 0 || name.length > SPICE_FILE_NAME_MAX || name.bytes[0] == '.')
		return false;
	for (size_t at = 0; at < name.length; at += taken) {
		taken = utf8_character(name.bytes + at, name.length - at, &character);
		/* Beside control characters: what turns the direction of text around. */
		if (!taken || character < ' ' || (character >= 0x7f && character < 0xa0) ||
		    character == '/' || character == '\\' ||
		    (character >= 0x202a && character <= 0x202e) ||
		    (character >= 0x2066 && character <= 0x2069))
			return false;
	}
	return true;
}

/* The value of a line "key=value" of the key file; false: there is none. */
static bool find_value(struct slice text, const char *key, struct slice *value)
{
	const size_t key_length = strlen(key);

	while (text.length) {
		const uint8_t *newline = memchr(text.bytes, '\n', text.length);
		size_t length = newline ? (size_t)(newline - text.bytes) : text.length;
		struct slice line = {text.bytes, length};

		if (line.length && line.bytes[line.length - 1] == '\r')
			line.length--;
		if (line.length > key_length && memcmp(line.bytes, key, key_length) == 0 &&
		    line.bytes[key_length] == '=') {
			*value = (struct slice){line.bytes + key_length + 1,
						line.length - key_length - 1};
			return true;
		}
		spice_take(&text, MIN(length + 1, text.length));
	}
	return false;
}

/* Key files escape: "\s" a space, "\\" a backslash, and what no name may have. */
static int unescape(struct slice value, char name[SPICE_FILE_NAME_MAX + 1])
{
	size_t filled = 0;

	for (size_t i = 0; i < value.length; i++) {
		uint8_t byte = value.bytes[i];

		if (byte == '\\') {
			if (++i == value.length || value.bytes[i] != 's')
				return -EINVAL;
			byte = ' ';
		}
		if (filled == SPICE_FILE_NAME_MAX)
			return -EINVAL;
		name[filled++] = (char)byte;
	}
	name[filled] = '\0';
	return spice_file_name_is_good((struct slice){(const uint8_t *)name, filled}) ? 0 : -EINVAL;
}

static int parse_size(struct slice value, uint64_t *size)
{
	*size = 0;
	if (value.length == 0)
		return -EBADMSG;
	for (size_t i = 0; i < value.length; i++) {
		const uint8_t byte = value.bytes[i];

		if (byte < '0' || byte > '9' || __builtin_mul_overflow(*size, 10ULL, size) ||
		    __builtin_add_overflow(*size, (uint64_t)(byte - '0'), size))
			return -EBADMSG;
	}
	return *size > INT64_MAX ? -EBADMSG : 0;
}

int spice_file_start_parse(struct slice payload, struct spice_file_start *start)
{
	const uint8_t *id = spice_take(&payload, 4);
	struct slice name, size;
	const uint8_t *end;

	*start = (struct spice_file_start){0};
	if (!id)
		return -EBADMSG;
	start->id = load_le32(id);
	/* A NUL ends it, if there is one. */
	end = payload.length ? memchr(payload.bytes, '\0', payload.length) : NULL;
	if (end)
		payload.length = (size_t)(end - payload.bytes);
	if (payload.length < strlen(GROUP) || memcmp(payload.bytes, GROUP, strlen(GROUP)) != 0 ||
	    !find_value(payload, "name", &name) || !find_value(payload, "size", &size) ||
	    parse_size(size, &start->size) < 0)
		return -EBADMSG;
	return unescape(name, start->name);
}

size_t spice_file_start_encode(const struct spice_file_start *start,
			       uint8_t bytes[SPICE_FILE_START_SIZE])
{
	char escaped[2 * SPICE_FILE_NAME_MAX + 1];
	size_t filled = 0;
	int length;

	if (!spice_file_name_is_good(slice_of(start->name)))
		return 0;
	for (const char *c = start->name; *c; c++) {
		/* Spaces elsewhere stay as they are. */
		const bool escape = *c == ' ' && c == start->name;

		escaped[filled++] = escape ? '\\' : *c;
		if (escape)
			escaped[filled++] = 's';
	}
	escaped[filled] = '\0';
	store_le32(bytes, start->id);
	length = snprintf((char *)bytes + 4, SPICE_FILE_START_SIZE - 4,
			  GROUP "\nname=%s\nsize=%llu\n", escaped, (unsigned long long)start->size);
	return 4 + (size_t)length + 1; /* with the NUL */
}

int spice_file_status_parse(struct slice payload, struct spice_file_status *status)
{
	const uint8_t *bytes = spice_take(&payload, 8);

	if (!bytes)
		return -EBADMSG;
	status->id = load_le32(bytes);
	status->result = load_le32(bytes + 4);
	return 0;
}

size_t spice_file_status_encode(const struct spice_file_status *status, uint32_t both,
				uint64_t free_bytes, uint8_t bytes[SPICE_FILE_STATUS_SIZE])
{
	store_le32(bytes, status->id);
	store_le32(bytes + 4, status->result);
	if (!(both & SPICE_CAP(FILE_XFER_DETAILED_ERRORS)) ||
	    status->result != SPICE_FILE_NOT_ENOUGH_SPACE)
		return 8;
	store_le64(bytes + 8, free_bytes);
	return 16;
}

int spice_file_data_parse(struct slice payload, struct spice_file_data *data)
{
	const uint8_t *bytes = spice_take(&payload, SPICE_FILE_DATA_SIZE);

	if (!bytes)
		return -EBADMSG;
	data->id = load_le32(bytes);
	data->data = payload;
	return load_le64(bytes + 4) == payload.length ? 0 : -EBADMSG;
}

void spice_file_data_encode(uint32_t id, size_t length, uint8_t bytes[SPICE_FILE_DATA_SIZE])
{
	store_le32(bytes, id);
	store_le64(bytes + 4, length);
}
