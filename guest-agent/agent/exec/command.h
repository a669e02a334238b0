/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command - what an exec request asks to be run: arguments, environment, places to look
 */
#ifndef LODGE_AGENT_EXEC_COMMAND_H
#define LODGE_AGENT_EXEC_COMMAND_H

#include "guest-agent/agent/exec/account.h"
#include "protocol/message.h"

struct command {
	char **argv;	    /* NULL-terminated, as are the others */
	char **environment; /* "NAME=value" */
	char **candidates;  /* paths of the program, to be tried in turn */
	char *directory;
	bool directory_given; /* else another one will do where it does not exist */
};

/**
 * command_parse() - from the wire to what execve(2) takes
 * @params:	the request
 * @account:	who will run it: the environment is as after his login
 * @command:	set on success; give back with command_clear()
 * @text:	on failure, words for people
 *
 * Return: 0; -EBADMSG, -EINVAL, -ENOMEM.
 */
int command_parse(const struct exec_params *params, const struct account *account,
		  struct command *command, const char **text);
void command_clear(struct command *command);

#endif
