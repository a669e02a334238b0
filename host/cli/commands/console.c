/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/client.h"
#include "host/cli/console_session.h"
#include "host/cli/options.h"
#include "host/cli/vm_console.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

static void on_ended(void *owner, bool by_user)
{
	(void)by_user;
	uv_stop(owner);
}

static int run_console(const struct command *command, int argc, char **argv)
{
	static const struct console_session_handlers handlers = {.ended = on_ended};
	_cleanup_client_ struct client *client = NULL;
	bool no_replay = false;
	const struct option_spec specs[] = {
		{"no-replay", 0, OPTION_FLAG, NULL, "do not begin with what was said before",
		 &no_replay, 0, 0},
	};
	struct console_session *session;
	int fd, status, error;
	uv_loop_t loop;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	fd = vm_console_open(client, argv[0], !no_replay);
	if (fd < 0)
		return EXIT_FAILED;
	if (isatty(STDIN_FILENO))
		log_info("console of %s; Ctrl-] leaves it", argv[0]);
	error = uv_loop_init(&loop);
	assert(error == 0);
	error = console_session_new(&loop, fd, &handlers, &loop, &session);
	if (error) {
		log_error("%s: no console: %s", argv[0], error_text(error));
		return EXIT_FAILED;
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	console_session_free(session);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	if (isatty(STDERR_FILENO))
		fputc('\n', stderr);
	return EXIT_DONE;
}

const struct command command_console = {
	.name = "console",
	.operands = "VM",
	.summary = "Be the VM's serial console",
	.description = "Every key goes to the guest. Ctrl-] leaves the console; the VM goes on.\n"
		       "Without a terminal on standard input its bytes are sent as they are.\n",
	.operands_min = 1,
	.operands_max = 1,
	.run = run_console,
};
