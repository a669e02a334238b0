/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/console.h"

#include "host/vmm/virtio/iov.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define QUEUE_SIZE		      64
#define NAME_BYTES		      64
#define PCI_CLASS_COMMUNICATION_OTHER 0x078000

/* Chains of one port handled before others have their turn. */
#define BUDGET 64

#define CONTROL_BYTES sizeof(struct virtio_console_control)

struct virtio_console;

struct port {
	struct virtio_console *console;
	unsigned int id;
	char name[NAME_BYTES];

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
	struct iovec stalled_iov[QUEUE_SIZE];
};

struct virtio_console {
	struct virtio_device device;
	struct virtio_console_config config;
	unsigned int ports;
	struct port port[VIRTIO_CONSOLE_MAX_PORTS];
};

static struct virtio_console *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct virtio_console, device);
}

static void tell(struct virtio_console *console);
static void receive(struct port *port);
static void transmit(struct port *port);

/* --- Clients --- */

static void on_client(void *owner, uint32_t events);
static void on_listen(void *owner, uint32_t events);

static bool guest_listens(const struct port *port)
{
	return port->console->device.active && port->guest_open;
}

/* Wait for what can be made use of; a hang-up is always reported, so that it is not watched while
 * there are bytes of a client that has gone to be read first. */
static void watch(struct port *port)
{
	uint32_t wanted = port->stalled ? EPOLLOUT : 0;

	if (!port->client_source)
		return;
	if (guest_listens(port) && port->room && !port->client_finished)
		wanted |= EPOLLIN;
	if (wanted == port->watched)
		return;
	if (loop_modify(port->client_source, wanted) == 0)
		port->watched = wanted;
}

static void drop_stalled(struct port *port)
{
	unsigned int queue = VIRTIO_CONSOLE_TRANSMIT(port->id);

	if (!port->stalled)
		return;
	port->stalled = false;
	virtqueue_push(virtio_queue(&port->console->device, queue), port->stalled_head, 0);
	virtio_notify(&port->console->device, queue);
}

static void disconnect(struct port *port)
{
	struct virtio_device *device = &port->console->device;

	loop_remove(port->client_source);
	port->client_source = NULL;
	cleanup_close(&port->client_fd);
	port->client_fd = -EBADF;
	drop_stalled(port);
	port->tell_closed = port->told_open;
	loop_modify(port->listen_source, EPOLLIN);
	if (!device->active)
		return;
	tell(port->console);
	virtio_kick(device, VIRTIO_CONSOLE_TRANSMIT(port->id));
}

/* The client has hung up, and may have left bytes behind. */
static void on_hang_up(struct port *port)
{
	bool readable = guest_listens(port) && !port->client_finished;

	if (readable && port->room)
		receive(port);
	else if (readable) {
		/* Its last bytes wait for room in the guest; it reads no more itself. */
		loop_remove(port->client_source);
		port->client_source = NULL;
		drop_stalled(port);
		virtio_kick(&port->console->device, VIRTIO_CONSOLE_TRANSMIT(port->id));
	} else {
		disconnect(port);
	}
}

static void on_client(void *owner, uint32_t events)
{
	struct port *port = owner;

	if (events & EPOLLOUT)
		transmit(port);
	if (port->client_fd >= 0 && events & (EPOLLHUP | EPOLLERR))
		on_hang_up(port);
	else if (port->client_fd >= 0 && events & EPOLLIN)
		receive(port);
}

