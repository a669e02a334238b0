/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/console_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"

#include <assert.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <sys/epoll.h>

#define PCI_CLASS_COMMUNICATION_OTHER 0x078000

#define CONTROL_BYTES sizeof(struct virtio_console_control)

static struct virtio_console *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_console, device);
}

/* --- Control messages (5.3.6.2) --- */

/* Return: false if the guest has no buffer for it. */
static bool send_control(struct virtio_console *console, const struct port *port, uint16_t event,
			 uint16_t value)
{
	struct virtio_device *device = &console->device;
	struct virtqueue *queue = virtio_queue(device, VIRTIO_CONSOLE_CONTROL_RECEIVE);
	uint8_t message[CONTROL_BYTES + CONSOLE_NAME_BYTES];
	size_t size = CONTROL_BYTES;
	struct virtqueue_chain chain;

	if (!virtio_pop(device, VIRTIO_CONSOLE_CONTROL_RECEIVE, &chain))
		return false;
	store_le32(message + offsetof(struct virtio_console_control, id), port->id);
	store_le16(message + offsetof(struct virtio_console_control, event), event);
	store_le16(message + offsetof(struct virtio_console_control, value), value);
	if (event == VIRTIO_CONSOLE_PORT_NAME) {
		memcpy(message + size, port->name, strlen(port->name));
		size += strlen(port->name);
	}
	if (chain.writable_bytes < size) {
		virtio_break(device, "a control buffer of the console is too small");
		return false;
	}
	iov_write(virtqueue_chain_writable(&chain), chain.writable, 0, message, size);
	virtqueue_push(queue, chain.head, (uint32_t)size);
	return true;
}

static bool tell_port(struct virtio_console *console, struct port *port)
{
	if (port->tell_added) {
		if (!send_control(console, port, VIRTIO_CONSOLE_PORT_ADD, 1))
			return false;
		port->tell_added = false;
	}
	if (port->tell_name) {
		if (!send_control(console, port, VIRTIO_CONSOLE_PORT_NAME, 1))
			return false;
		port->tell_name = false;
	}
	if (!port->ready)
		return true;
	if (port->tell_closed) {
		if (!send_control(console, port, VIRTIO_CONSOLE_PORT_OPEN, 0))
			return false;
		port->tell_closed = port->told_open = false;
	}
	if (port->client_fd >= 0 && !port->told_open) {
		if (!send_control(console, port, VIRTIO_CONSOLE_PORT_OPEN, 1))
			return false;
		port->told_open = true;
	}
	return true;
}

/* Bring the guest's knowledge up to date, as far as it has buffers. State, not a list of messages,
 * waits for buffers: so it has a bound whatever the guest asks for. */
void console_tell(struct virtio_console *console)
{
	struct virtio_device *device = &console->device;
	bool more;

	if (!virtio_has(device, VIRTIO_CONSOLE_F_MULTIPORT))
		return;
	do {
		more = false;
		for (unsigned int i = 0; i < console->ports; i++) {
			if (tell_port(console, &console->port[i]))
				continue;
			more = virtqueue_enable_kicks(
				virtio_queue(device, VIRTIO_CONSOLE_CONTROL_RECEIVE));
			break;
		}
	} while (more);
	virtio_notify(device, VIRTIO_CONSOLE_CONTROL_RECEIVE);
}

static void set_guest_open(struct port *port, bool open)
{
	struct virtio_device *device = &port->console->device;

	port->guest_open = open;
	if (open)
		virtio_kick(device, VIRTIO_CONSOLE_RECEIVE(port->id));
	else if (port->client_fd >= 0 && !port->client_source)
		console_port_disconnect(port); /* it left bytes that nobody will read */
	else
		console_port_watch(port);
}

static void handle_control(struct virtio_console *console, const uint8_t message[CONTROL_BYTES])
{
	uint32_t id = load_le32(message + offsetof(struct virtio_console_control, id));
	uint16_t event = load_le16(message + offsetof(struct virtio_console_control, event));
	uint16_t value = load_le16(message + offsetof(struct virtio_console_control, value));

	if (event == VIRTIO_CONSOLE_DEVICE_READY) {
		/* The name right behind the port: in Linux it is there by the time udev looks at
		 * the new device, whose rules (spice-vdagentd's) may go by the name. A driver that
		 * makes ports more slowly is told again when the port is ready. */
		for (unsigned int i = 0; value == 1 && i < console->ports; i++)
			console->port[i].tell_added = console->port[i].tell_name = true;
		return;
	}
	if (id >= console->ports)
		return;
	switch (event) {
	case VIRTIO_CONSOLE_PORT_READY:
		console->port[id].ready = value == 1;
		console->port[id].tell_name = value == 1;
		console->port[id].told_open = console->port[id].tell_closed = false;
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		set_guest_open(&console->port[id], value == 1);
		break;
	}
}

