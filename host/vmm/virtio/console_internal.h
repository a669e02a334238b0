/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * console_internal - what the files of the console share
 *
 *	console.c	the device, and the control messages about its ports
 *	console_port.c	a port: its client on the host, and the bytes of both
 */
#ifndef LODGE_VMM_VIRTIO_CONSOLE_INTERNAL_H
#define LODGE_VMM_VIRTIO_CONSOLE_INTERNAL_H

#include "host/vmm/virtio/console.h"

#include <linux/virtio_console.h>
#include <sys/uio.h>

#define CONSOLE_QUEUE_SIZE 64
#define CONSOLE_NAME_BYTES 64

/* Chains of one port handled before others have their turn. */
#define CONSOLE_BUDGET 64

struct virtio_console;

struct port {
	struct virtio_console *console;
	unsigned int id;
	char name[CONSOLE_NAME_BYTES];

	/* What the guest knows and wants. */
	bool tell_added, tell_name; /* control messages to be sent */
	bool ready;		    /* it has accepted the port */
	bool guest_open;	    /* somebody in the guest has it open */
	bool told_open;		    /* we said that a client is there */
	bool tell_closed;	    /* that client has gone */

	/* The client, and who waits to be the next. */
	int listen_fd, client_fd;
	struct loop_source *listen_source, *client_source;
	uint32_t watched;     /* events of client_source */
	bool client_finished; /* it sends no more */
	bool room;	      /* the guest has room for what it sends */

	/* A chain that the client has not yet read to its end. */
	bool stalled;
	uint16_t stalled_head;
	uint32_t stalled_offset;
	unsigned int stalled_pieces;
	struct iovec stalled_iov[CONSOLE_QUEUE_SIZE];
};

struct virtio_console {
	struct virtio_device device;
	struct virtio_console_config config;
	unsigned int ports;
	struct port port[VIRTIO_CONSOLE_MAX_PORTS];
};

/* Bring the guest's knowledge of ports up to date, as far as it has buffers. */
void console_tell(struct virtio_console *console);

/* A port's socket has somebody who waits. */
void console_port_accept(void *owner, uint32_t events);
/* Let the client go; the next one may come. */
void console_port_disconnect(struct port *port);
/* Wait for what can be made use of now. */
void console_port_watch(struct port *port);
/* Move bytes of the client to the guest, or the guest's to the client, until one has enough. */
void console_port_receive(struct port *port);
void console_port_transmit(struct port *port);

#endif
