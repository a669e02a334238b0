/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program - what the daemons of the guest have in common: options, services to do without, signals
 */
#ifndef LODGE_GUEST_COMMON_PROGRAM_H
#define LODGE_GUEST_COMMON_PROGRAM_H

#include "guest-agent/common/service.h"

#include <getopt.h>
#include <uv.h>

#define PROGRAM_EXIT_USAGE 2

/* What program_parse() takes care of: to be among a program's options. Lower case letters are its
 * own. */
#define PROGRAM_OPTIONS                                                                            \
	{"disable", required_argument, NULL, 'D'}, {"version", no_argument, NULL, 'V'},            \
		{"help", no_argument, NULL, 'H'},                                                  \
	{                                                                                          \
		0                                                                                  \
	}

struct program_command_line {
	const char *name;
	const char *usage;	      /* all of it, up to the services */
	const char *exit_status;      /* the last line */
	const struct option *options; /* ends with PROGRAM_OPTIONS */
	const struct service *const *services;
	/* Another option than those. */
	void (*take)(void *owner, int option, char *argument);
	void *owner;
	const char *disabled[SERVICES_MAX + 1]; /* set: names, NULL-terminated */
};

/* Return: -1: go on; else the exit status, and all has been said. */
int program_parse(struct program_command_line *line, int argc, char **argv);

#define PROGRAM_SIGNALS 3

/* SIGTERM, SIGINT and SIGHUP stop the loop. */
void program_watch_signals(uv_loop_t *loop, uv_signal_t signals[static PROGRAM_SIGNALS]);

/* Their memory is the caller's again when the loop has run on. */
void program_ignore_signals(uv_signal_t signals[static PROGRAM_SIGNALS]);

/* At the end: lets handles go that were closed, and the loop after them. Nothing is waited for: a
 * loop in which work is still under way stays as it is. */
void program_close_loop(uv_loop_t *loop);

#endif
