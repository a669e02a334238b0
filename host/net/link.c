/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/link.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LENGTH_BYTES  4
#define RECEIVE_BYTES (4 * (LINK_FRAME_MAX_BYTES + LENGTH_BYTES))
#define SEND_BYTES    (1024 * 1024)

struct link {
	int fd;
	link_frame_handler handler;
	void *owner;
	size_t received; /* bytes in receive[], an unfinished frame first */
	size_t skip;	 /* bytes of an impossible frame that are still to come */
	size_t send_from, send_to;
	uint8_t receive[RECEIVE_BYTES];
	uint8_t send[SEND_BYTES];
};

struct link *link_new(int fd, link_frame_handler handler, void *owner)
{
	struct link *link = malloc(sizeof(*link));

	if (!link)
		return NULL;
	link->fd = fd;
	link->handler = handler;
	link->owner = owner;
	link->received = link->skip = link->send_from = link->send_to = 0;
	return link;
}

/* Return: bytes used of @bytes; 0 if the frame is not complete. */
static size_t take_frame(struct link *link, const uint8_t *bytes, size_t available)
{
	uint32_t size;

	if (link->skip > 0) {
		size_t part = MIN(link->skip, available);

		link->skip -= part;
		return part;
	}
	if (available < LENGTH_BYTES)
		return 0;
	memcpy(&size, bytes, sizeof(size));
	size = be32toh(size);
	if (size < LINK_FRAME_MIN_BYTES || size > LINK_FRAME_MAX_BYTES) {
		link->skip = size;
		return LENGTH_BYTES;
	}
	if (available - LENGTH_BYTES < size)
		return 0;
	link->handler(link->owner, bytes + LENGTH_BYTES, size);
	return LENGTH_BYTES + size;
}

int link_receive(struct link *link)
{
	ssize_t got = read(link->fd, link->receive + link->received,
			   sizeof(link->receive) - link->received);
	size_t used = 0, part;

	if (got == 0)
		return -EPIPE;
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	link->received += (size_t)got;
	do {
		part = take_frame(link, link->receive + used, link->received - used);
		used += part;
	} while (part > 0);
	link->received -= used;
	memmove(link->receive, link->receive + used, link->received);
	return 0;
}

bool link_send(struct link *link, const uint8_t *frame, size_t size)
{
	uint32_t length = htobe32((uint32_t)size);

	if (size < LINK_FRAME_MIN_BYTES || size > LINK_FRAME_MAX_BYTES)
		return false;
	if (sizeof(link->send) - link->send_to < LENGTH_BYTES + size) {
		memmove(link->send, link->send + link->send_from, link->send_to - link->send_from);
		link->send_to -= link->send_from;
		link->send_from = 0;
	}
	if (sizeof(link->send) - link->send_to < LENGTH_BYTES + size)
		return false;
	memcpy(link->send + link->send_to, &length, LENGTH_BYTES);
	memcpy(link->send + link->send_to + LENGTH_BYTES, frame, size);
	link->send_to += LENGTH_BYTES + size;
	return true;
}

int link_flush(struct link *link)
{
	while (link->send_from < link->send_to) {
		ssize_t sent = send(link->fd, link->send + link->send_from,
				    link->send_to - link->send_from, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -errno;
		link->send_from += (size_t)sent;
	}
	link->send_from = link->send_to = 0;
	return 0;
}

bool link_has_queued(const struct link *link)
{
	return link->send_from < link->send_to;
}