static void on_listen(void *owner, uint32_t events)
{
	struct port *port = owner;
	struct virtio_console *console = port->console;
	int fd = accept4(port->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (loop_add_fd(console->device.loop, fd, 0, on_client, port, &port->client_source) < 0) {
		log_warning("port %s: no memory for a client", port->name);
		close(fd);
		return;
	}
	port->client_fd = fd;
	port->watched = 0;
	port->client_finished = false;
	port->room = true;
	loop_modify(port->listen_source, 0);
	if (console->device.active)
		tell(console);
	watch(port);
}

/* --- Bytes to the guest --- */

/* Read straight into the guest's buffers. Return: whether there may be more at once. */
static bool receive_chain(struct port *port)
{
	struct virtio_device *device = &port->console->device;
	unsigned int index = VIRTIO_CONSOLE_RECEIVE(port->id);
	struct virtqueue *queue = virtio_queue(device, index);
	struct virtqueue_chain chain;
	ssize_t got;

	if (!virtio_pop(device, index, &chain)) {
		port->room = virtqueue_enable_kicks(queue);
		return port->room;
	}
	if (chain.writable == 0) {
		virtio_break(device, "a receive buffer of the console is read-only");
		return false;
	}
	got = readv(port->client_fd, virtqueue_chain_writable(&chain), (int)chain.writable);
	if (got > 0) {
		virtqueue_push(queue, chain.head, (uint32_t)got);
		return true;
	}
	virtqueue_unpop(queue, 1);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* The end: it may still read what the guest writes, unless it has hung up. */
	port->client_finished = true;
	if (got < 0 || !port->client_source)
		disconnect(port);
	return false;
}

static void receive(struct port *port)
{
	struct virtio_device *device = &port->console->device;
	unsigned int budget = BUDGET;
	bool more = true;

	if (port->client_fd < 0 || port->client_finished || !guest_listens(port))
		return;
	virtqueue_disable_kicks(virtio_queue(device, VIRTIO_CONSOLE_RECEIVE(port->id)));
	while (more && budget-- > 0)
		more = receive_chain(port);
	virtio_notify(device, VIRTIO_CONSOLE_RECEIVE(port->id));
	/* A client that hung up is not watched: go on by ourselves. */
	if (more && port->client_fd >= 0 && !port->client_source)
		virtio_kick(device, VIRTIO_CONSOLE_RECEIVE(port->id));
	watch(port);
}

/* --- Bytes from the guest --- */

/* Return: false if the client does not take all of it now, or is gone. */
static bool send_stalled(struct port *port)
{
	struct iovec rest[QUEUE_SIZE];
	struct msghdr message = {.msg_iov = rest};
	ssize_t sent;

	message.msg_iovlen = iov_slice(port->stalled_iov, port->stalled_pieces,
				       port->stalled_offset, UINT32_MAX, rest);
	sent = sendmsg(port->client_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (sent < 0) {
		disconnect(port);
		return false;
	}
	port->stalled_offset += (uint32_t)sent;
	if (iov_slice(port->stalled_iov, port->stalled_pieces, port->stalled_offset, 1, rest) > 0)
		return false;
	drop_stalled(port);
	return true;
}

static bool transmit_chain(struct port *port)
{
	struct virtio_device *device = &port->console->device;
	unsigned int index = VIRTIO_CONSOLE_TRANSMIT(port->id);
	struct virtqueue_chain chain;

	if (!virtio_pop(device, index, &chain))
		return virtqueue_enable_kicks(virtio_queue(device, index));
	if (!port->client_source || chain.readable == 0) {
		virtqueue_push(virtio_queue(device, index), chain.head, 0);
		return true;
	}
	port->stalled = true;
	port->stalled_head = chain.head;
	port->stalled_offset = 0;
	port->stalled_pieces = chain.readable;
	memcpy(port->stalled_iov, chain.iov, chain.readable * sizeof(chain.iov[0]));
	return send_stalled(port);
}

static void transmit(struct port *port)
{
	struct virtio_device *device = &port->console->device;
	unsigned int index = VIRTIO_CONSOLE_TRANSMIT(port->id), budget = BUDGET;
	bool more = true;

	virtqueue_disable_kicks(virtio_queue(device, index));
	if (port->stalled)
		more = send_stalled(port);
	while (more && budget-- > 0)
		more = transmit_chain(port);
	if (more)
		virtio_kick(device, index);
	virtio_notify(device, index);
	watch(port);
}

/* --- Control messages (5.3.6.2) --- */

/* Return: false if the guest has no buffer for it. */
static bool send_control(struct virtio_console *console, const struct port *port, uint16_t event,
			 uint16_t value)
{
	struct virtio_device *device = &console->device;
	struct virtqueue *queue = virtio_queue(device, VIRTIO_CONSOLE_CONTROL_RECEIVE);
	uint8_t message[CONTROL_BYTES + NAME_BYTES];
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
	if (!port->ready)
		return true;
	if (port->tell_name) {
		if (!send_control(console, port, VIRTIO_CONSOLE_PORT_NAME, 1))
			return false;
		port->tell_name = false;
	}
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
static void tell(struct virtio_console *console)
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
		disconnect(port); /* it left bytes that nobody will read */
	else
		watch(port);
}

static void handle_control(struct virtio_console *console, const uint8_t message[CONTROL_BYTES])
{
	uint32_t id = load_le32(message + offsetof(struct virtio_console_control, id));
	uint16_t event = load_le16(message + offsetof(struct virtio_console_control, event));
	uint16_t value = load_le16(message + offsetof(struct virtio_console_control, value));

	if (event == VIRTIO_CONSOLE_DEVICE_READY) {
		for (unsigned int i = 0; value == 1 && i < console->ports; i++)
			console->port[i].tell_added = true;
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
	unsigned int budget = BUDGET;
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
	tell(console);
}

/* --- The device --- */

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct virtio_console *console = of(device);
	unsigned int id;

	if (index == VIRTIO_CONSOLE_CONTROL_RECEIVE) {
		tell(console);
		return;
	}
	if (index == VIRTIO_CONSOLE_CONTROL_TRANSMIT) {
		control_transmitted(console);
		return;
	}
	id = index < 2 ? 0 : index / 2 - 1;
	if (index % 2 == 0) {
		console->port[id].room = true;
		receive(&console->port[id]);
		watch(&console->port[id]);
	} else if (!console->port[id].stalled) {
		transmit(&console->port[id]);
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
			disconnect(port);
		else
			watch(port);
	}
}

static int start(struct virtio_device *device)
{
	struct virtio_console *console = of(device);

	for (unsigned int i = 0; i < console->ports; i++) {
		struct port *port = &console->port[i];
		int result = loop_add_fd(device->loop, port->listen_fd, EPOLLIN, on_listen, port,
					 &port->listen_source);

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

		if (strlen(ports[i].name) >= NAME_BYTES)
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
	result = virtio_device_init(&console->device, memory, QUEUE_SIZE);
	if (result < 0)
		return result;
	*device = &take_ptr(console)->device;
	return 0;
}
