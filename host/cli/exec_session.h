/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec_session - a command in the guest, with this program's input, output and signals
 *
 * Input is read no faster than the guest takes it, and output is taken no faster than it can be
 * written here. SIGINT, SIGTERM, SIGHUP and SIGQUIT go to the command once that has started, and
 * end this program before; when it ends, so does the command.
 */
#ifndef LODGE_CLI_EXEC_SESSION_H
#define LODGE_CLI_EXEC_SESSION_H

#include "host/cli/agent_client.h"

#include <stdbool.h>

/* Exit statuses of exec itself, as env(1) and its kin have them. */
enum exec_status {
	EXEC_FAILED = 125,	   /* not the command's doing */
	EXEC_NOT_EXECUTABLE = 126, /* found, cannot be run */
	EXEC_NOT_FOUND = 127,
	EXEC_SIGNALLED = 128, /* and the signal's number */
};

struct exec_request {
	char *const *argv; /* of argc */
	size_t argc;
	const char *const *environment; /* "NAME=value", of environment_count */
	size_t environment_count;
	const char *directory, *user; /* or NULL */
	bool input;		      /* pass standard input on */
	bool terminal;
	bool shell; /* no argv: the login shell */
};

/* Return: the exit status of the command, or one of enum exec_status after an error was printed. */
int exec_session_run(struct agent *agent, const struct exec_request *request);

#endif
