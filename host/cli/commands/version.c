/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"

#include <stdio.h>

static int run_version(const struct command *command, int argc, char **argv)
{
	int status;

	if (!options_parse(command, NULL, 0, &argc, &argv, &status))
		return status;
	printf("lodge %s\n", LODGE_VERSION);
	return EXIT_DONE;
}

const struct command command_version = {
	.name = "version",
	.operands = "",
	.summary = "Which lodge this is",
	.run = run_version,
};
