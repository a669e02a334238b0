/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/head_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_position(int64_t value)
{
	return value >= -HEAD_MAX_POSITION && value <= HEAD_MAX_POSITION;
}

static int take_head(const struct display_head *from, struct head *to)
{
	if (from->head >= DISPLAY_MAX_HEADS || from->width > HEAD_MAX_SIDE ||
	    from->height > HEAD_MAX_SIDE || !is_position(from->x) || !is_position(from->y) ||
	    from->connector.length >= sizeof(to->connector))
		return -EBADMSG;
	*to = (struct head){
		.head = (unsigned int)from->head,
		.enabled = from->enabled,
		.primary = from->primary,
		.x = (int32_t)from->x,
		.y = (int32_t)from->y,
		.width = (uint32_t)from->width,
		.height = (uint32_t)from->height,
		.scale_milli = (uint32_t)from->scale_milli,
	};
	if (from->connector.length > 0)
		memcpy(to->connector, from->connector.bytes, from->connector.length);
	return 0;
}

int head_list_decode(struct slice params, struct head_list *list, struct display_layout *result)
{
	struct display_layout layout;
	struct display_head head;
	struct cbor_reader reader;
	uint64_t left;
	int r;

	if (message_decode(&message_display_layout, params, &layout) < 0)
		return -EBADMSG;
	*list = (struct head_list){.serial = layout.serial};
	if (result)
		*result = layout;
	if (layout.heads.length == 0)
		return 0;
	reader = CBOR_READER(layout.heads);
	if (message_items_begin(&reader, &left) < 0 || left > DISPLAY_MAX_HEADS)
		return -EBADMSG;
	while ((r = message_items_next(&reader, &left, &message_display_head, &head)) > 0) {
		if (head_list_find(list, (unsigned int)head.head) ||
		    take_head(&head, &list->heads[list->count]) < 0)
			return -EBADMSG;
		list->count++;
	}
	return r;
}

void head_list_encode(const struct head_list *list, const struct display_layout *fields,
		      struct cbor_writer *writer)
{
	struct display_layout layout = *fields;
	uint8_t bytes[HEAD_LIST_BYTES];
	struct cbor_writer heads = CBOR_WRITER(bytes);

	cbor_put_array(&heads, list->count);
	for (size_t i = 0; i < list->count; i++) {
		const struct head *from = &list->heads[i];
		const struct display_head head = {
			.head = from->head,
			.connector = slice_of(from->connector),
			.enabled = from->enabled,
			.primary = from->primary,
			.x = from->x,
			.y = from->y,
			.width = from->width,
			.height = from->height,
			.scale_milli = from->scale_milli,
		};

		message_encode(&message_display_head, &head, &heads);
	}
	layout.serial = list->serial;
	layout.heads = cbor_written(&heads);
	message_encode(&message_display_layout, &layout, writer);
}

const struct head *head_list_find(const struct head_list *list, unsigned int head)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->heads[i].head == head)
			return &list->heads[i];
	}
	return NULL;
}

static bool head_equal(const struct head *a, const struct head *b)
{
	return a->head == b->head && strcmp(a->connector, b->connector) == 0 &&
	       a->enabled == b->enabled && a->primary == b->primary && a->x == b->x &&
	       a->y == b->y && a->width == b->width && a->height == b->height &&
	       a->scale_milli == b->scale_milli;
}

bool head_list_equal(const struct head_list *a, const struct head_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct head *other = head_list_find(b, a->heads[i].head);

		if (!other || !head_equal(&a->heads[i], other))
			return false;
	}
	return true;
}

unsigned int head_of_connector(const char *name, unsigned int fallback)
{
	const char *digits = name + strlen(name);
	unsigned long number;

	while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	if (!*digits || strlen(digits) > 3)
		return fallback;
	number = strtoul(digits, NULL, 10);
	if (strncmp(name, "DUMMY", 5) == 0 || strncmp(name, "Meta-", 5) == 0)
		number++;
	return number >= 1 && number <= DISPLAY_MAX_HEADS ? (unsigned int)number - 1 : fallback;
}
