/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-guest - the guest's command line (lodge-guest(1))
 */
#include "guest-agent/toolbox/command.h"
#include "protocol/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

static void usage(FILE *file)
{
	fprintf(file, "Usage: lodge-guest COMMAND [PATH] [--json]\n"
		      "What this guest knows of itself and of its host.\n\n"
		      "Commands:\n");
	for (const struct command *const *command = commands; *command; command++)
		fprintf(file, "  %-8s %s\n", (*command)->name, (*command)->summary);
	fprintf(file, "\n  --json     print for programs\n"
		      "  --version  show the version\n"
		      "  --help     show this, or more on a command\n\n"
		      "Exit status: 0 fine, 1 failure, 2 wrong use.\n");
}

static void command_usage(const struct command *command)
{
	printf("Usage: lodge-guest %s%s%s [--json]\n%s\n", command->name,
	       command->operand ? " " : "", command->operand ? command->operand : "",
	       command->summary);
	if (command->help)
		printf("%s\n", command->help);
}

static const struct command *find(const char *name)
{
	for (const struct command *const *command = commands; *command; command++) {
		if (strcmp((*command)->name, name) == 0)
			return *command;
	}
	return NULL;
}

static int run(const struct command *command, int argc, char **argv)
{
	const char *operand = NULL;
	bool json = false;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (strcmp(argv[i], "--help") == 0) {
			command_usage(command);
			return EXIT_SUCCESS;
		} else if (command->operand && !operand && argv[i][0] != '-') {
			operand = argv[i];
		} else {
			log_error("%s: unknown argument \"%s\": see lodge-guest %s --help",
				  command->name, argv[i], command->name);
			return EXIT_USAGE;
		}
	}
	if (!command->operand)
		return command->run(json);
	if (operand)
		return command->run_on(operand, json);
	log_error("%s: %s is needed: see lodge-guest %s --help", command->name, command->operand,
		  command->name);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const struct command *command;

	log_setup("lodge-guest", LOG_LEVEL_INFO);
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("lodge-guest %s\n", LODGE_VERSION);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	command = find(argv[1]);
	if (!command) {
		log_error("there is no command \"%s\": see lodge-guest --help", argv[1]);
		return EXIT_USAGE;
	}
	return run(command, argc - 2, argv + 2);
}
