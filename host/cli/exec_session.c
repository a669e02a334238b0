/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/exec_session.h"
#include "host/cli/fd_sink.h"
#include "host/cli/fd_source.h"
#include "host/cli/terminal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/frame.h"

#include <signal.h>
#include <string.h>

#define INPUT 0

static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define FORWARDED ARRAY_SIZE(forwarded)
/* A user who asks so often wants to be rid of it, whether the guest answers or not. */
#define PATIENCE 3
/* A guest that has said nothing for so long may hang. */
#define SILENCE_MS 5000

struct exec_session;

/* One way out: the guest's channel 1 or 2. */
struct output {
	struct exec_session *session;
	unsigned int channel;
	struct fd_sink *sink;
};

struct exec_session {
	struct agent *agent;
	const struct exec_request *request;
	struct stream *stream; /* NULL when it has ended */
	struct fd_source *input;
	struct output output[2];
	uv_signal_t signals[FORWARDED];
	uv_signal_t resized;
	bool started;	      /* the guest has said so */
	bool listens;	      /* the signal handles are there */
	unsigned int asked;   /* signals so far */
	unsigned int closing; /* handles that have yet to close */
	int status;
	bool done;
};

static void check_done(struct exec_session *session)
{
	session->done = !session->stream && fd_sink_is_empty(session->output[0].sink) &&
			fd_sink_is_empty(session->output[1].sink);
}

/* --- Input --------------------------------------------------------------------------------- */

static size_t input_room(void *owner)
{
	struct exec_session *session = owner;

	return session->stream ? stream_credit(session->stream, INPUT) : 0;
}

static void input_data(void *owner, const uint8_t *bytes, size_t length)
{
	struct exec_session *session = owner;

	if (!session->stream)
		return;
	if (stream_send(session->stream, INPUT, bytes, length) != (ssize_t)length) {
		/* The room was there, so it is memory that is not. */
		log_error("%s: input was lost: out of memory", session->agent->vm);
		session->status = EXEC_FAILED;
		stream_cancel(session->stream);
	}
}

static void input_end(void *owner, int error)
{
	struct exec_session *session = owner;

	if (error)
		log_warning("standard input cannot be read: %s", error_text(error));
	if (session->stream)
		stream_end(session->stream, INPUT);
}

static const struct fd_source_handlers input_handlers = {
	.room = input_room,
	.data = input_data,
	.end = input_end,
};

/* --- Output -------------------------------------------------------------------------------- */

static void output_written(void *owner, size_t bytes)
{
	struct output *output = owner;
	struct exec_session *session = output->session;

	if (session->stream)
		stream_consumed(session->stream, output->channel, bytes);
	else
		check_done(session);
}

/* Nobody reads what the command says: it ends as it would have here. */
static void output_failed(void *owner, int error)
{
	struct output *output = owner;
	struct exec_session *session = output->session;

	if (error != -EPIPE)
		log_error("output cannot be written: %s", error_text(error));
	session->status = error == -EPIPE ? EXEC_SIGNALLED + SIGPIPE : EXEC_FAILED;
	if (session->stream)
		stream_cancel(session->stream);
}

static const struct fd_sink_handlers output_handlers = {
	.written = output_written,
	.failed = output_failed,
};

/* --- The stream ---------------------------------------------------------------------------- */

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct exec_session *session = owner;

	if (channel == 1 || channel == 2)
		fd_sink_write(session->output[channel - 1].sink, bytes.bytes, bytes.length);
	else
		stream_consumed(stream, channel, bytes.length);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct exec_session *session = owner;

	(void)stream;
	(void)bytes;
	if (channel == INPUT)
		fd_source_wake(session->input);
}

static int status_of_failure(const struct exec_session *session, const struct stream_result *result)
{
	const struct exec_request *request = session->request;
	char text[MESSAGE_TEXT_MAX];

	agent_failure(result, text, sizeof(text));
	if (request->argc > 0)
		log_error("%s: %s: %s", session->agent->vm, request->argv[0], text);
	else
		log_error("%s: shell: %s", session->agent->vm, text);
	switch (result->error) {
	case -ENOENT:
		return EXEC_NOT_FOUND;
	case -EACCES:
	case -ENOEXEC:
	case -EISDIR:
		return EXEC_NOT_EXECUTABLE;
	default:
		return EXEC_FAILED;
	}
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct exec_session *session = owner;
	struct exec_result ended;

	(void)stream;
	session->stream = NULL;
	/* What was decided here counts more than how the guest put it. */
	if (session->status >= 0)
		;
	else if (result->error)
		session->status = status_of_failure(session, result);
	else if (message_decode(&message_exec_result, result->params, &ended) < 0)
		session->status = EXEC_FAILED;
	else if (ended.signal)
		session->status = EXEC_SIGNALLED + (int)(ended.signal & 0x7f);
	else
		session->status = (int)(ended.status & 0xff);
	check_done(session);
}

/* Until then Ctrl-C is this program's: a guest that hangs would never get it. */
static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct exec_session *session = owner;

	(void)stream;
	(void)params;
	if (session->started || !slice_is(name, "started"))
		return;
	session->started = true;
	uv_timer_stop(&session->agent->timer);
	if (session->request->terminal && isatty(STDIN_FILENO) && terminal_raw(STDIN_FILENO) < 0)
		log_warning("%s: this terminal stays as it is", session->agent->vm);
}

static void on_silence(uv_timer_t *timer)
{
	const struct exec_session *session = timer->data;

	log_warning("%s: its agent does not answer yet; Ctrl-C gives up", session->agent->vm);
}

