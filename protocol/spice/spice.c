/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/spice/spice.h"

#include "protocol/base/bytes.h"
#include "protocol/base/utf8.h"
#include "protocol/clipboard_text.h"

#include <errno.h>
#include <stdio.h>

/* Takes @length bytes in front; NULL: there are fewer. */
static const uint8_t *take(struct slice *payload, size_t length)
{
	const uint8_t *bytes = payload->bytes;

	if (payload->length < length)
		return NULL;
	payload->bytes += length;
	payload->length -= length;
	return bytes;
}

/* --- Capabilities --------------------------------------------------------------------------- */

int spice_capabilities_parse(struct slice payload, struct spice_capabilities *capabilities)
{
	const uint8_t *request = take(&payload, 4), *word = take(&payload, 4);

	if (!request || payload.length % 4 != 0)
		return -EBADMSG;
	capabilities->request = load_le32(request) != 0;
	capabilities->bits = word ? load_le32(word) : 0;
	return 0;
}

void spice_capabilities_encode(const struct spice_capabilities *capabilities,
			       uint8_t bytes[SPICE_CAPABILITIES_SIZE])
{
	store_le32(bytes, capabilities->request);
	store_le32(bytes + 4, capabilities->bits);
}

/* --- The mouse ------------------------------------------------------------------------------ */

int spice_mouse_parse(struct slice payload, struct spice_mouse *mouse)
{
	const uint8_t *bytes = take(&payload, SPICE_MOUSE_SIZE);

	if (!bytes)
		return -EBADMSG;
	*mouse = (struct spice_mouse){
		.x = load_le32(bytes),
		.y = load_le32(bytes + 4),
		.buttons = load_le32(bytes + 8),
		.screen = bytes[12],
	};
	return 0;
}

void spice_mouse_encode(const struct spice_mouse *mouse, uint8_t bytes[SPICE_MOUSE_SIZE])
{
	store_le32(bytes, mouse->x);
	store_le32(bytes + 4, mouse->y);
	store_le32(bytes + 8, mouse->buttons);
	bytes[12] = mouse->screen;
}

/* --- Monitors ------------------------------------------------------------------------------- */

#define MONITOR_SIZE	   20
#define MONITOR_MM_SIZE	   4
#define FLAG_POSITIONS	   1U
#define FLAG_PHYSICAL_SIZE 2U

int spice_monitors_parse(struct slice payload, struct spice_monitors *monitors)
{
	const uint8_t *head = take(&payload, 8), *list, *millimetres = NULL;
	uint32_t count, flags;

	if (!head)
		return -EBADMSG;
	count = load_le32(head);
	flags = load_le32(head + 4);
	if (count > SPICE_MONITORS_MAX)
		return -E2BIG;
	list = take(&payload, (size_t)count * MONITOR_SIZE);
	if (!list)
		return -EBADMSG;
	if (flags & FLAG_PHYSICAL_SIZE) {
		millimetres = take(&payload, (size_t)count * MONITOR_MM_SIZE);
		if (!millimetres)
			return -EBADMSG;
	}
	*monitors = (struct spice_monitors){.count = count, .positions = flags & FLAG_POSITIONS};
	for (size_t i = 0; i < count; i++, list += MONITOR_SIZE) {
		struct spice_monitor *monitor = &monitors->monitor[i];

		monitor->height = load_le32(list);
		monitor->width = load_le32(list + 4);
		monitor->depth = load_le32(list + 8);
		monitor->x = (int32_t)load_le32(list + 12);
		monitor->y = (int32_t)load_le32(list + 16);
		if (millimetres) {
			monitor->height_mm = load_le16(millimetres + i * MONITOR_MM_SIZE);
			monitor->width_mm = load_le16(millimetres + i * MONITOR_MM_SIZE + 2);
		}
	}
	return 0;
}

size_t spice_monitors_encode(const struct spice_monitors *monitors,
			     uint8_t bytes[SPICE_MONITORS_SIZE])
{
	uint8_t *at = bytes + 8;

	store_le32(bytes, (uint32_t)monitors->count);
	store_le32(bytes + 4, monitors->positions ? FLAG_POSITIONS : 0);
	for (size_t i = 0; i < monitors->count; i++, at += MONITOR_SIZE) {
		const struct spice_monitor *monitor = &monitors->monitor[i];

		store_le32(at, monitor->height);
		store_le32(at + 4, monitor->width);
		store_le32(at + 8, monitor->depth);
		store_le32(at + 12, (uint32_t)monitor->x);
		store_le32(at + 16, (uint32_t)monitor->y);
	}
	return (size_t)(at - bytes);
}

int spice_reply_parse(struct slice payload, struct spice_reply *reply)
{
	const uint8_t *bytes = take(&payload, SPICE_REPLY_SIZE);

	if (!bytes)
		return -EBADMSG;
	reply->type = load_le32(bytes);
	reply->error = load_le32(bytes + 4);
	return 0;
}

