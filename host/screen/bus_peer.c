/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input is gathered until a message is whole; the buffer grows with what has come, never with what
 * a length says. Output is a list of messages as libdbus made them, each with its descriptor.
 */
#include "host/screen/bus_peer.h"

#include "host/screen/bus_auth.h"
#include "host/screen/bus_queue.h"
#include "host/screen/bus_wire.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <sys/socket.h>

#define READ_SIZE  (256U << 10)
#define READ_TURN  16	      /* reads before others have their turn */
#define KEEP_INPUT (1U << 20) /* a buffer that grew beyond is given back */
#define MAX_CALLS  256

struct call {
	struct call *next;
	uint32_t serial;
	bus_peer_reply *reply;
	void *owner;
};

struct bus_peer {
	uv_poll_t poll;
	int fd;
	bool freed, closed, greeted, sending;
	const struct bus_peer_handlers *handlers;
	void *owner;
	struct bus_auth auth;
	uint8_t *input;
	size_t input_length, input_capacity;
	int fds[2 * BUS_PEER_MAX_FDS]; /* received, of messages that are not whole yet */
	size_t fd_count;
	struct bus_queue early;	   /* the authentication's own */
	struct bus_queue messages; /* wait until that is done */
	size_t max_message;
	uint32_t serial;
	struct call *calls;
	unsigned int call_count;
};

static void on_socket(uv_poll_t *poll, int status, int events);

/* --- Its end ---------------------------------------------------------------------------------- */

static void poll_closed(uv_handle_t *handle)
{
	struct bus_peer *peer = handle->data;

	free(peer->input);
	free(peer);
}

void bus_peer_free(struct bus_peer *peer)
{
	if (!peer || peer->freed)
		return;
	peer->freed = peer->closed = true;
	uv_close((uv_handle_t *)&peer->poll, poll_closed);
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

static void end(struct bus_peer *peer, int error)
{
	if (peer->closed)
		return;
	peer->closed = true;
	uv_poll_stop(&peer->poll);
	peer->handlers->closed(peer->owner, error);
}

/* --- Output ----------------------------------------------------------------------------------- */

/* A broken socket is noticed by reading. */
static void flush(struct bus_peer *peer)
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

static int send_line(struct bus_peer *peer, const char *line, size_t length)
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
		flush(peer);
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
	flush(peer);
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

/* --- Messages --------------------------------------------------------------------------------- */

static void take_reply(struct bus_peer *peer, DBusMessage *message)
{
	uint32_t serial = dbus_message_get_reply_serial(message);

	for (struct call **link = &peer->calls; *link; link = &(*link)->next) {
		struct call *call = *link;

		if (call->serial != serial)
			continue;
		*link = call->next;
		peer->call_count--;
		call->reply(call->owner, message);
		free(call);
		return;
	}
}

static int take_message(struct bus_peer *peer, size_t length)
{
	ssize_t fds = bus_wire_take_fds(peer->input, length);
	DBusMessage *message;
	int type;

	if (fds < 0 || (size_t)fds > peer->fd_count)
		return -EPROTO;
	message = dbus_message_demarshal((const char *)peer->input, (int)length, NULL);
	if (!message)
		return -EPROTO;
	type = dbus_message_get_type(message);
	if (type == DBUS_MESSAGE_TYPE_METHOD_RETURN || type == DBUS_MESSAGE_TYPE_ERROR)
		take_reply(peer, message);
	else
		peer->handlers->message(peer->owner, message, peer->fds, (size_t)fds);
	dbus_message_unref(message);
	if (peer->freed)
		return 0;
	for (ssize_t i = 0; i < fds; i++) {
		if (peer->fds[i] >= 0)
			close(peer->fds[i]);
	}
	peer->fd_count -= (size_t)fds;
	memmove(peer->fds, peer->fds + fds, peer->fd_count * sizeof(int));
	return 0;
}

static void used(struct bus_peer *peer, size_t length)
{
	if (peer->freed)
		return;
	peer->input_length -= length;
	memmove(peer->input, peer->input + length, peer->input_length);
	if (peer->input_length == 0 && peer->input_capacity > KEEP_INPUT) {
		free(take_ptr(peer->input));
		peer->input_capacity = 0;
	}
}

/* --- Authentication --------------------------------------------------------------------------- */

static int take_line(struct bus_peer *peer, size_t *length)
{
	char answer[BUS_AUTH_MAX_ANSWER];
	const char *line = (const char *)peer->input;
	const char *end = memmem(line, peer->input_length, "\r\n", 2);
	int result;

	*length = 0;
	/* A client begins with a byte that carries its credentials. */
	if (peer->auth.is_server && !peer->greeted) {
		peer->greeted = true;
		*length = 1;
		return line[0] == '\0' ? 0 : -EPROTO;
	}
	if (!end)
		return peer->input_length > BUS_AUTH_MAX_LINE ? -EPROTO : 0;
	if (end - line > BUS_AUTH_MAX_LINE)
		return -EPROTO;
	*length = (size_t)(end - line) + 2;
	result = bus_auth_line(&peer->auth, line, (size_t)(end - line), answer);
	if (result == 0 && answer[0])
		result = send_line(peer, answer, strlen(answer));
	return result;
}

/* --- Input ------------------------------------------------------------------------------------ */

/* Return: 1: something was taken; 0: more has to come; negative errno. */
static int take_one(struct bus_peer *peer)
{
	size_t length = 0;
	ssize_t whole;
	int result;

	if (peer->input_length == 0)
		return 0;
	if (!peer->auth.is_done) {
		result = take_line(peer, &length);
		used(peer, length);
		if (result == 0 && peer->auth.is_done && peer->handlers->ready)
			peer->handlers->ready(peer->owner);
		return result < 0 ? result : length > 0;
	}
	if (peer->input_length < BUS_WIRE_START)
		return 0;
	whole = bus_wire_length(peer->input);
	if (whole < 0 || (size_t)whole > peer->max_message)
		return -EPROTO;
	if (peer->input_length < (size_t)whole)
		return 0;
	result = take_message(peer, (size_t)whole);
	used(peer, (size_t)whole);
	return result < 0 ? result : 1;
}

static void take_fds(struct bus_peer *peer, struct msghdr *message, bool *too_many)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= part->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
			if (peer->fd_count < ARRAY_SIZE(peer->fds)) {
				peer->fds[peer->fd_count++] = fd;
			} else {
				close(fd);
				*too_many = true;
			}
		}
	}
}