static void control_transmitted(struct virtio_console *console)
{
	struct virtio_device *device = &console->device;
	struct virtqueue *queue = virtio_queue(device, VIRTIO_CONSOLE_CONTROL_TRANSMIT);
	unsigned int budget = CONSOLE_BUDGET;
	struct virtqueue_chain chain;

	while (budget > 0 && virtio_pop(device, VIRTIO_CONSOLE_CONTROL_TRANSMIT, &chain)) {
		uint8_t message[CONTROL_BYTES];

		budget--;
		if (iov_read(chain.iov, chain.readable, 0, message, sizeof(message)) ==
		    sizeof(message))
			handle_control(console, message);
		virtqueue_push(queue, chain.head, 0);
	}
	if (budget == 0 || virtqueue_enable_kicks(queue))
		virtio_kick(device, VIRTIO_CONSOLE_CONTROL_TRANSMIT);
	virtio_notify(device, VIRTIO_CONSOLE_CONTROL_TRANSMIT);
	console_tell(console);
}

/* --- The device --- */

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct virtio_console *console = of(device);
	unsigned int id;

	if (index == VIRTIO_CONSOLE_CONTROL_RECEIVE) {
		console_tell(console);
		return;
	}
	if (index == VIRTIO_CONSOLE_CONTROL_TRANSMIT) {
		control_transmitted(console);
		return;
	}
	id = index < 2 ? 0 : index / 2 - 1;
	if (index % 2 == 0) {
		console->port[id].room = true;
		console_port_receive(&console->port[id]);
		console_port_watch(&console->port[id]);
	} else if (!console->port[id].stalled) {
		console_port_transmit(&console->port[id]);
	}
}

static void activate(struct virtio_device *device)
{
	struct virtio_console *console = of(device);

	/* Without multiport there is the one port, always open, and nothing is told. */
	if (virtio_has(device, VIRTIO_CONSOLE_F_MULTIPORT))
		return;
	console->port[0].guest_open = true;
	console->port[0].room = true;
}

static void reset(struct virtio_device *device)
{
	struct virtio_console *console = of(device);

	device->active = false;
	for (unsigned int i = 0; i < console->ports; i++) {
		struct port *port = &console->port[i];

		port->tell_added = port->tell_name = port->tell_closed = false;
		port->ready = port->guest_open = port->told_open = false;
		port->stalled = false;
		port->room = true;
		if (port->client_fd >= 0 && !port->client_source)
			console_port_disconnect(port);
		else
			console_port_watch(port);
	}
}

static int start(struct virtio_device *device)
{
	struct virtio_console *console = of(device);

	for (unsigned int i = 0; i < console->ports; i++) {
		struct port *port = &console->port[i];
		int result = loop_add_fd(device->loop, port->listen_fd, EPOLLIN,
					 console_port_accept, port, &port->listen_source);

		if (result < 0)
			return result;
	}
	return 0;
}

static void free_console(struct virtio_device *device)
{
	struct virtio_console *console = of(device);

	for (unsigned int i = 0; i < console->ports; i++) {
		cleanup_close(&console->port[i].client_fd);
		cleanup_close(&console->port[i].listen_fd);
	}
	virtio_device_release(device);
	free(console);
}

static const struct virtio_device_ops ops = {
	.name = "console",
	.id = VIRTIO_ID_CONSOLE,
	.class_code = PCI_CLASS_COMMUNICATION_OTHER,
	.start = start,
	.activate = activate,
	.queue_ready = queue_ready,
	.reset = reset,
	.free = free_console,
};

int virtio_console_new(const struct guestmem *memory, const struct virtio_console_port *ports,
		       unsigned int count, struct virtio_device **device)
{
	_cleanup_free_ struct virtio_console *console = calloc(1, sizeof(*console));
	int result;

	assert(count >= 1 && count <= VIRTIO_CONSOLE_MAX_PORTS);
	if (!console)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++) {
		struct port *port = &console->port[i];

		if (strlen(ports[i].name) >= CONSOLE_NAME_BYTES)
			return -EINVAL;
		port->console = console;
		port->id = i;
		snprintf(port->name, sizeof(port->name), "%s", ports[i].name);
		port->listen_fd = ports[i].listen_fd;
		port->client_fd = -EBADF;
		port->room = true;
	}
	console->ports = count;
	console->config.max_nr_ports = htole32(count);
	console->device.ops = &ops;
	snprintf(console->device.name, sizeof(console->device.name), "console");
	console->device.offered_features = VIRTIO_FEATURE(VIRTIO_CONSOLE_F_MULTIPORT);
	console->device.config = &console->config;
	console->device.config_size = sizeof(console->config);
	console->device.queues = 2 * (count + 1);
	result = virtio_device_init(&console->device, memory, CONSOLE_QUEUE_SIZE);
	if (result < 0)
		return result;
	*device = &take_ptr(console)->device;
	return 0;
}
