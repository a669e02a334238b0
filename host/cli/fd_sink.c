/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How not to block: a pipe or terminal is opened once more through /proc/self/fd, which gives an
 * open file description of our own that can be non-blocking; a socket takes MSG_DONTWAIT. Where
 * neither works, small pieces are written after poll() has promised room for them.
 */
#include "host/cli/fd_sink.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum manner {
	WRITE_FILE,   /* does not wait for anybody */
	WRITE_OWN,    /* non-blocking description of our own */
	WRITE_SOCKET, /* MSG_DONTWAIT */
	WRITE_PIECES, /* at most PIPE_BUF after poll() */
};

struct fd_sink {
	const struct fd_sink_handlers *handlers;
	void *owner;
	int fd;
	enum manner manner;
	bool failed;
	uint8_t *bytes;
	size_t begin, end, capacity; /* what waits is bytes[begin..end) */
	uv_poll_t poll;		     /* all but WRITE_FILE */
};

static int open_own(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int fd_sink_new(uv_loop_t *loop, int fd, const struct fd_sink_handlers *handlers, void *owner,
		struct fd_sink **result)
{
	struct fd_sink *sink = calloc(1, sizeof(*sink));
	uv_handle_type type = uv_guess_handle(fd);
	int own = -EBADF;
	socklen_t length = sizeof(int);
	int ignored;

	if (!sink)
		return -ENOMEM;
	*sink = (struct fd_sink){.handlers = handlers, .owner = owner, .fd = fd};
	if (type == UV_FILE)
		sink->manner = WRITE_FILE;
	else if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &ignored, &length) == 0)
		sink->manner = WRITE_SOCKET;
	else if ((own = open_own(fd)) >= 0)
		sink->manner = WRITE_OWN;
	else
		sink->manner = WRITE_PIECES;
	if (own >= 0)
		sink->fd = own;
	if (sink->manner != WRITE_FILE && uv_poll_init(loop, &sink->poll, sink->fd) < 0) {
		if (own >= 0)
			close(own);
		sink->fd = fd;
		sink->manner = WRITE_FILE; /* /dev/null and its like */
	}
	sink->poll.data = sink;
	*result = sink;
	return 0;
}

static ssize_t write_once(const struct fd_sink *sink, const uint8_t *bytes, size_t length)
{
	if (sink->manner == WRITE_SOCKET)
		return send(sink->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sink->manner == WRITE_PIECES)
		length = MIN(length, PIPE_BUF);
	return write(sink->fd, bytes, length);
}

static void fail(struct fd_sink *sink, int error, size_t dropped)
{
	sink->failed = true;
	dropped += sink->end - sink->begin;
	sink->begin = sink->end = 0;
	if (sink->manner != WRITE_FILE)
		uv_poll_stop(&sink->poll);
	sink->handlers->written(sink->owner, dropped);
	sink->handlers->failed(sink->owner, error);
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
	struct fd_sink *sink = poll->data;
	size_t waiting = sink->end - sink->begin;
	ssize_t length;

	(void)status; /* write() says what is wrong */
	(void)events;
	length = write_once(sink, sink->bytes + sink->begin, waiting);
	if (length < 0) {
		if (errno != EAGAIN && errno != EINTR)
			fail(sink, -errno, 0);
		return;
	}
	sink->begin += (size_t)length;
	if (sink->begin == sink->end) {
		sink->begin = sink->end = 0;
		uv_poll_stop(poll);
	}
	sink->handlers->written(sink->owner, (size_t)length);
}

/* Room for @length bytes behind `end`. */
static int make_room(struct fd_sink *sink, size_t length)
{
	size_t waiting = sink->end - sink->begin, wanted;
	uint8_t *grown;

	if (sink->capacity - sink->end >= length)
		return 0;
	if (waiting > 0)
		memmove(sink->bytes, sink->bytes + sink->begin, waiting);
	sink->begin = 0;
	sink->end = waiting;
	if (sink->capacity - sink->end >= length)
		return 0;
	if (add_overflows(waiting, length, &wanted))
		return -ENOMEM;
	grown = realloc(sink->bytes, wanted);
	if (!grown)
		return -ENOMEM;
	sink->bytes = grown;
	sink->capacity = wanted;
	return 0;
}

static void write_file(struct fd_sink *sink, const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		ssize_t count = write(sink->fd, bytes + at, length - at);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			fail(sink, -errno, length);
			return;
		}
		at += (size_t)count;
	}
	sink->handlers->written(sink->owner, length);
}

void fd_sink_write(struct fd_sink *sink, const uint8_t *bytes, size_t length)
{
	if (sink->failed) {
		sink->handlers->written(sink->owner, length);
		return;
	}
	if (sink->manner == WRITE_FILE) {
		write_file(sink, bytes, length);
		return;
	}
	if (make_room(sink, length) < 0) {
		fail(sink, -ENOMEM, length);
		return;
	}
	memcpy(sink->bytes + sink->end, bytes, length);
	sink->end += length;
	if (!uv_is_active((uv_handle_t *)&sink->poll))
		uv_poll_start(&sink->poll, UV_WRITABLE, on_writable);
}

bool fd_sink_is_empty(const struct fd_sink *sink)
{
	return sink->begin == sink->end;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct fd_sink *sink = handle->data;

	if (sink->manner == WRITE_OWN)
		close(sink->fd);
	free(sink->bytes);
	free(sink);
}

void fd_sink_free(struct fd_sink *sink)
{
	if (!sink)
		return;
	if (sink->manner == WRITE_FILE) {
		free(sink->bytes);
		free(sink);
		return;
	}
	uv_close((uv_handle_t *)&sink->poll, on_handle_closed);
}
