/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command - one command of lodge-guest; all are in the table of commands.c
 */
#ifndef LODGE_TOOLBOX_COMMAND_H
#define LODGE_TOOLBOX_COMMAND_H

#include <stdbool.h>

struct command {
	const char *name;
	const char *summary;
	const char *help;    /* what more there is to say; may be NULL */
	const char *operand; /* what is to be given; NULL: nothing */
	/* Return: exit status of the program. */
	int (*run)(bool json);
	int (*run_on)(const char *operand, bool json); /* in place of it, with an operand */
};

extern const struct command *const commands[]; /* NULL-terminated */
extern const struct command command_info, command_memory, command_shares, command_status,
	command_watch;

#endif