static int make_room(struct bus_peer *peer)
{
	size_t capacity;
	uint8_t *grown;

	if (peer->input_capacity - peer->input_length >= READ_SIZE / 2)
		return 0;
	capacity = MAX(2 * peer->input_capacity, READ_SIZE);
	grown = realloc(peer->input, capacity);
	if (!grown)
		return -ENOMEM;
	peer->input = grown;
	peer->input_capacity = capacity;
	return 0;
}

/* Return: bytes; 0 at the end; negative errno. */
static ssize_t receive(struct bus_peer *peer)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(BUS_PEER_MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	bool too_many = false;
	ssize_t got;

	if (make_room(peer) < 0)
		return -ENOMEM;
	iov.iov_base = peer->input + peer->input_length;
	iov.iov_len = peer->input_capacity - peer->input_length;
	got = recvmsg(peer->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return -errno;
	take_fds(peer, &message, &too_many);
	if (message.msg_flags & MSG_CTRUNC || too_many)
		return -EPROTO;
	peer->input_length += (size_t)got;
	return got;
}

static void read_all(struct bus_peer *peer)
{
	for (unsigned int i = 0; i < READ_TURN && !peer->closed; i++) {
		ssize_t got = receive(peer);
		int result;

		if (got == -EAGAIN || got == -EINTR)
			break;
		if (got <= 0) {
			end(peer, got == -ECONNRESET ? 0 : (int)got);
			return;
		}
		do {
			result = take_one(peer);
		} while (result > 0 && !peer->closed);
		if (result < 0)
			end(peer, result);
	}
	if (!peer->closed)
		flush(peer);
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
	struct bus_peer *peer = poll->data;

	if (events & UV_WRITABLE)
		flush(peer);
	if (!peer->closed && (status < 0 || events & UV_READABLE))
		read_all(peer);
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
	return result < 0 ? result : send_line(peer, line, length);
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
	peer->poll.data = peer;
	take_fd(&owned);
	uv_poll_start(&peer->poll, UV_READABLE, on_socket);
	flush(peer);
	*result = take_ptr(peer);
	return 0;
}
