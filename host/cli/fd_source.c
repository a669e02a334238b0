/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/fd_source.h"
#include "protocol/base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

struct fd_source {
	const struct fd_source_handlers *handlers;
	void *owner;
	int fd;
	bool polls; /* else: idle */
	bool ended;
	union {
		uv_handle_t handle;
		uv_poll_t poll;
		uv_idle_t idle;
	};
	uint8_t chunk[CHUNK_BYTES];
};

static void stop(struct fd_source *source)
{
	if (source->polls)
		uv_poll_stop(&source->poll);
	else
		uv_idle_stop(&source->idle);
}

static void read_some(struct fd_source *source)
{
	size_t room = source->handlers->room(source->owner);
	ssize_t length;

	if (room == 0) {
		stop(source);
		return;
	}
	length = read(source->fd, source->chunk, MIN(room, sizeof(source->chunk)));
	if (length < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (length > 0) {
		source->handlers->data(source->owner, source->chunk, (size_t)length);
		return;
	}
	source->ended = true;
	stop(source);
	/* A terminal whose other side has gone says EIO: that is its end. */
	source->handlers->end(source->owner,
			      length == 0 || (errno == EIO && isatty(source->fd)) ? 0 : -errno);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)events;
	(void)status; /* read() says what is wrong */
	read_some(poll->data);
}

static void on_idle(uv_idle_t *idle)
{
	read_some(idle->data);
}

int fd_source_new(uv_loop_t *loop, int fd, const struct fd_source_handlers *handlers, void *owner,
		  struct fd_source **result)
{
	struct fd_source *source = calloc(1, sizeof(*source));
	int error;

	if (!source)
		return -ENOMEM;
	source->handlers = handlers;
	source->owner = owner;
	source->fd = fd;
	source->polls = uv_guess_handle(fd) != UV_FILE;
	if (source->polls && uv_poll_init(loop, &source->poll, fd) < 0)
		source->polls = false; /* what epoll does not take is read like a file */
	if (!source->polls) {
		error = uv_idle_init(loop, &source->idle);
		assert(error == 0);
	}
	source->handle.data = source;
	*result = source;
	fd_source_wake(source);
	return 0;
}

void fd_source_wake(struct fd_source *source)
{
	if (!source || source->ended)
		return;
	if (!source->polls)
		uv_idle_start(&source->idle, on_idle);
	else if (!uv_is_active(&source->handle))
		uv_poll_start(&source->poll, UV_READABLE | UV_DISCONNECT, on_readable);
}

static void on_handle_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void fd_source_free(struct fd_source *source)
{
	if (!source)
		return;
	source->ended = true;
	uv_close(&source->handle, on_handle_closed);
}
