/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/screen/screen_client.h"
#include "host/cli/screen/send_file.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define EXIT_INTERRUPTED 130

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static uint64_t size_of_all(char **paths, size_t count)
{
	uint64_t total = 0;
	struct stat status;

	for (size_t i = 0; i < count; i++) {
		if (stat(paths[i], &status) == 0 && S_ISREG(status.st_mode))
			total += (uint64_t)status.st_size;
	}
	return total;
}

static int send_all(struct agent *screen, char **paths, size_t count)
{
	struct progress progress = {.total_bytes = size_of_all(paths, count)};
	char name[SEND_FILE_NAME_BYTES];
	size_t failures = 0;
	int error = 0;

	progress_start(&progress, "sending");
	for (size_t i = 0; i < count && error != -ECANCELED && error != -ECONNRESET; i++) {
		error = send_file(screen, paths[i], &progress, name);
		if (error) {
			failures++;
		} else if (name[0] && strcmp(name, last_component(paths[i])) != 0) {
			progress_end(&progress);
			printf("%s is there as '%s'\n", paths[i], name);
		}
	}
	progress_end(&progress);
	if (error == -ECANCELED)
		return EXIT_INTERRUPTED;
	return failures ? EXIT_FAILED : EXIT_DONE;
}

static int run_send(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_agent_ struct agent *screen = NULL;
	int status;

	if (!options_parse(command, NULL, 0, &argc, &argv, &status))
		return status;
	if (client_open(&client) < 0 || screen_open(client, argv[0], &screen) < 0)
		return EXIT_FAILED;
	return send_all(screen, argv + 1, (size_t)argc - 1);
}

const struct command command_send = {
	.name = "send",
	.operands = "VM FILE...",
	.summary = "Send files to the user before a VM's desktop",
	.description =
		"They go to the downloads of whoever has the desktop there, as if dropped on its\n"
		"window; nothing is replaced: a name that is taken gets a number. The guest needs\n"
		"Lodge's agent, or that of SPICE. To copy to any place, see cp.\n",
	.operands_min = 2,
	.operands_max = -1,
	.run = run_send,
};
