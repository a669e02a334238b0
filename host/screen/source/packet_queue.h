/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * packet_queue - packets for lodge-vmm that its socket has no room for yet
 *
 * Bounded: of pointer movements only the last waits; when all is full, what comes is dropped, the
 * VMM has not read for a thousand packets.
 */
#ifndef LODGE_SCREEN_SOURCE_PACKET_QUEUE_H
#define LODGE_SCREEN_SOURCE_PACKET_QUEUE_H

#include "host/display/channel.h"

#include <stdbool.h>
#include <stddef.h>

#define PACKET_QUEUE_SIZE 1024

union packet {
	uint32_t kind;
	struct channel_head head;
	struct channel_mode mode;
	struct channel_key key;
	struct channel_pointer pointer;
	struct channel_motion motion;
};

struct packet_queue {
	union packet packet[PACKET_QUEUE_SIZE]; /* a ring */
	size_t first, count;
};

/* Puts it behind the others. Return: false if it was dropped. */
bool packet_queue_put(struct packet_queue *queue, const union packet *packet);

/**
 * packet_queue_send() - send what waits, as far as the socket takes it
 *
 * Return: 0: all is sent; -EAGAIN: some waits; negative errno: the socket is broken.
 */
int packet_queue_send(struct packet_queue *queue, int fd);

#endif
