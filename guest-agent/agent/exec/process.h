/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process - one exec request: a program, its standard files, its end
 *
 * Answered when the program has exited and all it wrote is on its way. Whoever it left in the
 * background may hold its output open: GRACE_MS after the exit what is in the pipes then is sent,
 * and the pipes are closed. Cancel or loss of the request closes them at once and kills the
 * process group (SIGKILL).
 */
#ifndef LODGE_AGENT_EXEC_PROCESS_H
#define LODGE_AGENT_EXEC_PROCESS_H

#include "guest-agent/agent/exec/account.h"
#include "guest-agent/agent/exec/command.h"
#include "protocol/session.h"

#include <uv.h>

struct process;

/* Whoever keeps the list of processes. */
struct process_owner {
	uv_loop_t *loop;
	size_t count;	      /* of processes that are not gone */
	bool reset_oom_score; /* see spawn.h */
	/* @process is no more. */
	void (*gone)(struct process_owner *owner, struct process *process);
};

/**
 * process_start() - run @command and take up @stream
 *
 * Return: the process; NULL: @stream was failed.
 */
struct process *process_start(struct process_owner *owner, struct stream *stream,
			      const struct exec_params *params, const struct command *command,
			      const struct account *account);

/* A child has exited, maybe this one. */
void process_check(struct process *process);

/* Kill the group and forget the request; `gone` follows. */
void process_abandon(struct process *process);

#endif
