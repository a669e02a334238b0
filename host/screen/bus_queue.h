/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus_queue - messages on their way to a socket, each perhaps with a descriptor */
#ifndef LODGE_SCREEN_BUS_QUEUE_H
#define LODGE_SCREEN_BUS_QUEUE_H

#include <stddef.h>

struct bus_output;

/* Begins as zeroes. */
struct bus_queue {
	struct bus_output *first, *last;
	size_t length; /* bytes that the kernel has not taken */
};

/* Copies. @fd: goes with the first byte, and is closed then, or on failure; negative: none. 0;
 * -ENOMEM. */
int bus_queue_append(struct bus_queue *queue, const void *bytes, size_t length, int fd);
/* As much as the socket takes without waiting. 0: all; -EAGAIN: not all; or negative errno. */
int bus_queue_write(struct bus_queue *queue, int socket);
void bus_queue_drop(struct bus_queue *queue);

#endif
