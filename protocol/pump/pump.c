/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtio-serial port polls as hung up for as long as nobody on the host has it open, which a
 * level-triggered loop would spin on. So a port sits in an epoll set of its own, edge triggered,
 * and the loop polls that set: it is readable when something has changed since the last look.
 * Sockets and pipes the loop polls itself.
 *
 * Room to write is waited for only while something waits to be written: each byte that the other
 * side takes would be news otherwise. And on a port that nobody has open, whose opening it tells.
 */
#include "protocol/pump/pump.h"

#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define PUMP_BUFFER (64 * 1024)
/* Reads in one turn of the loop: a flood must not starve the rest of the program. */
#define PUMP_READS_A_TURN 16

struct pump {
	uv_poll_t poll;	 /* on the epoll set of a port, on another descriptor itself */
	uv_idle_t again; /* something is left to read: come back without an edge */
	int fd, set;	 /* no set: negative */
	bool is_port;
	bool wants_room; /* room to write is waited for */
	bool is_socket;	 /* then a write to nobody need not be a signal */
	bool connected;
	bool freed;
	bool pumping;	      /* inside handlers: output is sent afterwards */
	int error;	      /* of a write; the loop's next turn acts on it */
	unsigned int closing; /* handles that libuv has yet to let go */
	const struct pump_bytes *bytes;
	void *bytes_owner; /* a session, or the owner */
	const struct pump_handlers *handlers;
	void *owner;
	size_t out_start, out_length;
	uint8_t out[PUMP_BUFFER]; /* taken, not yet written */
};

/* One scratch buffer a read; the bytes are handed on before the next. */
struct input {
	uint8_t bytes[PUMP_BUFFER];
};

static void on_change(uv_poll_t *poll, int status, int events);

/* Changing the set of a port also makes what is true by now an edge. */
static void wait_for_room(struct pump *pump, bool wanted)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};

	if (pump->wants_room == wanted)
		return;
	pump->wants_room = wanted;
	if (wanted)
		event.events |= EPOLLOUT;
	if (pump->is_port)
		epoll_ctl(pump->set, EPOLL_CTL_MOD, pump->fd, &event);
	else
		uv_poll_start(&pump->poll, UV_READABLE | (wanted ? UV_WRITABLE : 0), on_change);
}

static void disconnected(struct pump *pump, int error)
{
	if (!pump->connected)
		return;
	pump->connected = false;
	pump->error = 0;
	pump->out_length = 0;
	uv_idle_stop(&pump->again);
	if (pump->is_port)
		wait_for_room(pump, true);
	else
		uv_poll_stop(&pump->poll);
	pump->bytes->disconnected(pump->bytes_owner);
	if (!pump->freed && pump->handlers->closed)
		pump->handlers->closed(pump->owner, error);
}

static void on_again(uv_idle_t *again);

/*
 * Writes until there is nothing more or the descriptor takes no more. An error ends the connection
 * in the loop's next turn and not here, where somebody may be in the middle of a request.
 */
static void send_output(struct pump *pump)
{
	while (pump->connected && !pump->error) {
		ssize_t written;

		if (pump->out_length == 0) {
			pump->out_start = 0;
			pump->out_length = pump->bytes->output(pump->bytes_owner, pump->out,
							       sizeof(pump->out));
			if (pump->out_length == 0)
				break;
		}
		if (pump->is_socket)
			written = send(pump->fd, pump->out + pump->out_start, pump->out_length,
				       MSG_NOSIGNAL);
		else
			written = write(pump->fd, pump->out + pump->out_start, pump->out_length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			wait_for_room(pump, true);
			return;
		}
		if (written < 0) {
			pump->error = -errno;
			uv_idle_start(&pump->again, on_again);
			return;
		}
		pump->out_start += (size_t)written;
		pump->out_length -= (size_t)written;
	}
	if (pump->connected)
		wait_for_room(pump, false);
}

/* Reads what is there; true when there may be more. */
static bool read_input(struct pump *pump)
{
	struct input input;

	for (unsigned int i = 0; i < PUMP_READS_A_TURN; i++) {
		ssize_t length;

		if (!pump->connected || pump->freed)
			return false;
		length = read(pump->fd, input.bytes, sizeof(input.bytes));
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && errno == EAGAIN)
			return false;
		/* A port reads as at its end while the host side is closed. */
		if (length <= 0) {
			disconnected(pump, length < 0 ? -errno : 0);
			return false;
		}
		pump->bytes->input(pump->bytes_owner, input.bytes, (size_t)length);
	}
	return true;
}

