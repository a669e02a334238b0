/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Output is a list of messages as libdbus made them, each with its descriptor; input is
 * bus_input.c's.
 */
#include "host/screen/bus_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <sys/socket.h>

#define MAX_CALLS 256

static void on_socket(uv_poll_t *poll, int status, int events);

/* --- Its end ---------------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
	struct bus_peer *peer = handle->data;

	if (--peer->handles > 0)
		return;
	free(peer->input);
	free(peer);
}

void bus_peer_free(struct bus_peer *peer)
{
	if (!peer || peer->freed)
		return;
	peer->freed = peer->closed = true;
	uv_close((uv_handle_t *)&peer->poll, handle_closed);
	uv_close((uv_handle_t *)&peer->limit, handle_closed);
	close(peer->fd);
	bus_queue_drop(&peer->early);
	bus_queue_drop(&peer->messages);
	for (size_t i = 0; i < peer->fd_count; i++)
		close(peer->fds[i]);
	while (peer->calls) {
		struct call *call = peer->calls;

		peer->calls = call->next;
		free(call);
	}
}

void bus_peer_end(struct bus_peer *peer, int error)
{
	if (peer->closed)
		return;
	peer->closed = true;
	uv_poll_stop(&peer->poll);
	uv_timer_stop(&peer->limit);
	peer->handlers->closed(peer->owner, error);
}

/* --- Output ----------------------------------------------------------------------------------- */

/* A broken socket is noticed by reading. */
void bus_peer_flush(struct bus_peer *peer)
{
	int result = bus_queue_write(&peer->early, peer->fd);
	bool had = peer->messages.first != NULL;

	if (result == 0 && peer->auth.is_done)
		result = bus_queue_write(&peer->messages, peer->fd);
	if (peer->closed)
		return;
	if ((result == -EAGAIN) != peer->sending) {
		peer->sending = result == -EAGAIN;
		uv_poll_start(&peer->poll, UV_READABLE | (peer->sending ? UV_WRITABLE : 0),
			      on_socket);
	}
	if (had && !peer->messages.first && peer->handlers->drained)
		peer->handlers->drained(peer->owner);
}

int bus_peer_send_line(struct bus_peer *peer, const char *line, size_t length)
{
	return bus_queue_append(&peer->early, line, length, -EBADF);
}

static int queue_message(struct bus_peer *peer, DBusMessage *message, int fd)
{
	_cleanup_close_ int owned = fd;
	char *bytes;
	int length, result = -ENOBUFS;

	if (peer->closed)
		return -EPIPE;
	if (!dbus_message_marshal(message, &bytes, &length))
		return -ENOMEM;
	if (bus_peer_queued(peer) + (size_t)length <= BUS_PEER_MAX_QUEUE)
		result = bus_queue_append(&peer->messages, bytes, (size_t)length, take_fd(&owned));
	dbus_free(bytes);
	return result;
}

static uint32_t next_serial(struct bus_peer *peer)
{
	if (++peer->serial == 0)
		peer->serial = 1;
	return peer->serial;
}

int bus_peer_send(struct bus_peer *peer, DBusMessage *message, int fd)
{
	int result;

	dbus_message_set_serial(message, next_serial(peer));
	result = queue_message(peer, message, fd);
	if (result == 0)
		bus_peer_flush(peer);
	return result;
}

int bus_peer_call(struct bus_peer *peer, DBusMessage *message, int fd, bus_peer_reply *reply,
		  void *owner)
{
	_cleanup_close_ int owned = fd;
	struct call *call = peer->call_count < MAX_CALLS ? calloc(1, sizeof(*call)) : NULL;
	int result;

	if (!call)
		return -ENOBUFS;
	call->serial = next_serial(peer);
	call->reply = reply;
	call->owner = owner;
	dbus_message_set_serial(message, call->serial);
	result = queue_message(peer, message, take_fd(&owned));
	if (result < 0) {
		free(call);
		return result;
	}
	call->next = peer->calls;
	peer->calls = call;
	peer->call_count++;
	bus_peer_flush(peer);
	return 0;
}

void bus_peer_limit(struct bus_peer *peer, size_t max_message)
{
	peer->max_message = max_message;
}

size_t bus_peer_queued(const struct bus_peer *peer)
{
	return peer->early.length + peer->messages.length;
}

/* --- Events ---------------------------------------------------------------------------------- */

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct bus_peer *peer = poll->data;

	if (events & UV_WRITABLE)
		bus_peer_flush(peer);
	if (!peer->closed && (status < 0 || events & UV_READABLE))
		bus_peer_read(peer);
}

static void on_limit(uv_timer_t *timer)
{
	bus_peer_end(timer->data, -ETIMEDOUT);
}

/* --- Its beginning ---------------------------------------------------------------------------- */

/* The byte before a client's first line goes with who we are. */
static int greet(struct bus_peer *peer)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control = {0};
	const struct ucred self = {.pid = getpid(), .uid = geteuid(), .gid = getegid()};
	char zero = '\0';
	struct iovec iov = {.iov_base = &zero, .iov_len = 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_CREDENTIALS;
	control.header.cmsg_len = CMSG_LEN(sizeof(self));
	memcpy(CMSG_DATA(&control.header), &self, sizeof(self));
	return sendmsg(peer->fd, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int begin(struct bus_peer *peer, bool is_server)
{
	char line[BUS_AUTH_MAX_ANSWER];
	size_t length = bus_auth_begin(&peer->auth, is_server, line);
	int result;

	if (is_server)
		return 0;
	result = greet(peer);
	return result < 0 ? result : bus_peer_send_line(peer, line, length);
}

int bus_peer_new(uv_loop_t *loop, int fd, bool is_server, const struct bus_peer_handlers *handlers,
		 void *owner, struct bus_peer **result)
{
	_cleanup_close_ int owned = fd;
	_cleanup_free_ struct bus_peer *peer = calloc(1, sizeof(*peer));
	int error, flags = fcntl(fd, F_GETFL);

	if (!peer)
		return -ENOMEM;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	peer->fd = fd;
	peer->handlers = handlers;
	peer->owner = owner;
	peer->max_message = BUS_PEER_MAX_MESSAGE;
	error = begin(peer, is_server);
	if (error == 0)
		error = uv_poll_init(loop, &peer->poll, fd);
	if (error < 0) {
		bus_queue_drop(&peer->early);
		return error;
	}
	uv_timer_init(loop, &peer->limit);
	peer->poll.data = peer->limit.data = peer;
	peer->handles = 2;
	take_fd(&owned);
	if (is_server)
		uv_timer_start(&peer->limit, on_limit, BUS_PEER_START_MS, 0);
	uv_poll_start(&peer->poll, UV_READABLE, on_socket);
	bus_peer_flush(peer);
	*result = take_ptr(peer);
	return 0;
}
