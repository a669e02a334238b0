/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio console - named byte streams between guest and host (virtio 1.2, 5.3), multiport
 *
 * Each port is a unix socket that we listen on, and /dev/virtio-ports/NAME in the guest. One client
 * at a time has a port; others wait in the socket's backlog. The guest is told that a port is open
 * when a client has come, and closed when it has gone, also if another came at once. Bytes wait
 * where they are: in the client's socket until the guest has opened the port and has room; in the
 * guest's queue until the client reads. A port that waits holds up no other. What a guest writes
 * while no client is there is dropped.
 */
#ifndef LODGE_VMM_VIRTIO_CONSOLE_H
#define LODGE_VMM_VIRTIO_CONSOLE_H

#include "host/vmm/virtio/device.h"

#define VIRTIO_CONSOLE_MAX_PORTS 16

/* A queue for each way of a port; port 0 has the first two, control messages the next. */
#define VIRTIO_CONSOLE_RECEIVE(port)	((port) == 0 ? 0U : 2 * (port) + 2)
#define VIRTIO_CONSOLE_TRANSMIT(port)	(VIRTIO_CONSOLE_RECEIVE(port) + 1)
#define VIRTIO_CONSOLE_CONTROL_RECEIVE	2
#define VIRTIO_CONSOLE_CONTROL_TRANSMIT 3

struct virtio_console_port {
	const char *name; /* copied; at most 63 bytes */
	int listen_fd;	  /* becomes the device's if virtio_console_new() succeeds */
};

/**
 * virtio_console_new() - a device with @count ports, 1 to VIRTIO_CONSOLE_MAX_PORTS
 *
 * Return: 0 and the device, freed by virtio_device_free(); -EINVAL; or another negative errno.
 */
int virtio_console_new(const struct guestmem *memory, const struct virtio_console_port *ports,
		       unsigned int count, struct virtio_device **device);

#endif
