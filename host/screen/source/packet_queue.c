/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/source/packet_queue.h"

#include <errno.h>
#include <sys/socket.h>

static size_t size_of(const union packet *packet)
{
	switch (packet->kind) {
	case CHANNEL_NEXT:
		return sizeof(packet->head);
	case CHANNEL_MODE:
		return sizeof(packet->mode);
	case CHANNEL_POINTER:
		return sizeof(packet->pointer);
	case CHANNEL_MOTION:
	case CHANNEL_WHEEL:
		return sizeof(packet->motion);
	default:
		return sizeof(packet->key);
	}
}

bool packet_queue_put(struct packet_queue *queue, const union packet *packet)
{
	if (queue->count > 0 && packet->kind == CHANNEL_POINTER) {
		union packet *last =
			&queue->packet[(queue->first + queue->count - 1) % PACKET_QUEUE_SIZE];

		if (last->kind == CHANNEL_POINTER) {
			*last = *packet;
			return true;
		}
	}
	if (queue->count == PACKET_QUEUE_SIZE)
		return false;
	queue->packet[(queue->first + queue->count++) % PACKET_QUEUE_SIZE] = *packet;
	return true;
}

int packet_queue_send(struct packet_queue *queue, int fd)
{
	while (queue->count > 0) {
		const union packet *packet = &queue->packet[queue->first];

		if (send(fd, packet, size_of(packet), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno == EINTR)
				continue;
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		}
		queue->first = (queue->first + 1) % PACKET_QUEUE_SIZE;
		queue->count--;
	}
	return 0;
}
