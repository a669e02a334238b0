/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "console.h"

#include "io.h"
#include "lib.h"

/* So long without a message: no more are to come. */
#define SILENCE_MS 500

static void offer_message(struct console *console, unsigned index)
{
	struct buffer buffer = {console->messages[index], CONSOLE_BUFFER, true};

	virtqueue_add(&console->control_receive, &buffer, 1);
}

static void handle(struct console *console, const uint8_t *message, uint32_t length)
{
	struct virtio_console_control control;
	struct console_port *port;
	uint32_t name_length;

	if (length < sizeof(control))
		return;
	memcpy(&control, message, sizeof(control));
	if (control.id >= CONSOLE_MAX_PORTS)
		return;
	port = &console->port[control.id];
	switch (control.event) {
	case VIRTIO_CONSOLE_PORT_ADD:
		port->there = true;
		console_control(console, control.id, VIRTIO_CONSOLE_PORT_READY, 1);
		break;
	case VIRTIO_CONSOLE_PORT_NAME:
		name_length = length - (uint32_t)sizeof(control);
		if (name_length >= CONSOLE_NAME)
			name_length = CONSOLE_NAME - 1;
		memcpy(port->name, message + sizeof(control), name_length);
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		port->host_open = control.value;
		break;
	default:
		break;
	}
}

/* Both ports are named, and the echo is there: nothing more is awaited. */
static bool is_known(struct console *console)
{
	const struct console_port *echo = console_find(console, CONSOLE_ECHO);

	return echo != NULL && echo->host_open && console_find(console, CONSOLE_IDLE) != NULL;
}

/* Takes in control messages until all is known. */
static void listen(struct console *console)
{
	struct virtqueue *queue = &console->control_receive;

	while (!is_known(console) && wait_for(virtqueue_has_used(queue), SILENCE_MS)) {
		uint32_t length = 0;
		int head = virtqueue_take(queue, &length);

		if (head < 0)
			return;

		/* A descriptor each, in order: which buffer it was is in its address. */
		unsigned index = (unsigned)((uint8_t(*)[CONSOLE_BUFFER])queue->desc[head].addr -
					    console->messages);

		handle(console, console->messages[index], length);
		offer_message(console, index);
		virtqueue_kick(queue);
	}
}

bool console_control(struct console *console, uint32_t port, uint16_t event, uint16_t value)
{
	struct virtio_console_control *control = allocate(sizeof(*control), 8);
	struct buffer buffer = {control, sizeof(*control), false};

	*control = (struct virtio_console_control){.id = port, .event = event, .value = value};
	return virtqueue_add(&console->control_transmit, &buffer, 1) >= 0 &&
	       virtqueue_exchange(&console->control_transmit, NULL) >= 0;
}

bool console_restart(struct console *console)
{
	struct virtio *device = &console->device;

	memset(console->port, 0, sizeof(console->port));
	if (!virtio_negotiate(device, FEATURE(VIRTIO_CONSOLE_F_MULTIPORT)) ||
	    !(device->features & FEATURE(VIRTIO_CONSOLE_F_MULTIPORT)))
		return false;
	console->ports =
		mmio_read32(device->config + offsetof(struct virtio_console_config, max_nr_ports));
	if (console->ports > CONSOLE_MAX_PORTS)
		console->ports = CONSOLE_MAX_PORTS;
	if (!virtqueue_start(&console->control_receive, device, 2) ||
	    !virtqueue_start(&console->control_transmit, device, 3))
		return false;
	for (uint32_t i = 0; i < console->ports; i++) {
		if (!virtqueue_start(&console->port[i].receive, device, console_receive_queue(i)) ||
		    !virtqueue_start(&console->port[i].transmit, device, console_transmit_queue(i)))
			return false;
	}
	virtio_driver_ok(device);
	console->messages = allocate((size_t)CONSOLE_BUFFERS * CONSOLE_BUFFER, 16);
	for (unsigned i = 0; i < CONSOLE_BUFFERS; i++)
		offer_message(console, i);
	virtqueue_notify(&console->control_receive);
	if (!console_control(console, UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 1))
		return false;
	listen(console);
	return true;
}

bool console_start(struct console *console)
{
	*console = (struct console){0};
	return virtio_find(&console->device, VIRTIO_ID_CONSOLE, 0) && console_restart(console);
}

struct console_port *console_find(struct console *console, const char *name)
{
	for (uint32_t i = 0; i < console->ports; i++) {
		if (console->port[i].there && strcmp(console->port[i].name, name) == 0)
			return &console->port[i];
	}
	return NULL;
}

bool console_open(struct console *console, struct console_port *port)
{
	return console_control(console, (uint32_t)(port - console->port), VIRTIO_CONSOLE_PORT_OPEN,
			       1);
}

bool console_send(struct console_port *port, const void *bytes, uint32_t length)
{
	struct buffer buffer = {(void *)(uintptr_t)bytes, length, false};

	return virtqueue_add(&port->transmit, &buffer, 1) >= 0 &&
	       virtqueue_exchange(&port->transmit, NULL) >= 0;
}

uint32_t console_receive(struct console_port *port, void *to, uint32_t size, uint64_t ms)
{
	struct buffer buffer = {to, size, true};
	uint32_t length = 0;

	if (virtqueue_add(&port->receive, &buffer, 1) < 0)
		return 0;
	virtqueue_kick(&port->receive);
	if (!wait_for(virtqueue_has_used(&port->receive), ms) ||
	    virtqueue_take(&port->receive, &length) < 0)
		return 0;
	return length;
}
