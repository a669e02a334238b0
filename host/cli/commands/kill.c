/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/vm_command.h"

static int run_kill(const struct command *command, int argc, char **argv)
{
	int status;

	if (!options_parse(command, NULL, 0, &argc, &argv, &status))
		return status;
	return vm_command_each(argv, argc, "Kill", NULL, "killed");
}

const struct command command_kill = {
	.name = "kill",
	.operands = "VM...",
	.summary = "End a VM at once, as if its power had failed",
	.description =
		"The guest is not asked; what it has not written is lost. See 'lodge stop'.\n",
	.operands_min = 1,
	.operands_max = -1,
	.run = run_kill,
};
