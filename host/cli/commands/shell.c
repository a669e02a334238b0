/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/exec_session.h"
#include "host/cli/options.h"
#include "protocol/base/bytes.h"

static int run_shell(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_agent_ struct agent *agent = NULL;
	struct exec_request request = {.input = true, .terminal = true, .shell = true};
	const struct option_spec specs[] = {
		{"workdir", 'w', OPTION_TEXT, "DIR", "where it starts (its user's home)",
		 &request.directory, 0, 0},
		{"user", 'u', OPTION_TEXT, "USER", "as whom it runs (root)", &request.user, 0, 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (client_open(&client) < 0 || agent_open(client, argv[0], &agent) < 0)
		return EXEC_FAILED;
	return exec_session_run(agent, &request);
}

const struct command command_shell = {
	.name = "shell",
	.operands = "VM",
	.summary = "A shell in the guest",
	.description = "The user's login shell, on a terminal of the size of this one.\n"
		       "Exit statuses are those of 'lodge exec'.\n",
	.operands_min = 1,
	.operands_max = 1,
	.usage_status = EXEC_FAILED,
	.run = run_shell,
};
