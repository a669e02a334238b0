/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * byte_queue - bytes waiting to go out: appended behind, taken in front
 *
 * An empty queue is all zero. Who appends bounds the length.
 */
#ifndef LODGE_PROTOCOL_BYTE_QUEUE_H
#define LODGE_PROTOCOL_BYTE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct byte_queue {
	uint8_t *bytes;
	size_t start, length, capacity;
};

/* The first byte; to be looked at only while length > 0. */
const uint8_t *byte_queue_front(const struct byte_queue *queue);
/* 0 or -ENOMEM, and then nothing was appended. @bytes are not the queue's own. */
int byte_queue_append(struct byte_queue *queue, const void *bytes, size_t length);
/* Forgets the first @length bytes, which must be there. */
void byte_queue_take(struct byte_queue *queue, size_t length);
/* Forgets all, and gives the memory back. */
void byte_queue_clear(struct byte_queue *queue);

#endif
