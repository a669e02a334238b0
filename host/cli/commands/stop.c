/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/vm_command.h"
#include "protocol/base/bytes.h"

static int run_stop(const struct command *command, int argc, char **argv)
{
	uint64_t seconds = 60;
	const struct option_spec specs[] = {
		{"timeout", 0, OPTION_NUMBER, "SECONDS", "how long the guest may take (60)",
		 &seconds, 1, 86400},
	};
	dbus_uint32_t timeout_ms;
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	timeout_ms = (dbus_uint32_t)(seconds * 1000);
	return vm_command_each(argv, argc, "Stop", &timeout_ms, "stopped");
}

const struct command command_stop = {
	.name = "stop",
	.operands = "VM...",
	.summary = "Ask the guest to power off, and wait until it has",
	.description = "A guest that does not in time is left as it is, and the command fails;\n"
		       "'lodge kill' ends it then.\n",
	.operands_min = 1,
	.operands_max = -1,
	.run = run_stop,
};
