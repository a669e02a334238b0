/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options - lodge-web's command line, as --help describes it */
#ifndef LODGE_WEB_OPTIONS_H
#define LODGE_WEB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum web_exit_status {
	WEB_EXIT_ENDED = 0,
	WEB_EXIT_FAILED = 1,
	WEB_EXIT_USAGE = 2,
};

struct web_options {
	int listen_fd, lodged_fd, token_fd;
	bool sandbox, help, version;
};

extern const char web_options_help[];

/* Return: 0; -EINVAL with one line for people in @error. */
int web_options_parse(int count, char *const words[], struct web_options *options, char *error,
		      size_t error_size);

#endif
