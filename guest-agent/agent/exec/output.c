/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/exec/output.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CHUNK_BYTES 32768
/* So that a fast writer does not keep the loop for itself. */
#define CHUNKS_AT_ONCE 8

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct output *output = poll->data;

	(void)status;
	(void)events;
	output_move(output);
}

static void on_released(uv_handle_t *handle)
{
	struct output *output = handle->data;

	output->released(output);
}

int output_open(struct output *output, uv_loop_t *loop, int fd)
{
	int error = uv_poll_init(loop, &output->poll, fd);

	output->fd = -EBADF;
	if (error)
		return error;
	output->poll.data = output;
	output->fd = fd;
	uv_poll_start(&output->poll, UV_READABLE, on_readable);
	return 0;
}

/* 1: moved something; 0: nothing there now, or no credit; -1: ended. */
static int move_chunk(struct output *output)
{
	char chunk[CHUNK_BYTES];
	size_t wanted = MIN(stream_credit(output->stream, output->channel), sizeof(chunk));
	ssize_t count;

	if (output->limited)
		wanted = MIN(wanted, output->left);
	if (output->limited && output->left == 0)
		return -1;
	if (wanted == 0) {
		/* output_move() is called again when credit comes. */
		uv_poll_stop(&output->poll);
		return 0;
	}
	count = read(output->fd, chunk, wanted);
	if (count < 0 && errno == EINTR)
		return 1;
	if (count < 0 && errno == EAGAIN) {
		if (!output->limited)
			uv_poll_start(&output->poll, UV_READABLE, on_readable);
		return output->limited ? -1 : 0;
	}
	/* EIO: all other ends of the terminal are closed. */
	if (count <= 0 || stream_send(output->stream, output->channel, chunk, (size_t)count) < 0)
		return -1;
	if (output->limited)
		output->left -= (size_t)count;
	return 1;
}

void output_move(struct output *output)
{
	int result = 1;

	if (output->fd < 0)
		return;
	for (int i = 0; i < CHUNKS_AT_ONCE && result > 0; i++)
		result = move_chunk(output);
	if (result < 0)
		output->ended(output);
	else if (result > 0)
		uv_poll_start(&output->poll, UV_READABLE, on_readable);
}

void output_limit(struct output *output)
{
	int bytes = 0;

	if (output->fd < 0 || output->limited)
		return;
	if (ioctl(output->fd, FIONREAD, &bytes) < 0)
		bytes = 0;
	output->limited = true;
	output->left = (size_t)MAX(bytes, 0);
	output_move(output);
}

void output_close(struct output *output)
{
	if (output->fd < 0)
		return;
	uv_close((uv_handle_t *)&output->poll, on_released);
	close(output->fd);
	output->fd = -EBADF;
}
