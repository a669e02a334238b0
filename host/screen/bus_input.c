/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Input is gathered until a message is whole; the buffer grows with what has come, never with what
 * a length says.
 */
#include "host/screen/bus_internal.h"
#include "host/screen/bus_wire.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <sys/socket.h>

#define READ_SIZE  (256U << 10)
#define READ_TURN  16	      /* reads before others have their turn */
#define KEEP_INPUT (1U << 20) /* a buffer that grew beyond is given back */

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
		result = bus_peer_send_line(peer, answer, strlen(answer));
	return result;
}

static void begun(struct bus_peer *peer)
{
	uv_timer_stop(&peer->limit);
	if (peer->handlers->ready)
		peer->handlers->ready(peer->owner);
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
		if (result == 0 && peer->auth.is_done)
			begun(peer);
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

void bus_peer_read(struct bus_peer *peer)
{
	for (unsigned int i = 0; i < READ_TURN && !peer->closed; i++) {
		ssize_t got = receive(peer);
		int result;

		if (got == -EAGAIN || got == -EINTR)
			break;
		if (got <= 0) {
			bus_peer_end(peer, got == -ECONNRESET ? 0 : (int)got);
			return;
		}
		do {
			result = take_one(peer);
		} while (result > 0 && !peer->closed);
		if (result < 0)
			bus_peer_end(peer, result);
	}
	if (!peer->closed)
		bus_peer_flush(peer);
}
