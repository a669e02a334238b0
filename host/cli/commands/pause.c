/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/vm_command.h"

static int run_pause(const struct command *command, int argc, char **argv)
{
	int status;

	if (!options_parse(command, NULL, 0, &argc, &argv, &status))
		return status;
	return vm_command_each(argv, argc, "Pause", NULL, "paused");
}

const struct command command_pause = {
	.name = "pause",
	.operands = "VM...",
	.summary = "Halt a VM where it is",
	.description = "It keeps its memory and takes no processor time until 'lodge resume'.\n",
	.operands_min = 1,
	.operands_max = -1,
	.run = run_pause,
};
