/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec: runs programs for the host.
 */
#include "guest-agent/agent/exec/process.h"
#include "guest-agent/agent/service.h"
#include "guest-agent/system/store.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROCESSES_MAX 64

struct exec {
	struct process_owner owner;
	struct process *processes[PROCESSES_MAX]; /* NULL: free */
	uv_signal_t child;			  /* SIGCHLD */
	bool stopped;				  /* and the signal is released */
};

static void maybe_free(struct exec *exec)
{
	if (exec->stopped && exec->owner.count == 0)
		free(exec);
}

static void on_gone(struct process_owner *owner, struct process *process)
{
	struct exec *exec = CONTAINER_OF(owner, struct exec, owner);

	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		if (exec->processes[i] == process)
			exec->processes[i] = NULL;
	}
	maybe_free(exec);
}

static void on_child(uv_signal_t *signal, int number)
{
	struct exec *exec = signal->data;

	(void)number;
	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		if (exec->processes[i])
			process_check(exec->processes[i]);
	}
}

/* A service manager may have protected the agent; what it runs shall not be. */
static bool has_oom_score(void)
{
	char text[16];

	return read_line("/proc/self/oom_score_adj", text, sizeof(text)) > 0 &&
	       strcmp(text, "0") != 0;
}

static int exec_start(const struct service_context *context, void **state)
{
	struct exec *exec = calloc(1, sizeof(*exec));
	int error;

	if (!exec)
		return -ENOMEM;
	exec->owner = (struct process_owner){.loop = context->loop, .gone = on_gone};
	exec->owner.reset_oom_score = has_oom_score();
	exec->child.data = exec;
	error = uv_signal_init(context->loop, &exec->child);
	if (!error)
		error = uv_signal_start(&exec->child, on_child, SIGCHLD);
	if (error) {
		free(exec);
		return error;
	}
	*state = exec;
	return 0;
}

static void on_released(uv_handle_t *signal)
{
	struct exec *exec = signal->data;

	exec->stopped = true;
	maybe_free(exec);
}

static void exec_stop(void *state)
{
	struct exec *exec = state;

	uv_close((uv_handle_t *)&exec->child, on_released);
	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		if (exec->processes[i])
			process_abandon(exec->processes[i]);
	}
}

static int find_account(const struct exec_params *params, struct account *account)
{
	char name[MESSAGE_NAME_MAX + 1] = "root";

	if (params->user.length >= sizeof(name))
		return -ENOENT;
	if (params->user.length > 0)
		snprintf(name, sizeof(name), "%.*s", (int)params->user.length,
			 (const char *)params->user.bytes);
	return account_find("/etc/passwd", "/etc/group", name, account);
}

static void exec_run(struct exec *exec, struct stream *stream, const struct exec_params *params)
{
	struct account account;
	struct command command;
	const char *text;
	char words[320];
	int error = find_account(params, &account);
	size_t slot = 0;

	if (error) {
		snprintf(words, sizeof(words), "exec: cannot look up user %.*s in /etc/passwd: %s",
			 (int)MIN(params->user.length, 64U), (const char *)params->user.bytes,
			 error == -ENOENT ? "there is none" : error_text(error));
		/* ENOENT is for a program that is not there. */
		stream_fail(stream, error == -ENOENT ? EINVAL : error, words);
		return;
	}
	error = command_parse(params, &account, &command, &text);
	if (error) {
		account_clear(&account);
		stream_fail(stream, error, text);
		return;
	}
	while (exec->processes[slot])
		slot++;
	exec->processes[slot] = process_start(&exec->owner, stream, params, &command, &account);
	command_clear(&command);
	account_clear(&account);
}

static void exec_call(void *state, struct stream *stream, struct slice params)
{
	struct exec *exec = state;
	struct exec_params want;

	if (message_decode(&message_exec_params, params, &want) < 0)
		stream_fail(stream, EBADMSG, "exec: malformed parameters");
	else if (exec->owner.count >= PROCESSES_MAX)
		stream_fail(stream, EAGAIN, "exec: too many programs are running for the host");
	else
		exec_run(exec, stream, &want);
}

const struct service service_exec = {
	.name = "exec",
	.summary = "runs programs",
	.start = exec_start,
	.stop = exec_stop,
	.methods = (const struct service_method[]){{"exec", exec_call}, {NULL, NULL}},
};
