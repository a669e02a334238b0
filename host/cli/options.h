/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options - a command's options: one table is parsed and is also its help text
 */
#ifndef LODGE_CLI_OPTIONS_H
#define LODGE_CLI_OPTIONS_H

#include "host/cli/command.h"

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
	OPTION_FLAG,   /* bool *: becomes true */
	OPTION_TEXT,   /* const char **: the last one given */
	OPTION_LIST,   /* struct option_list *: all of them */
	OPTION_NUMBER, /* uint64_t *: within min and max */
	OPTION_SIZE,   /* uint64_t *: bytes, such as 512M */
};

#define OPTION_LIST_MAX 64

struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t count;
};

struct option_spec {
	const char *name; /* without the dashes */
	char letter;	  /* or 0 */
	enum option_kind kind;
	const char *argument; /* what stands for the value in the help; NULL for flags */
	const char *summary;
	void *value;
	uint64_t min, max;
};

#define OPTIONS_MAX 24

/**
 * options_parse() - take the options out of a command line; print errors and help
 * @specs:	at most OPTIONS_MAX; their values are set as given, others are left alone
 * @argc, @argv:	as the command got them; become the operands alone (what follows "--" is
 * one)
 * @status:	the exit status, when false is returned
 *
 * Return: true to go on; false when all is said: after --help, or after wrong usage.
 */
bool options_parse(const struct command *command, const struct option_spec *specs, size_t count,
		   int *argc, char ***argv, int *status);

/* Wrong usage that no table shows: prints "lodge COMMAND: text; see ..." and gives the status. */
int options_wrong(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
