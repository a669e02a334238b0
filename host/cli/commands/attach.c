/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/vm_command.h"

static int run_attach(const struct command *command, int argc, char **argv)
{
	int status;

	if (!options_parse(command, NULL, 0, &argc, &argv, &status))
		return status;
	return vm_command_each(argv, argc, "AttachAgent", NULL,
			       "has a channel for the agent; lodge-agent in its guest finds it");
}

const struct command command_attach = {
	.name = "attach",
	.operands = "DOMAIN...",
	.summary = "Give a domain of libvirt a channel for Lodge's agent",
	.description =
		"The channel org.lodge.agent.0 is plugged in while the domain runs, and stays\n"
		"in its definition. lodge-agent has to be installed in the guest.\n",
	.operands_min = 1,
	.operands_max = -1,
	.run = run_attach,
};
