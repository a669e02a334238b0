/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/exec/input.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define END_OF_TRANSMISSION "\x04"

static void on_released(uv_handle_t *handle)
{
	struct input *input = handle->data;

	free(input->kept);
	input->kept = NULL;
	input->released(input);
}

int input_open(struct input *input, uv_loop_t *loop, int fd)
{
	int error = uv_poll_init(loop, &input->poll, fd);

	input->fd = -EBADF;
	if (error)
		return error;
	input->poll.data = input;
	input->fd = fd;
	return 0;
}

/* What the pipe takes now; all of it where nobody reads any more. */
static size_t try_write(struct input *input, const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		const ssize_t count = write(input->fd, bytes + at, length - at);

		if (count < 0 && errno == EAGAIN)
			break;
		if (count < 0 && errno != EINTR) {
			input_close(input);
			at = length;
			break;
		}
		if (count > 0)
			at += (size_t)count;
	}
	stream_consumed(input->stream, 0, at);
	return at;
}

static void finish(struct input *input)
{
	if (!input->terminal)
		input_close(input);
	else if (write(input->fd, END_OF_TRANSMISSION, 1) < 0)
		input_close(input);
	input->ending = false;
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
	struct input *input = poll->data;

	(void)status;
	(void)events;
	input->start += try_write(input, input->kept + input->start, input->end - input->start);
	if (input->start < input->end || input->fd < 0)
		return;
	input->start = input->end = 0;
	uv_poll_stop(&input->poll);
	if (input->ending)
		finish(input);
}

static void keep(struct input *input, struct slice bytes)
{
	if (!input->kept)
		input->kept = malloc(SESSION_WINDOW);
	if (!input->kept) {
		input_close(input);
		stream_consumed(input->stream, 0, bytes.length);
		return;
	}
	memmove(input->kept, input->kept + input->start, input->end - input->start);
	input->end -= input->start;
	input->start = 0;
	/* The session guards the window. */
	if (bytes.length > SESSION_WINDOW - input->end)
		bytes.length = SESSION_WINDOW - input->end;
	memcpy(input->kept + input->end, bytes.bytes, bytes.length);
	input->end += bytes.length;
	uv_poll_start(&input->poll, UV_WRITABLE, on_writable);
}

void input_put(struct input *input, struct slice bytes)
{
	size_t taken = 0;

	if (input->fd < 0 || input->ending) {
		stream_consumed(input->stream, 0, bytes.length);
		return;
	}
	if (input->start == input->end)
		taken = try_write(input, bytes.bytes, bytes.length);
	bytes.bytes += taken;
	bytes.length -= taken;
	if (bytes.length > 0)
		keep(input, bytes);
}

void input_end(struct input *input)
{
	if (input->fd < 0)
		return;
	input->ending = true;
	if (input->start == input->end)
		finish(input);
}

void input_close(struct input *input)
{
	if (input->fd < 0)
		return;
	uv_close((uv_handle_t *)&input->poll, on_released);
	close(input->fd);
	input->fd = -EBADF;
}
