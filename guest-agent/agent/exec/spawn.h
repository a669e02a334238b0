/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spawn - start a program in a session of its own
 *
 * The child shares the agent's memory until it runs the program (clone(2) with CLONE_VM and
 * CLONE_VFORK): nothing is copied, and the reason of a failure is simply left in a variable. So
 * the child does system calls only, and those for users by number: the C library's would change
 * all threads. The caller ignores no signal but SIGPIPE.
 */
#ifndef LODGE_AGENT_EXEC_SPAWN_H
#define LODGE_AGENT_EXEC_SPAWN_H

#include "guest-agent/agent/exec/account.h"
#include "guest-agent/agent/exec/command.h"

#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	const struct command *command;
	const struct account *account;
	int fds[3];	      /* become standard input, output, error; stay the caller's */
	bool terminal;	      /* fds[0] is one, and becomes the controlling terminal */
	bool reset_oom_score; /* the agent's own is not to be passed on */
};

/**
 * spawn_program() - start it: own session and process group, default signals, no other file open
 * @pid:	the child, to be waited for, also the id of its group
 * @failed:	on failure, what failed: "find the program", ...
 *
 * Return: 0 once the program runs; negative errno of the step that failed, no child left.
 */
int spawn_program(const struct spawn *spawn, pid_t *pid, const char **failed);

#endif
