/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* console - a virtio console with several ports (virtio 1.2, 5.3) */
#ifndef BARE_CONSOLE_H
#define BARE_CONSOLE_H

#include "virtio.h"

#include <linux/virtio_console.h>

#define CONSOLE_MAX_PORTS 8
#define CONSOLE_BUFFERS	  16
#define CONSOLE_NAME	  32
#define CONSOLE_BUFFER	  256

struct console_port {
	bool there;	/* PORT_ADD came */
	bool host_open; /* PORT_OPEN of the host */
	char name[CONSOLE_NAME];
	struct virtqueue receive, transmit;
};

struct console {
	struct virtio device;
	struct virtqueue control_receive, control_transmit;
	struct console_port port[CONSOLE_MAX_PORTS];
	uint32_t ports;
	uint8_t (*messages)[CONSOLE_BUFFER];
};

/* Queue numbers of a port. */
static inline uint16_t console_receive_queue(uint32_t port)
{
	return (uint16_t)(port == 0 ? 0 : 2 * port + 2);
}

static inline uint16_t console_transmit_queue(uint32_t port)
{
	return (uint16_t)(console_receive_queue(port) + 1);
}

/* The ports of the rig's machine: what is sent to the first comes back; nobody is at the second. */
#define CONSOLE_ECHO "bare.echo"
#define CONSOLE_IDLE "bare.idle"

/* Starts it with MULTIPORT, learns of its ports and answers PORT_READY to each. */
bool console_start(struct console *console);
bool console_restart(struct console *console);
/* Sends a control message. False if it is not taken. */
bool console_control(struct console *console, uint32_t port, uint16_t event, uint16_t value);
/* The port with this name, or NULL. */
struct console_port *console_find(struct console *console, const char *name);
bool console_open(struct console *console, struct console_port *port);
bool console_send(struct console_port *port, const void *bytes, uint32_t length);
/* Return: bytes received, 0 if none came within @ms. */
uint32_t console_receive(struct console_port *port, void *to, uint32_t size, uint64_t ms);

#endif
