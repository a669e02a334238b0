/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/exec/process.h"
#include "guest-agent/agent/exec/input.h"
#include "guest-agent/agent/exec/output.h"
#include "guest-agent/agent/exec/spawn.h"
#include "guest-agent/agent/exec/terminal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define GRACE_MS 500
#define OUTPUTS	 2

struct process {
	struct process_owner *owner;
	struct stream *stream; /* NULL: answered or gone */
	pid_t pid;	       /* 0: not started, or waited for */
	bool exited;
	struct exec_result result;
	struct input input;
	struct output outputs[OUTPUTS];
	int terminal; /* our side, held by the first output; negative: none */
	uv_timer_t grace;
	unsigned int handles; /* that the loop has not let go */
};

static void maybe_free(struct process *process)
{
	if (process->handles > 0 || process->stream || process->pid > 0)
		return;
	process->owner->count--;
	process->owner->gone(process->owner, process);
	free(process);
}

static void let_go_of_handle(struct process *process)
{
	process->handles--;
	maybe_free(process);
}

static void input_released(struct input *input)
{
	let_go_of_handle(CONTAINER_OF(input, struct process, input));
}

static void output_released(struct output *output)
{
	let_go_of_handle(output->owner);
}

static void grace_released(uv_handle_t *timer)
{
	let_go_of_handle(timer->data);
}

static void close_files(struct process *process)
{
	input_close(&process->input);
	for (int i = 0; i < OUTPUTS; i++)
		output_close(&process->outputs[i]);
	process->terminal = -EBADF;
	if (!uv_is_closing((uv_handle_t *)&process->grace))
		uv_close((uv_handle_t *)&process->grace, grace_released);
}

/* The id of a child stays taken, and with it the group's, until it is waited for. */
static void reap(struct process *process)
{
	if (process->pid > 0)
		waitpid(process->pid, NULL, WNOHANG);
	process->pid = 0;
}

static void maybe_reply(struct process *process)
{
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct stream *stream = process->stream;

	if (!stream || !process->exited)
		return;
	for (int i = 0; i < OUTPUTS; i++) {
		if (process->outputs[i].fd >= 0)
			return;
	}
	process->stream = NULL;
	message_encode(&message_exec_result, &process->result, &writer);
	stream_reply(stream, cbor_written(&writer));
	close_files(process);
	reap(process);
}

static void output_ended(struct output *output)
{
	struct process *process = output->owner;
	const unsigned int channel = output->channel;

	output_close(output);
	if (channel == 1)
		process->terminal = -EBADF;
	if (!process->stream)
		return;
	stream_end(process->stream, channel);
	/* Most programs end with their output: what is there already needs no turn of its own. */
	for (int i = 0; i < OUTPUTS; i++)
		output_move(&process->outputs[i]);
	process_check(process);
	maybe_reply(process);
}

static void on_grace(uv_timer_t *timer)
{
	struct process *process = timer->data;

	for (int i = 0; i < OUTPUTS; i++)
		output_limit(&process->outputs[i]);
}

void process_check(struct process *process)
{
	siginfo_t info = {0};

	if (process->exited || process->pid <= 0 ||
	    waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    info.si_pid == 0)
		return;
	process->exited = true;
	if (info.si_code == CLD_EXITED)
		process->result.status = (uint64_t)info.si_status;
	else
		process->result.signal = (uint64_t)info.si_status;
	if (!process->stream) {
		reap(process);
		maybe_free(process);
		return;
	}
	uv_timer_start(&process->grace, on_grace, GRACE_MS, 0);
	for (int i = 0; i < OUTPUTS; i++)
		output_move(&process->outputs[i]);
	maybe_reply(process);
}

static void kill_group(struct process *process)
{
	close_files(process);
	if (process->pid > 0) {
		kill(-process->pid, SIGKILL);
		if (process->exited)
			reap(process);
	}
}

void process_abandon(struct process *process)
{
	process->stream = NULL;
	kill_group(process);
	/* The agent ends: who is not dead yet is left to init. */
	reap(process);
}

static void on_cancelled(struct stream *stream, void *owner)
{
	struct process *process = owner;

	stream_fail(stream, ECANCELED, NULL);
	process->stream = NULL;
	kill_group(process);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct process *process = owner;

	(void)stream;
	(void)result;
	process->stream = NULL;
	kill_group(process);
}

/* With a terminal, who is in its foreground is meant. */
static void send_signal(struct process *process, uint64_t number)
{
	pid_t group = process->pid;

	if (number == 0 || number >= NSIG || process->pid <= 0 || process->exited)
		return;
	if (process->terminal >= 0 && ioctl(process->terminal, TIOCGPGRP, &group) < 0)
		group = process->pid;
	if (group > 1)
		kill(-group, (int)number);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct process *process = owner;
	struct exec_signal which;
	struct exec_size size;

	(void)stream;
	if (slice_is(name, "signal") && message_decode(&message_exec_signal, params, &which) == 0)
		send_signal(process, which.number);
	else if (slice_is(name, "resize") && process->terminal >= 0 &&
		 message_decode(&message_exec_size, params, &size) == 0)
		terminal_resize(process->terminal, size.rows, size.columns);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct process *process = owner;

	if (channel == 0)
		input_put(&process->input, bytes);
	else
		stream_consumed(stream, channel, bytes.length);
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct process *process = owner;

	(void)stream;
	if (channel == 0)
		input_end(&process->input);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct process *process = owner;

	(void)stream;
	(void)bytes;
	if (channel >= 1 && channel <= OUTPUTS)
		output_move(&process->outputs[channel - 1]);
}

