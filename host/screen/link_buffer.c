/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What waits below a layer: one piece of memory, used from its front and filled at its end. */
#include "host/screen/link_layer.h"
#include "protocol/base/bytes.h"

#include <assert.h>
#include <stdlib.h>

uint8_t *link_buffer_room(struct link_buffer *buffer, size_t length)
{
	size_t need = buffer->length + length;

	if (need > buffer->capacity) {
		size_t capacity = MAX(need, MIN(2 * buffer->capacity, LINK_MAX_INPUT));
		uint8_t *bytes = malloc(capacity);

		if (!bytes)
			return NULL;
		if (buffer->length)
			memcpy(bytes, buffer->bytes + buffer->start, buffer->length);
		free(buffer->bytes);
		buffer->bytes = bytes;
		buffer->capacity = capacity;
		buffer->start = 0;
	} else if (buffer->start + need > buffer->capacity) {
		memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->length);
		buffer->start = 0;
	}
	return buffer->bytes + buffer->start + buffer->length;
}

void link_buffer_filled(struct link_buffer *buffer, size_t length)
{
	assert(length <= buffer->capacity - buffer->start - buffer->length);
	buffer->length += length;
}

void link_buffer_use(struct link_buffer *buffer, size_t length)
{
	assert(length <= buffer->length);
	buffer->start += length;
	buffer->length -= length;
	if (!buffer->length)
		buffer->start = 0;
}
