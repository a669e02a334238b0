/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* link_queue - bytes on their way to a socket, in pieces that are copied once */
#ifndef LODGE_SCREEN_LINK_QUEUE_H
#define LODGE_SCREEN_LINK_QUEUE_H

#include <stddef.h>

struct link_chunk;

/* Begins as zeroes. */
struct link_queue {
	struct link_chunk *first, *last, *spare;
	unsigned int spares;
	size_t length; /* bytes in all chunks */
};

/* Copies. 0 or -ENOMEM, and then nothing was appended. */
int link_queue_append(struct link_queue *queue, const void *bytes, size_t length);
/* As much as the socket takes without waiting: 0; or negative errno, -EAGAIN is none of them. */
int link_queue_write(struct link_queue *queue, int fd);
void link_queue_free(struct link_queue *queue);

#endif
