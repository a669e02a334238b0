/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/screen/screen_client.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#define KEYS_MAX_BYTES 8192

static int run_key(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_agent_ struct agent *screen = NULL;
	uint8_t bytes[KEYS_MAX_BYTES], reply[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct screen_key params;
	int status;

	if (!options_parse(command, NULL, 0, &argc, &argv, &status))
		return status;
	cbor_put_array(&writer, (uint64_t)argc - 1);
	for (int i = 1; i < argc; i++)
		cbor_put_text(&writer, slice_of(argv[i]));
	if (writer.overflow)
		return options_wrong(command, "those are too many keys at once");
	params.keys = cbor_written(&writer);
	if (client_open(&client) < 0 || screen_open(client, argv[0], &screen) < 0 ||
	    screen_call(screen, "screen.key", &message_screen_key, &params, NULL, NULL, reply,
			sizeof(reply)) < 0)
		return EXIT_FAILED;
	return EXIT_DONE;
}

const struct command command_key = {
	.name = "key",
	.operands = "VM KEY...",
	.summary = "Press keys on a VM's keyboard, one after the other",
	.description =
		"A KEY is a character, a name (enter, escape, tab, up, f2, ...), or several\n"
		"at once: ctrl-alt-delete, ctrl-alt-f2, shift-tab.\n",
	.operands_min = 2,
	.operands_max = -1,
	.run = run_key,
};