void spice_reply_encode(const struct spice_reply *reply, uint8_t bytes[SPICE_REPLY_SIZE])
{
	store_le32(bytes, reply->type);
	store_le32(bytes + 4, reply->error);
}

/* --- Clipboard ------------------------------------------------------------------------------ */

static const char *const mimes[] = {
	[SPICE_CLIPBOARD_UTF8_TEXT] = CLIPBOARD_TEXT, [SPICE_CLIPBOARD_IMAGE_PNG] = "image/png",
	[SPICE_CLIPBOARD_IMAGE_BMP] = "image/bmp",    [SPICE_CLIPBOARD_IMAGE_TIFF] = "image/tiff",
	[SPICE_CLIPBOARD_IMAGE_JPG] = "image/jpeg",
};

uint32_t spice_clipboard_type(struct slice mime)
{
	if (clipboard_text_form(mime) != TEXT_NONE)
		return SPICE_CLIPBOARD_UTF8_TEXT;
	for (uint32_t i = SPICE_CLIPBOARD_IMAGE_PNG; i < ARRAY_SIZE(mimes); i++) {
		if (slice_is(mime, mimes[i]))
			return i;
	}
	return SPICE_CLIPBOARD_NONE;
}

const char *spice_clipboard_mime(uint32_t type)
{
	return type < ARRAY_SIZE(mimes) ? mimes[type] : NULL;
}

static int take_selection(struct slice *payload, uint32_t both, uint8_t *selection)
{
	const uint8_t *bytes;

	*selection = SPICE_SELECTION_CLIPBOARD;
	if (!(both & SPICE_CAP(CLIPBOARD_SELECTION)))
		return 0;
	bytes = take(payload, 4);
	if (!bytes || bytes[0] > SPICE_SELECTION_SECONDARY)
		return -EBADMSG;
	*selection = bytes[0];
	return 0;
}

static size_t put_selection(uint8_t selection, uint32_t both, uint8_t bytes[4])
{
	if (!(both & SPICE_CAP(CLIPBOARD_SELECTION)))
		return 0;
	store_le32(bytes, selection); /* and three that are reserved */
	return 4;
}

int spice_grab_parse(struct slice payload, uint32_t both, struct spice_grab *grab)
{
	const uint8_t *bytes;

	*grab = (struct spice_grab){0};
	if (take_selection(&payload, both, &grab->selection) < 0)
		return -EBADMSG;
	if (both & SPICE_CAP(CLIPBOARD_GRAB_SERIAL)) {
		bytes = take(&payload, 4);
		if (!bytes)
			return -EBADMSG;
		grab->serial = load_le32(bytes);
	}
	if (payload.length % 4 != 0)
		return -EBADMSG;
	while (grab->count < SPICE_GRAB_TYPES && (bytes = take(&payload, 4)))
		grab->type[grab->count++] = load_le32(bytes);
	return 0;
}

size_t spice_grab_encode(const struct spice_grab *grab, uint32_t both,
			 uint8_t bytes[SPICE_GRAB_SIZE])
{
	size_t length = put_selection(grab->selection, both, bytes);

	if (both & SPICE_CAP(CLIPBOARD_GRAB_SERIAL)) {
		store_le32(bytes + length, grab->serial);
		length += 4;
	}
	for (size_t i = 0; i < grab->count; i++, length += 4)
		store_le32(bytes + length, grab->type[i]);
	return length;
}

int spice_clipboard_parse(enum spice_type message, struct slice payload, uint32_t both,
			  struct spice_clipboard *clipboard)
{
	const uint8_t *bytes;

	*clipboard = (struct spice_clipboard){0};
	if (take_selection(&payload, both, &clipboard->selection) < 0)
		return -EBADMSG;
	if (message == SPICE_CLIPBOARD_RELEASE)
		return 0;
	bytes = take(&payload, 4);
	if (!bytes)
		return -EBADMSG;
	clipboard->type = load_le32(bytes);
	clipboard->data = payload;
	return 0;
}

size_t spice_clipboard_encode(enum spice_type message, const struct spice_clipboard *clipboard,
			      uint32_t both, uint8_t bytes[SPICE_CLIPBOARD_SIZE])
{
	const size_t length = put_selection(clipboard->selection, both, bytes);

	if (message == SPICE_CLIPBOARD_RELEASE)
		return length;
	store_le32(bytes + length, clipboard->type);
	return length + 4;
}

/* --- Files ---------------------------------------------------------------------------------- */

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
		take(&text, MIN(length + 1, text.length));
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
	const uint8_t *id = take(&payload, 4);
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
	const uint8_t *bytes = take(&payload, 8);

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
	const uint8_t *bytes = take(&payload, SPICE_FILE_DATA_SIZE);

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
