/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cp with "-" on the host's side: one file, and standard input or output.
 */
#include "host/cli/command.h"
#include "host/cli/copy/copy.h"
#include "host/cli/fd_sink.h"
#include "host/cli/fd_source.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <unistd.h>

#define INPUT  0
#define OUTPUT 1

struct pipe {
	struct copy *copy;
	const char *guest;
	struct stream *stream; /* NULL when it has ended */
	struct fd_sink *sink;
	struct fd_source *source;
	bool done;
};

static void stream_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct pipe *pipe = owner;
	char text[MESSAGE_TEXT_MAX];

	(void)stream;
	pipe->stream = NULL;
	if (result->error && pipe->copy->failures == 0)
		copy_failed(pipe->copy, pipe->guest, agent_failure(result, text, sizeof(text)));
	pipe->done = !pipe->sink || fd_sink_is_empty(pipe->sink);
}

static void give_up(struct pipe *pipe, const char *what, int error)
{
	copy_failed_errno(pipe->copy, what, error);
	if (pipe->stream)
		stream_cancel(pipe->stream);
}

static int finish(struct pipe *pipe, int error)
{
	if (error)
		copy_failed_errno(pipe->copy, pipe->guest, error);
	else
		agent_wait(pipe->copy->agent, &pipe->done);
	fd_sink_free(pipe->sink);
	fd_source_free(pipe->source);
	return pipe->copy->failures ? EXIT_FAILED : EXIT_DONE;
}

/* --- Guest to standard output ---------------------------------------------------------------- */

static void sink_written(void *owner, size_t bytes)
{
	struct pipe *pipe = owner;

	if (pipe->stream)
		stream_consumed(pipe->stream, OUTPUT, bytes);
	else
		pipe->done = fd_sink_is_empty(pipe->sink);
}

static void sink_failed(void *owner, int error)
{
	give_up(owner, "standard output", error);
}

static void read_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct pipe *pipe = owner;

	if (channel == OUTPUT)
		fd_sink_write(pipe->sink, bytes.bytes, bytes.length);
	else
		stream_consumed(stream, channel, bytes.length);
}

int copy_to_stdout(struct copy *copy, const char *guest)
{
	static const struct fd_sink_handlers sink_handlers = {.written = sink_written,
							      .failed = sink_failed};
	static const struct stream_handlers handlers = {.data = read_data, .closed = stream_closed};
	struct file_read_params params = {.path = slice_of(guest)};
	struct pipe pipe = {.copy = copy, .guest = guest};
	int error =
		fd_sink_new(&copy->agent->loop, STDOUT_FILENO, &sink_handlers, &pipe, &pipe.sink);

	if (!error)
		error = agent_request(copy->agent, "file.read", &message_file_read_params, &params,
				      &handlers, &pipe, &pipe.stream);
	return finish(&pipe, error);
}

/* --- Standard input to guest ----------------------------------------------------------------- */

static size_t source_room(void *owner)
{
	struct pipe *pipe = owner;

	return pipe->stream ? stream_credit(pipe->stream, INPUT) : 0;
}

static void source_data(void *owner, const uint8_t *bytes, size_t length)
{
	struct pipe *pipe = owner;

	if (pipe->stream && stream_send(pipe->stream, INPUT, bytes, length) != (ssize_t)length)
		give_up(pipe, "standard input", -ENOMEM);
}

static void source_end(void *owner, int error)
{
	struct pipe *pipe = owner;

	if (error)
		give_up(pipe, "standard input", error);
	else if (pipe->stream)
		stream_end(pipe->stream, INPUT);
}

static void write_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct pipe *pipe = owner;

	(void)stream;
	(void)channel;
	(void)bytes;
	fd_source_wake(pipe->source);
}

int copy_from_stdin(struct copy *copy, const char *guest)
{
	static const struct fd_source_handlers source_handlers = {
		.room = source_room, .data = source_data, .end = source_end};
	static const struct stream_handlers handlers = {.credit = write_credit,
							.closed = stream_closed};
	struct file_write_params params = {.path = slice_of(guest)};
	struct pipe pipe = {.copy = copy, .guest = guest};
	int error = agent_request(copy->agent, "file.write", &message_file_write_params, &params,
				  &handlers, &pipe, &pipe.stream);

	if (!error) {
		error = fd_source_new(&copy->agent->loop, STDIN_FILENO, &source_handlers, &pipe,
				      &pipe.source);
		if (error)
			give_up(&pipe, "standard input", error);
		error = 0;
	}
	return finish(&pipe, error);
}
