/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/console_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"
#include "protocol/base/log.h"

#include <sys/epoll.h>
#include <sys/socket.h>

/* --- Clients --- */

static bool guest_listens(const struct port *port)
{
	return port->console->device.active && port->guest_open;
}

/* Wait for what can be made use of; a hang-up is always reported, so that it is not watched while
 * there are bytes of a client that has gone to be read first. */
void console_port_watch(struct port *port)
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

void console_port_disconnect(struct port *port)
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
	console_tell(port->console);
	virtio_kick(device, VIRTIO_CONSOLE_TRANSMIT(port->id));
}

/* The client has hung up, and may have left bytes behind. */
static void on_hang_up(struct port *port)
{
	bool readable = guest_listens(port) && !port->client_finished;

	if (readable && port->room)
		console_port_receive(port);
	else if (readable) {
		/* Its last bytes wait for room in the guest; it reads no more itself. */
		loop_remove(port->client_source);
		port->client_source = NULL;
		drop_stalled(port);
		virtio_kick(&port->console->device, VIRTIO_CONSOLE_TRANSMIT(port->id));
	} else {
		console_port_disconnect(port);
	}
}

static void on_client(void *owner, uint32_t events)
{
	struct port *port = owner;

	if (events & EPOLLOUT)
		console_port_transmit(port);
	if (port->client_fd >= 0 && events & (EPOLLHUP | EPOLLERR))
		on_hang_up(port);
	else if (port->client_fd >= 0 && events & EPOLLIN)
		console_port_receive(port);
}

void console_port_accept(void *owner, uint32_t events)
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
		console_tell(console);
	console_port_watch(port);
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
		virtio_break(device, "a console_port_receive buffer of the console is read-only");
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
		console_port_disconnect(port);
	return false;
}

void console_port_receive(struct port *port)
{
	struct virtio_device *device = &port->console->device;
	unsigned int budget = CONSOLE_BUDGET;
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
	console_port_watch(port);
}

/* --- Bytes from the guest --- */

/* Return: false if the client does not take all of it now, or is gone. */
static bool send_stalled(struct port *port)
{
	struct iovec rest[CONSOLE_QUEUE_SIZE];
	struct msghdr message = {.msg_iov = rest};
	ssize_t sent;

	message.msg_iovlen = iov_slice(port->stalled_iov, port->stalled_pieces,
				       port->stalled_offset, UINT32_MAX, rest);
	sent = sendmsg(port->client_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (sent < 0) {
		console_port_disconnect(port);
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

void console_port_transmit(struct port *port)
{
	struct virtio_device *device = &port->console->device;
	unsigned int index = VIRTIO_CONSOLE_TRANSMIT(port->id), budget = CONSOLE_BUDGET;
	bool more = true;

	virtqueue_disable_kicks(virtio_queue(device, index));
	if (port->stalled)
		more = send_stalled(port);
	while (more && budget-- > 0)
		more = transmit_chain(port);
	if (more)
		virtio_kick(device, index);
	virtio_notify(device, index);
	console_port_watch(port);
}
