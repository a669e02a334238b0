/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command - a sub-command of lodge
 *
 * Each is one file in commands/ and one line in the table of commands.c.
 */
#ifndef LODGE_CLI_COMMAND_H
#define LODGE_CLI_COMMAND_H

#include <stddef.h>

/* Exit statuses of lodge itself; `run` and `exec` pass on others (see lodge(1)). */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

struct command {
	const char *name;
	const char *operands;	 /* behind the options, for the usage line: "VM [-- COMMAND...]" */
	const char *summary;	 /* one line, no full stop */
	const char *description; /* paragraphs for --help; lines end in \n */
	int operands_min, operands_max; /* -1: any number */
	int options_end;  /* so many operands end the options; 0: options go anywhere */
	int usage_status; /* exit status of wrong usage; 0: EXIT_USAGE */

	/* @argv[0] is the command's name. Return: the exit status. */
	int (*run)(const struct command *command, int argc, char **argv);
};

/* All commands, in the order of the help text; ends with NULL. */
extern const struct command *const commands[];

/* Return: the command of that name, or NULL. */
const struct command *command_find(const char *name);

/* The command whose name is most like @name (of equals, one with its first letter), or NULL if none
 * is. */
const struct command *command_suggest(const char *name);

/* Prints what `lodge help` prints. */
void command_list(void);

extern const struct command command_attach;
extern const struct command command_clipboard;
extern const struct command command_console;
extern const struct command command_cp;
extern const struct command command_display;
extern const struct command command_doctor;
extern const struct command command_exec;
extern const struct command command_help;
extern const struct command command_info;
extern const struct command command_key;
extern const struct command command_kill;
extern const struct command command_ls;
extern const struct command command_memory;
extern const struct command command_mount;
extern const struct command command_pause;
extern const struct command command_ping;
extern const struct command command_reboot;
extern const struct command command_resume;
extern const struct command command_run;
extern const struct command command_screen;
extern const struct command command_send;
extern const struct command command_share;
extern const struct command command_shell;
extern const struct command command_stop;
extern const struct command command_top;
extern const struct command command_type;
extern const struct command command_umount;
extern const struct command command_version;
extern const struct command command_view;
extern const struct command command_web;

#endif
