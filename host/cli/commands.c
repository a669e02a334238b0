/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/command.h"
#include "protocol/base/bytes.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {
	&command_run,
	&command_ls,
	&command_top,
	&command_memory,
	&command_web,
	&command_info,
	&command_console,
	&command_exec,
	&command_shell,
	&command_cp,
	&command_share,
	&command_mount,
	&command_umount,
	&command_view,
	&command_screen,
	&command_display,
	&command_type,
	&command_key,
	&command_clipboard,
	&command_send,
	&command_stop,
	&command_kill,
	&command_reboot,
	&command_pause,
	&command_resume,
	&command_attach,
	&command_ping,
	&command_doctor,
	&command_help,
	&command_version,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

#define WORD_MAX 32

/* How many letters must be added, taken away, changed or swapped to make one word the other. */
static unsigned int distance(const char *from, const char *to)
{
	unsigned int row[3][WORD_MAX + 1];
	size_t columns = strlen(to);

	for (size_t j = 0; j <= columns; j++)
		row[0][j] = (unsigned int)j;
	for (size_t i = 1; from[i - 1]; i++) {
		unsigned int *now = row[i % 3], *above = row[(i + 2) % 3];
		const unsigned int *before = row[(i + 1) % 3];

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= columns; j++) {
			unsigned int change = above[j - 1] + (from[i - 1] != to[j - 1]);

			now[j] = MIN(MIN(above[j], now[j - 1]) + 1, change);
			if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
				now[j] = MIN(now[j], before[j - 2] + 1);
		}
	}
	return row[strlen(from) % 3][columns];
}

const struct command *command_suggest(const char *name)
{
	const struct command *best = NULL;
	unsigned int best_distance = 3;

	if (strlen(name) > WORD_MAX)
		return NULL;
	for (size_t i = 0; commands[i]; i++) {
		unsigned int d = distance(name, commands[i]->name);
		bool nearer = d < best_distance ||
			      (best && d == best_distance && best->name[0] != name[0] &&
			       commands[i]->name[0] == name[0]);

		/* Two letters of "ls" are all of it. */
		if (nearer && 2 * d <= strlen(commands[i]->name)) {
			best = commands[i];
			best_distance = d;
		}
	}
	return best;
}

void command_list(void)
{
	printf("Usage: lodge COMMAND [OPTIONS] [ARGUMENTS]\n\n"
	       "Runs virtual machines, and sees and drives what is inside.\n\n");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n'lodge COMMAND --help' tells more about one. lodge(1) is the manual.\n");
}