static const struct stream_handlers stream_handlers = {
	.message = on_message,
	.data = on_data,
	.end = on_end,
	.credit = on_credit,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

static int add_input(struct process *process, int *fd)
{
	int error = input_open(&process->input, process->owner->loop, *fd);

	if (error)
		return error;
	take_fd(fd);
	process->handles++;
	return 0;
}

static int add_output(struct process *process, unsigned int channel, int *fd)
{
	int error = output_open(&process->outputs[channel - 1], process->owner->loop, *fd);

	if (error)
		return error;
	take_fd(fd);
	process->handles++;
	return 0;
}

/* The program's side of each pipe goes to @theirs, ours to the input or an output. */
static int open_pipe(struct process *process, unsigned int channel, int theirs[3])
{
	int ends[2], error;
	const int ours = channel == 0 ? 1 : 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	theirs[channel] = ends[1 - ours];
	error = channel == 0 ? add_input(process, &ends[ours])
			     : add_output(process, channel, &ends[ours]);
	if (error)
		close(ends[ours]);
	return error;
}

static int open_terminal(struct process *process, const struct exec_params *params, uid_t uid,
			 int theirs[3])
{
	_cleanup_close_ int ours = -EBADF;
	_cleanup_close_ int again = -EBADF;
	int error = terminal_open(uid, &ours, &theirs[0]);

	if (error)
		return error;
	if (params->rows && params->columns)
		terminal_resize(ours, params->rows, params->columns);
	/* Two handles of the loop cannot share a descriptor. */
	again = fcntl(ours, F_DUPFD_CLOEXEC, 3);
	theirs[1] = fcntl(theirs[0], F_DUPFD_CLOEXEC, 3);
	theirs[2] = fcntl(theirs[0], F_DUPFD_CLOEXEC, 3);
	if (again < 0 || theirs[1] < 0 || theirs[2] < 0)
		return -errno;
	process->input.terminal = true;
	process->terminal = ours;
	error = add_output(process, 1, &ours);
	return error ? error : add_input(process, &again);
}

static int open_files(struct process *process, const struct exec_params *params, uid_t uid,
		      int theirs[3])
{
	int error = 0;

	if (params->terminal)
		return open_terminal(process, params, uid, theirs);
	if (params->stdin_open)
		error = open_pipe(process, 0, theirs);
	else
		theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!error && theirs[0] < 0)
		error = -errno;
	if (!error)
		error = open_pipe(process, 1, theirs);
	return error ? error : open_pipe(process, 2, theirs);
}

static struct process *process_new(struct process_owner *owner, struct stream *stream)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->owner = owner;
	owner->count++;
	process->stream = stream;
	process->terminal = -EBADF;
	process->input.fd = -EBADF;
	process->input.stream = stream;
	process->input.released = input_released;
	for (unsigned int i = 0; i < OUTPUTS; i++) {
		struct output *output = &process->outputs[i];

		output->fd = -EBADF;
		output->stream = stream;
		output->channel = i + 1;
		output->owner = process;
		output->ended = output_ended;
		output->released = output_released;
	}
	uv_timer_init(owner->loop, &process->grace);
	process->grace.data = process;
	process->handles = 1;
	return process;
}

static int start(struct process *process, const struct exec_params *params,
		 const struct command *command, const struct account *account, const char **failed)
{
	int theirs[3] = {-EBADF, -EBADF, -EBADF};
	struct spawn spawn = {.command = command, .account = account, .terminal = params->terminal};
	int error = open_files(process, params, account->uid, theirs);

	*failed = params->terminal ? "make a terminal" : "make pipes";
	if (!error) {
		memcpy(spawn.fds, theirs, sizeof(theirs));
		error = spawn_program(&spawn, &process->pid, failed);
		if (error)
			process->pid = 0;
	}
	for (int i = 0; i < 3; i++) {
		if (theirs[i] >= 0)
			close(theirs[i]);
	}
	return error;
}

static void say_started(struct process *process)
{
	const struct exec_started started = {.pid = (uint64_t)process->pid};
	uint8_t bytes[32];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_exec_started, &started, &writer);
	stream_message(process->stream, slice_of("started"), cbor_written(&writer));
}

struct process *process_start(struct process_owner *owner, struct stream *stream,
			      const struct exec_params *params, const struct command *command,
			      const struct account *account)
{
	struct process *process = process_new(owner, stream);
	const char *failed;
	char text[160];
	int error;

	if (!process) {
		stream_fail(stream, ENOMEM, NULL);
		return NULL;
	}
	error = start(process, params, command, account, &failed);
	if (error) {
		snprintf(text, sizeof(text), "cannot %s: %s", failed, error_text(error));
		stream_fail(stream, error, text);
		process->stream = NULL;
		close_files(process);
		return NULL;
	}
	stream_set_handlers(stream, &stream_handlers, process);
	say_started(process);
	return process;
}
