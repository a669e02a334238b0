/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge - the command people type: runs VMs, and sees and drives what is inside
 */
#include "host/cli/command.h"
#include "protocol/base/log.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct command *command_of(const char *word)
{
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return &command_help;
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		return &command_version;
	return command_find(word);
}

int main(int argc, char **argv)
{
	const struct command *command, *similar;
	int status;

	log_setup("lodge", LOG_LEVEL_INFO);
	setlocale(LC_CTYPE, "");
	/* A reader that has gone shows as EPIPE. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		command_list();
		return EXIT_USAGE;
	}
	command = command_of(argv[1]);
	if (!command) {
		similar = command_suggest(argv[1]);
		log_error("there is no command '%s'%s%s%s; see 'lodge help'", argv[1],
			  similar ? ", did you mean '" : "", similar ? similar->name : "",
			  similar ? "'?" : "");
		return EXIT_USAGE;
	}
	status = command->run(command, argc - 1, argv + 1);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error("standard output cannot be written");
		if (status == EXIT_DONE)
			status = EXIT_FAILED;
	}
	return status;
}
