/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/store.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

/* The head of an array of any length. */
#define ARRAY_HEAD_BYTES 9

struct slice store_text(struct store *store, const char *format, ...)
{
	char *at = (char *)store->bytes + store->used;
	const size_t room = sizeof(store->bytes) - store->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(at, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		return (struct slice){0};
	store->used += (size_t)length;
	return (struct slice){(const uint8_t *)at, (size_t)length};
}

ssize_t read_line(const char *path, char *text, size_t capacity)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, capacity - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return (ssize_t)strlen(text);
}

struct slice store_line(struct store *store, const char *path)
{
	char text[MESSAGE_NAME_MAX + 1];

	if (read_line(path, text, sizeof(text)) <= 0)
		return (struct slice){0};
	return store_text(store, "%s", text);
}

struct store_items store_items_begin(struct store *store)
{
	const size_t room = sizeof(store->bytes) - store->used;
	struct store_items items = {.store = store};

	if (room > ARRAY_HEAD_BYTES) {
		items.writer.bytes = store->bytes + store->used + ARRAY_HEAD_BYTES;
		items.writer.capacity = room - ARRAY_HEAD_BYTES;
	}
	return items;
}

static bool keep_item(struct store_items *items, size_t length_before)
{
	if (items->writer.overflow || items->count == MESSAGE_ITEMS_MAX) {
		items->writer.overflow = false;
		items->writer.length = length_before;
		return false;
	}
	items->count++;
	return true;
}

bool store_items_add(struct store_items *items, const struct message_type *type,
		     const void *message)
{
	const size_t before = items->writer.length;

	message_encode(type, message, &items->writer);
	return keep_item(items, before);
}

bool store_items_add_text(struct store_items *items, struct slice text)
{
	const size_t before = items->writer.length;

	cbor_put_text(&items->writer, text);
	return keep_item(items, before);
}

struct slice store_items_end(struct store_items *items)
{
	struct store *store = items->store;
	struct cbor_writer head = {.bytes = store->bytes + store->used,
				   .capacity = ARRAY_HEAD_BYTES};
	struct slice list = {.bytes = head.bytes};

	if (items->count == 0)
		return (struct slice){0};
	cbor_put_array(&head, items->count);
	memmove(head.bytes + head.length, items->writer.bytes, items->writer.length);
	list.length = head.length + items->writer.length;
	store->used += list.length;
	return list;
}
