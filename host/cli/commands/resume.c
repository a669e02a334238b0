/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/vm_command.h"

static int run_resume(const struct command *command, int argc, char **argv)
{
	int status;

	if (!options_parse(command, NULL, 0, &argc, &argv, &status))
		return status;
	return vm_command_each(argv, argc, "Resume", NULL, "goes on");
}

const struct command command_resume = {
	.name = "resume",
	.operands = "VM...",
	.summary = "Let a paused VM go on",
	.description = "",
	.operands_min = 1,
	.operands_max = -1,
	.run = run_resume,
};