static const struct stream_handlers stream_handlers = {
	.message = on_message,
	.data = on_data,
	.credit = on_credit,
	.closed = on_closed,
};

/* --- Signals ------------------------------------------------------------------------------- */

static void send_message(struct exec_session *session, struct slice name,
			 const struct message_type *type, const void *message)
{
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(type, message, &writer);
	if (session->stream)
		stream_message(session->stream, name, cbor_written(&writer));
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct exec_session *session = handle->data;
	struct exec_signal message = {.number = (uint64_t)number};

	send_message(session, SLICE_LITERAL("signal"), &message_exec_signal, &message);
	session->asked++;
	if (!session->stream || (session->started && session->asked < PATIENCE))
		return;
	session->status = EXEC_SIGNALLED + number;
	stream_cancel(session->stream);
	session->done = true;
}

static void on_resized(uv_signal_t *handle, int number)
{
	struct exec_session *session = handle->data;
	struct terminal_size size = terminal_size(STDIN_FILENO);
	struct exec_size message = {size.rows, size.columns};

	(void)number;
	send_message(session, SLICE_LITERAL("resize"), &message_exec_size, &message);
}

static void listen_to_signals(struct exec_session *session)
{
	uv_loop_t *loop = &session->agent->loop;

	for (size_t i = 0; i < FORWARDED; i++) {
		uv_signal_init(loop, &session->signals[i]);
		session->signals[i].data = session;
		uv_signal_start(&session->signals[i], on_signal, forwarded[i]);
	}
	uv_signal_init(loop, &session->resized);
	session->resized.data = session;
	if (session->request->terminal)
		uv_signal_start(&session->resized, on_resized, SIGWINCH);
	session->listens = true;
}

/* --- Beginning and end --------------------------------------------------------------------- */

static struct slice put_items(struct cbor_writer *writer, const char *const *items, size_t count)
{
	size_t begin = writer->length;

	if (count == 0)
		return (struct slice){0};
	cbor_put_array(writer, count);
	for (size_t i = 0; i < count; i++)
		cbor_put_bytes(writer, slice_of(items[i]));
	return (struct slice){writer->bytes + begin, writer->length - begin};
}

static int send_request(struct exec_session *session)
{
	const struct exec_request *request = session->request;
	struct terminal_size size = terminal_size(STDIN_FILENO);
	const char *term = getenv("TERM");
	_cleanup_free_ uint8_t *items = malloc(FRAME_MAX_MESSAGE);
	struct cbor_writer writer = {.bytes = items, .capacity = FRAME_MAX_MESSAGE};
	struct exec_params params = {
		.stdin_open = request->input,
		.terminal = request->terminal,
		.shell = request->shell,
	};

	if (!items)
		return -ENOMEM;
	params.argv = put_items(&writer, (const char *const *)request->argv, request->argc);
	params.environment = put_items(&writer, request->environment, request->environment_count);
	if (writer.overflow)
		return -E2BIG;
	if (request->directory)
		params.directory = slice_of(request->directory);
	if (request->user)
		params.user = slice_of(request->user);
	if (request->terminal) {
		params.rows = size.rows;
		params.columns = size.columns;
		params.term = slice_of(term && *term ? term : "dumb");
	}
	return agent_request(session->agent, "exec", &message_exec_params, &params,
			     &stream_handlers, session, &session->stream);
}

static int begin(struct exec_session *session)
{
	uv_loop_t *loop = &session->agent->loop;
	static const int fds[] = {STDOUT_FILENO, STDERR_FILENO};
	int error = 0;

	for (size_t i = 0; i < 2 && !error; i++) {
		struct output *output = &session->output[i];

		*output = (struct output){.session = session, .channel = (unsigned int)i + 1};
		error = fd_sink_new(loop, fds[i], &output_handlers, output, &output->sink);
	}
	if (!error)
		error = send_request(session);
	if (error)
		return error;
	listen_to_signals(session);
	if (session->request->input)
		error = fd_source_new(loop, STDIN_FILENO, &input_handlers, session,
				      &session->input);
	session->agent->timer.data = session;
	uv_timer_start(&session->agent->timer, on_silence, SILENCE_MS, 0);
	return error;
}

static void ignore_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct exec_session *session = handle->data;

	session->closing--;
}

static void finish(struct exec_session *session)
{
	static const struct stream_handlers nobody = {.closed = ignore_closed};

	terminal_restore();
	uv_timer_stop(&session->agent->timer);
	/* A stream that outlives its patience: nobody is left to hear of it. */
	if (session->stream)
		stream_set_handlers(session->stream, &nobody, NULL);
	fd_source_free(session->input);
	fd_sink_free(session->output[0].sink);
	fd_sink_free(session->output[1].sink);
	if (!session->listens)
		return;
	for (size_t i = 0; i < FORWARDED; i++)
		uv_close((uv_handle_t *)&session->signals[i], on_handle_closed);
	uv_close((uv_handle_t *)&session->resized, on_handle_closed);
	/* They live in this frame. */
	session->closing = FORWARDED + 1;
	while (session->closing > 0)
		uv_run(&session->agent->loop, UV_RUN_ONCE);
}

int exec_session_run(struct agent *agent, const struct exec_request *request)
{
	struct exec_session session = {.agent = agent, .request = request, .status = -1};
	int error = begin(&session);

	if (error) {
		log_error("%s: cannot run a command: %s", agent->vm, error_text(error));
		session.status = EXEC_FAILED;
	} else {
		agent_wait(agent, &session.done);
	}
	finish(&session);
	return session.status;
}
