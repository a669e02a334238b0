/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/byte_queue.h"

#include "protocol/base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* An empty queue keeps no more memory than this. */
#define QUEUE_KEEP 4096

const uint8_t *byte_queue_front(const struct byte_queue *queue)
{
	return queue->bytes + queue->start;
}

int byte_queue_append(struct byte_queue *queue, const void *bytes, size_t length)
{
	size_t need;

	if (length == 0)
		return 0;
	if (add_overflows(queue->length, length, &need))
		return -ENOMEM;
	if (queue->start > 0 && queue->capacity - queue->start < need) {
		memmove(queue->bytes, queue->bytes + queue->start, queue->length);
		queue->start = 0;
	}
	if (queue->capacity < need) {
		size_t capacity = MAX(need, MAX(queue->capacity * 2, (size_t)256));
		uint8_t *grown = realloc(queue->bytes, capacity);

		if (!grown)
			return -ENOMEM;
		queue->bytes = grown;
		queue->capacity = capacity;
	}
	memcpy(queue->bytes + queue->start + queue->length, bytes, length);
	queue->length = need;
	return 0;
}

void byte_queue_take(struct byte_queue *queue, size_t length)
{
	assert(length <= queue->length);
	queue->start += length;
	queue->length -= length;
	if (queue->length > 0)
		return;
	queue->start = 0;
	if (queue->capacity > QUEUE_KEEP)
		byte_queue_clear(queue);
}

void byte_queue_clear(struct byte_queue *queue)
{
	free(queue->bytes);
	*queue = (struct byte_queue){0};
}
