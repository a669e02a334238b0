/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/client.h"
#include "host/cli/options.h"
#include "protocol/base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define NS_IN_MS 1000000.0

static int ping_once(struct client *client, const char *vm, uint64_t number)
{
	DBusMessage *reply = client_vm_call(client, vm, "Ping", CLIENT_QUICK_MS);
	dbus_uint64_t ns = 0;

	if (!reply)
		return EXIT_FAILED;
	dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT64, &ns, DBUS_TYPE_INVALID);
	dbus_message_unref(reply);
	printf("%s: agent answered, number %" PRIu64 ", %.3f ms\n", vm, number,
	       (double)ns / NS_IN_MS);
	fflush(stdout);
	return EXIT_DONE;
}

static int run_ping(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	uint64_t count = 1, interval_ms = 1000;
	const struct option_spec specs[] = {
		{"count", 'c', OPTION_NUMBER, "N", "how often (1)", &count, 1, 1000000},
		{"interval", 'i', OPTION_NUMBER, "MS", "milliseconds between two (1000)",
		 &interval_ms, 0, 3600000},
	};
	struct timespec pause;
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	pause = (struct timespec){(time_t)(interval_ms / 1000),
				  (long)(interval_ms % 1000) * 1000000};
	for (uint64_t i = 1; i <= count; i++) {
		if (ping_once(client, argv[0], i) != EXIT_DONE)
			status = EXIT_FAILED;
		if (i < count)
			nanosleep(&pause, NULL);
	}
	return status;
}

const struct command command_ping = {
	.name = "ping",
	.operands = "VM",
	.summary = "See whether the guest's agent answers, and how fast",
	.description = "The time is from lodged to the agent and back.\n",
	.operands_min = 1,
	.operands_max = 1,
	.run = run_ping,
};
