/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-guest status: the chain from this guest to its host, link by link.
 */
#include "guest-agent/system/agent_state.h"
#include "guest-agent/system/ports.h"
#include "guest-agent/toolbox/command.h"
#include "guest-agent/toolbox/json.h"

#include <stdlib.h>

struct status {
	bool has_port, has_agent;
	char device[64];
	struct agent_state agent;
};

static void print_json(const struct status *status)
{
	struct json json = {.file = stdout};

	json_open(&json, NULL, '{');
	json_bool(&json, "port", status->has_port);
	if (status->has_port)
		json_text(&json, "device", slice_of(status->device));
	json_bool(&json, "agent", status->has_agent);
	if (status->has_agent)
		json_number(&json, "pid", (uint64_t)status->agent.pid);
	json_bool(&json, "connected", status->has_agent && status->agent.connected);
	json_close(&json, '}');
	putchar('\n');
}

static void print_text(const struct status *status)
{
	if (status->has_port)
		printf("port    %s, %s\n", PORT_NAME, status->device);
	else
		printf("port    missing: this machine has no virtio-serial port %s\n", PORT_NAME);
	if (status->has_agent)
		printf("agent   running, pid %d\n", (int)status->agent.pid);
	else
		printf("agent   not running: start lodge-agent\n");
	if (status->has_agent)
		printf("host    %s\n", status->agent.connected ? "connected" : "not connected");
	else
		printf("host    unknown\n");
}

static int status_run(bool json)
{
	struct status status = {0};

	status.has_port =
		ports_find(PORTS_SYSFS, PORT_NAME, status.device, sizeof(status.device)) == 0;
	status.has_agent = agent_state_read(AGENT_STATE_PATH, &status.agent) == 0;
	if (json)
		print_json(&status);
	else
		print_text(&status);
	return status.has_port && status.has_agent && status.agent.connected ? EXIT_SUCCESS
									     : EXIT_FAILURE;
}

const struct command command_status = {
	.name = "status",
	.summary = "is the port there, the agent running, the host connected?",
	.help = "Exit status: 0 if all three are, else 1.",
	.run = status_run,
};
