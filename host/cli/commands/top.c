/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/top/live.h"
#include "protocol/base/bytes.h"

#include <string.h>
#include <unistd.h>

#define SECOND_MS 1000
/* Where the output is no terminal: what is read by programs needs all columns. */
#define PLAIN_COLUMNS 200

static const struct {
	const char *name;
	enum snapshot_order order;
} orders[] = {
	{"name", SNAPSHOT_BY_NAME},
	{"cpu", SNAPSHOT_BY_CPU},
	{"memory", SNAPSHOT_BY_MEMORY},
	{"pressure", SNAPSHOT_BY_PRESSURE},
};

static bool find_order(const char *name, enum snapshot_order *order)
{
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		if (strcmp(orders[i].name, name) == 0) {
			*order = orders[i].order;
			return true;
		}
	}
	return false;
}

static int run_top(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	struct view_look look = {.columns = PLAIN_COLUMNS};
	const char *sort = "name", *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	uint64_t delay = 1;
	bool once = false;
	const struct option_spec specs[] = {
		{"delay", 'd', OPTION_NUMBER, "SECONDS", "between two looks (1)", &delay, 1, 3600},
		{"once", '1', OPTION_FLAG, NULL, "one table, as without a terminal", &once, 0, 0},
		{"sort", 's', OPTION_TEXT, "WHAT", "name, cpu, memory or pressure (name)", &sort, 0,
		 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (!find_order(sort, &look.order))
		return options_wrong(command, "--sort is name, cpu, memory or pressure, not '%s'",
				     sort);
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	once |= !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
		(term && strcmp(term, "dumb") == 0);
	look.color = !once && !(no_color && *no_color);
	if (once)
		status = live_once(&client, &look, SECOND_MS);
	else
		status = live_run(&client, &look, (int)delay * SECOND_MS);
	return status ? EXIT_FAILED : EXIT_DONE;
}

const struct command command_top = {
	.name = "top",
	.operands = "",
	.summary = "Watch what VMs use: processors, memory, disks, network",
	.description =
		"In a bar of memory '#' is what the guest works with, '=' what else it has, '.'\n"
		"what it could get; '|' is where it is to be. PRESS is the part of its time that\n"
		"it waits for memory. q quits, n, c, m and p order the VMs by name, CPU, memory\n"
		"and pressure, arrows move. Where there is no terminal: one table of one second.\n",
	.run = run_top,
};
