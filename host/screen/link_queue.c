/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list of chunks. The last one takes small pieces until it is full, a large piece gets a chunk of
 * its own size, and a few used chunks are kept for the next time: memory that is given back and
 * taken again comes with page faults, which cost more than the copying.
 */
#include "host/screen/link_queue.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define CHUNK_SIZE   ((64U << 10) - sizeof(struct link_chunk))
#define MAX_SPARE    4
#define MAX_AT_ONCE  16
#define MAX_A_WAKEUP (4U << 20) /* so that one fast viewer does not keep the others waiting */

struct link_chunk {
	struct link_chunk *next;
	size_t start, end, capacity;
	unsigned char bytes[];
};

static struct link_chunk *new_chunk(struct link_queue *queue, size_t length)
{
	struct link_chunk *chunk = queue->spare;
	size_t size;

	if (length <= CHUNK_SIZE && chunk) {
		queue->spare = chunk->next;
		queue->spares--;
	} else {
		length = MAX(length, CHUNK_SIZE);
		if (add_overflows(sizeof(*chunk), length, &size))
			return NULL;
		chunk = malloc(size);
		if (!chunk)
			return NULL;
		chunk->capacity = length;
	}
	chunk->next = NULL;
	chunk->start = 0;
	chunk->end = 0;
	return chunk;
}

int link_queue_append(struct link_queue *queue, const void *bytes, size_t length)
{
	size_t room = queue->last ? queue->last->capacity - queue->last->end : 0;
	size_t now = MIN(room, length);
	struct link_chunk *chunk = NULL;

	if (length == 0)
		return 0;
	if (length > now) {
		chunk = new_chunk(queue, length - now);
		if (!chunk)
			return -ENOMEM;
	}
	if (now) {
		memcpy(queue->last->bytes + queue->last->end, bytes, now);
		queue->last->end += now;
	}
	if (chunk) {
		memcpy(chunk->bytes, (const unsigned char *)bytes + now, length - now);
		chunk->end = length - now;
		if (queue->last)
			queue->last->next = chunk;
		else
			queue->first = chunk;
		queue->last = chunk;
	}
	queue->length += length;
	return 0;
}

static void drop_first(struct link_queue *queue)
{
	struct link_chunk *chunk = queue->first;

	queue->first = chunk->next;
	if (!queue->first)
		queue->last = NULL;
	if (queue->spares < MAX_SPARE && chunk->capacity == CHUNK_SIZE) {
		chunk->next = queue->spare;
		queue->spare = chunk;
		queue->spares++;
	} else {
		free(chunk);
	}
}

static void written(struct link_queue *queue, size_t length)
{
	queue->length -= length;
	while (queue->first) {
		struct link_chunk *chunk = queue->first;
		size_t part = MIN(length, chunk->end - chunk->start);

		chunk->start += part;
		length -= part;
		if (chunk->start < chunk->end)
			break;
		drop_first(queue);
	}
}

int link_queue_write(struct link_queue *queue, int fd)
{
	size_t total = 0;

	while (queue->length && total < MAX_A_WAKEUP) {
		struct iovec pieces[MAX_AT_ONCE];
		struct msghdr message = {.msg_iov = pieces};
		ssize_t sent;

		for (struct link_chunk *chunk = queue->first;
		     chunk && message.msg_iovlen < MAX_AT_ONCE; chunk = chunk->next)
			pieces[message.msg_iovlen++] = (struct iovec){chunk->bytes + chunk->start,
								      chunk->end - chunk->start};
		sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
		written(queue, (size_t)sent);
		total += (size_t)sent;
	}
	return 0;
}

void link_queue_free(struct link_queue *queue)
{
	while (queue->first)
		drop_first(queue);
	while (queue->spare) {
		struct link_chunk *chunk = queue->spare;

		queue->spare = chunk->next;
		free(chunk);
	}
	*queue = (struct link_queue){0};
}
