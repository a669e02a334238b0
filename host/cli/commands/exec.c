/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/exec_session.h"
#include "host/cli/options.h"
#include "protocol/base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "-e NAME" passes on our own value; "-e NAME=value" is as it is. Return: NULL to leave it out. */
static char *environment_entry(const char *text)
{
	const char *value;
	char *entry;

	if (strchr(text, '='))
		return strdup(text);
	value = getenv(text);
	if (!value || asprintf(&entry, "%s=%s", text, value) < 0)
		return NULL;
	return entry;
}

static int run_on(const char *vm, struct exec_request *request)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_agent_ struct agent *agent = NULL;

	if (client_open(&client) < 0 || agent_open(client, vm, &agent) < 0)
		return EXEC_FAILED;
	return exec_session_run(agent, request);
}

static int run_exec(const struct command *command, int argc, char **argv)
{
	bool terminal = false, interactive = false, no_input = false;
	struct option_list variables = {.count = 0};
	struct exec_request request = {0};
	char *environment[OPTION_LIST_MAX] = {NULL};
	const struct option_spec specs[] = {
		{"tty", 't', OPTION_FLAG, NULL, "give it a terminal", &terminal, 0, 0},
		{"interactive", 'i', OPTION_FLAG, NULL, "pass standard input on (the default)",
		 &interactive, 0, 0},
		{"no-input", 'n', OPTION_FLAG, NULL, "its standard input is empty", &no_input, 0,
		 0},
		{"env", 'e', OPTION_LIST, "NAME[=VALUE]", "set a variable, or pass on yours",
		 &variables, 0, 0},
		{"workdir", 'w', OPTION_TEXT, "DIR", "where it starts (its user's home)",
		 &request.directory, 0, 0},
		{"user", 'u', OPTION_TEXT, "USER", "as whom it runs (root)", &request.user, 0, 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (interactive && no_input)
		return options_wrong(command, "-i and -n contradict each other");
	for (size_t i = 0; i < variables.count; i++) {
		char *entry = environment_entry(variables.items[i]);

		if (entry)
			environment[request.environment_count++] = entry;
	}
	request.argv = argv + 1;
	request.argc = (size_t)argc - 1;
	request.environment = (const char *const *)environment;
	request.terminal = terminal;
	request.input = !no_input;
	status = run_on(argv[0], &request);
	for (size_t i = 0; i < request.environment_count; i++)
		free(environment[i]);
	return status;
}

const struct command command_exec = {
	.name = "exec",
	.operands = "VM [--] COMMAND [ARGUMENT...]",
	.summary = "Run a command in the guest",
	.description =
		"Standard input, output and error stay apart, and the exit status is the "
		"command's:\n"
		"128 and the signal's number if one ended it, 127 if it was not found, 126 if it\n"
		"could not be run, 125 if anything else went wrong. SIGINT, SIGTERM, SIGHUP and\n"
		"SIGQUIT are passed on; the third of them gives up on it.\n"
		"The command is not given to a shell; for that: exec VM sh -c '...'.\n",
	.operands_min = 2,
	.operands_max = -1,
	.options_end = 2,
	.usage_status = EXEC_FAILED,
	.run = run_exec,
};
