/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/common/program.h"

#include "protocol/base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define CLOSING_TURNS 10

static void print_help(const struct program_command_line *line)
{
	printf("%s"
	       "  --disable NAME  do without a service; may be repeated\n"
	       "  --version       show the version\n"
	       "  --help          show this\n\n"
	       "Services:\n",
	       line->usage);
	for (const struct service *const *service = line->services; *service; service++)
		printf("  %-10s %s\n", (*service)->name, (*service)->summary);
	printf("\n%s\n", line->exit_status);
}

/* Each is kept once, so there is room for all. */
static bool disable(struct program_command_line *line, const char *name)
{
	const struct service *service = service_find(line->services, name);
	size_t place = 0;

	if (!service) {
		log_error("there is no service \"%s\" to disable: see --help", name);
		return false;
	}
	while (line->disabled[place] && line->disabled[place] != service->name)
		place++;
	line->disabled[place] = service->name;
	return true;
}

int program_parse(struct program_command_line *line, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", line->options, NULL)) != -1) {
		switch (option) {
		case 'D':
			if (!disable(line, optarg))
				return PROGRAM_EXIT_USAGE;
			break;
		case 'V':
			printf("%s %s\n", line->name, LODGE_VERSION);
			return EXIT_SUCCESS;
		case 'H':
			print_help(line);
			return EXIT_SUCCESS;
		case '?':
			return PROGRAM_EXIT_USAGE; /* getopt_long() has said why */
		default:
			line->take(line->owner, option, optarg);
		}
	}
	if (optind < argc) {
		log_error("unknown argument \"%s\": see --help", argv[optind]);
		return PROGRAM_EXIT_USAGE;
	}
	return -1;
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	uv_stop(signal->loop);
}

void program_watch_signals(uv_loop_t *loop, uv_signal_t signals[static PROGRAM_SIGNALS])
{
	static const int numbers[PROGRAM_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < PROGRAM_SIGNALS; i++) {
		uv_signal_init(loop, &signals[i]);
		uv_signal_start(&signals[i], on_signal, numbers[i]);
	}
}

void program_ignore_signals(uv_signal_t signals[static PROGRAM_SIGNALS])
{
	for (size_t i = 0; i < PROGRAM_SIGNALS; i++)
		uv_close((uv_handle_t *)&signals[i], NULL);
}

void program_close_loop(uv_loop_t *loop)
{
	/* What was closed may close more. */
	for (unsigned int turns = 0; turns < CLOSING_TURNS && uv_loop_alive(loop); turns++)
		uv_run(loop, UV_RUN_NOWAIT);
	if (uv_loop_close(loop) != 0)
		log_debug("work is still under way");
}
