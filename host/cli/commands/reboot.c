/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/agent_client.h"
#include "host/cli/dbus_json.h"
#include "host/cli/options.h"
#include "host/cli/vm_command.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <stdio.h>

#define REBOOT_LIMIT_MS 20000

static int ask_agent(struct client *client, const char *name)
{
	_cleanup_agent_ struct agent *agent = NULL;
	struct power_params params = {.action = SLICE_LITERAL("reboot")};
	uint8_t reply[MESSAGE_TEXT_MAX];

	if (agent_open(client, name, &agent) < 0)
		return EXIT_FAILED;
	if (agent_call(agent, "power", &message_power_params, &params, REBOOT_LIMIT_MS, reply,
		       sizeof(reply)) < 0) {
		log_error("%s: the guest does not reboot: %s; 'lodge reboot --reset %s' does not "
			  "ask it",
			  name, (const char *)reply, name);
		return EXIT_FAILED;
	}
	printf("%s restarts\n", name);
	return EXIT_DONE;
}

static int reboot_one(struct client *client, char *name, bool reset)
{
	struct json_object *properties;
	bool has_agent;

	if (reset)
		return vm_command_each(&name, 1, "Reboot", NULL, "restarts");
	properties = client_vm_properties(client, name);
	if (!properties)
		return EXIT_FAILED;
	has_agent = *json_text(properties, "Agent") != '\0';
	json_object_put(properties);
	if (has_agent)
		return ask_agent(client, name);
	return vm_command_each(&name, 1, "Reboot", NULL, "restarts (no agent: reset)");
}

static int run_reboot(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	bool reset = false;
	const struct option_spec specs[] = {
		{"reset", 0, OPTION_FLAG, NULL, "do not ask the guest; press its reset button",
		 &reset, 0, 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	for (int i = 0; i < argc; i++) {
		if (reboot_one(client, argv[i], reset) != EXIT_DONE)
			status = EXIT_FAILED;
	}
	return status;
}

const struct command command_reboot = {
	.name = "reboot",
	.operands = "VM...",
	.summary = "Restart the guest",
	.description = "Its agent is asked to reboot it in order; without one it is reset.\n",
	.operands_min = 1,
	.operands_max = -1,
	.run = run_reboot,
};
