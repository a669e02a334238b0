/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "protocol/base/log.h"

static int run_help(const struct command *command, int argc, char **argv)
{
	const struct command *about;
	char *arguments[] = {NULL, "--help", NULL};
	int status;

	if (!options_parse(command, NULL, 0, &argc, &argv, &status))
		return status;
	if (argc == 0) {
		command_list();
		return EXIT_DONE;
	}
	about = command_find(argv[0]);
	if (!about)
		return options_wrong(command, "there is no command '%s'", argv[0]);
	arguments[0] = argv[0];
	return about->run(about, 2, arguments);
}

const struct command command_help = {
	.name = "help",
	.operands = "[COMMAND]",
	.summary = "What the commands are, or one of them in detail",
	.operands_max = 1,
	.run = run_help,
};