static void turn(struct pump *pump)
{
	bool more;

	if (pump->error) {
		disconnected(pump, pump->error);
		return;
	}
	pump->pumping = true;
	more = read_input(pump);
	pump->pumping = false;
	if (pump->freed)
		return;
	send_output(pump);
	if (!pump->connected || pump->error)
		return;
	if (more)
		uv_idle_start(&pump->again, on_again);
	else
		uv_idle_stop(&pump->again);
}

static void on_again(uv_idle_t *again)
{
	turn(again->data);
}

/* What the descriptor says now, without waiting. */
static uint32_t look(struct pump *pump)
{
	struct epoll_event event = {0};

	return epoll_wait(pump->set, &event, 1, 0) == 1 ? event.events : 0;
}

/* Return: is it time for a turn? */
static bool port_changed(struct pump *pump)
{
	uint32_t seen = look(pump);

	if (seen & EPOLLHUP) {
		disconnected(pump, 0);
		return false;
	}
	if (seen && !pump->connected) {
		pump->connected = true;
		if (pump->handlers->opened)
			pump->handlers->opened(pump->owner);
	}
	return seen && !pump->freed;
}

static void on_change(uv_poll_t *poll, int status, int events)
{
	struct pump *pump = poll->data;

	(void)events;
	if (status < 0)
		disconnected(pump, status);
	else if (!pump->is_port || port_changed(pump))
		turn(pump);
}

static void on_closed(uv_handle_t *handle)
{
	struct pump *pump = handle->data;

	if (--pump->closing == 0)
		free(pump);
}

static int begin(uv_loop_t *loop, int fd, bool is_port, const struct pump_bytes *bytes,
		 void *bytes_owner, const struct pump_handlers *handlers, void *owner,
		 struct pump **result)
{
	_cleanup_close_ int owned = fd;
	_cleanup_close_ int set = is_port ? epoll_create1(EPOLL_CLOEXEC) : -EBADF;
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
	struct pump *pump;
	struct stat status;
	int flags = fcntl(fd, F_GETFL);
	int r;

	if (flags < 0 || fstat(fd, &status) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	if (is_port && (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0))
		return -errno;
	pump = calloc(1, sizeof(*pump));
	if (!pump)
		return -ENOMEM;
	r = uv_poll_init(loop, &pump->poll, is_port ? set : fd);
	if (r < 0) {
		free(pump);
		return r;
	}
	uv_idle_init(loop, &pump->again);
	pump->poll.data = pump;
	pump->again.data = pump;
	pump->fd = take_fd(&owned);
	pump->set = take_fd(&set);
	pump->is_port = pump->wants_room = is_port;
	pump->is_socket = S_ISSOCK(status.st_mode);
	pump->connected = !is_port; /* a port's first edge tells */
	pump->bytes = bytes;
	pump->bytes_owner = bytes_owner;
	pump->handlers = handlers;
	pump->owner = owner;
	uv_poll_start(&pump->poll, UV_READABLE, on_change);
	*result = pump;
	return 0;
}

static size_t from_session(void *owner, void *bytes, size_t capacity)
{
	return session_output(owner, bytes, capacity);
}

static void to_session(void *owner, const void *bytes, size_t length)
{
	session_receive(owner, bytes, length); /* it begins anew by itself */
}

static void end_session(void *owner)
{
	session_disconnected(owner);
}

static const struct pump_bytes session_bytes = {
	.output = from_session,
	.input = to_session,
	.disconnected = end_session,
};

int pump_new(uv_loop_t *loop, int fd, bool is_port, struct session *session,
	     const struct pump_handlers *handlers, void *owner, struct pump **result)
{
	return begin(loop, fd, is_port, &session_bytes, session, handlers, owner, result);
}

int pump_new_bytes(uv_loop_t *loop, int fd, bool is_port, const struct pump_bytes *bytes,
		   const struct pump_handlers *handlers, void *owner, struct pump **result)
{
	return begin(loop, fd, is_port, bytes, owner, handlers, owner, result);
}

void pump_wake(struct pump *pump)
{
	if (pump && !pump->freed && !pump->pumping)
		send_output(pump);
}

void pump_free(struct pump *pump)
{
	if (!pump || pump->freed)
		return;
	pump->freed = true;
	pump->connected = false;
	uv_poll_stop(&pump->poll);
	uv_idle_stop(&pump->again);
	cleanup_close(&pump->set);
	close(pump->fd);
	pump->closing = 2;
	uv_close((uv_handle_t *)&pump->poll, on_closed);
	uv_close((uv_handle_t *)&pump->again, on_closed);
}
