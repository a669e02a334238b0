/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: agent common drivers system pump relay protocol base
/*
 * What the agent's parsers are given: requests of a host (exec, parts of info) and texts of the
 * kernel (mounts, device events). The first byte chooses.
 */
#include "drivers/uevent.h"
#include "guest-agent/agent/exec/command.h"
#include "guest-agent/system/mounts.h"
#include "guest-agent/system/parts.h"

#include <stdlib.h>
#include <string.h>

static void try_exec(struct slice params)
{
	static char name[] = "user", home[] = "/home/user", shell[] = "/bin/sh";
	const struct account account = {.name = name, .home = home, .shell = shell, .uid = 1};
	struct exec_params want;
	struct command command;
	const char *text;

	if (message_decode(&message_exec_params, params, &want) < 0)
		return;
	if (command_parse(&want, &account, &command, &text) < 0)
		return;
	/* What is accepted can be run: a program to try, and NAME=value only. */
	if (!command.argv[0] || !command.candidates || !command.directory)
		abort();
	for (char **variable = command.environment; *variable; variable++) {
		if (!strchr(*variable, '=') || **variable == '=')
			abort();
	}
	command_clear(&command);
}

static void try_parts(struct slice what)
{
	unsigned int parts;

	if (parts_parse(what, &parts) == 0 && (parts & ~(unsigned int)PART_ALL))
		abort();
}

static void try_mount(struct slice text)
{
	char *line = strndup((const char *)text.bytes, text.length);
	struct mount mount;

	if (line && mount_parse(line, &mount) == 0 && !mount.source.bytes)
		abort();
	free(line);
}

static void try_uevent(struct slice event)
{
	uevent_is_of((const char *)event.bytes, event.length, "block");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static void (*const tries[])(struct slice) = {try_exec, try_parts, try_mount, try_uevent};

	if (length > 0)
		tries[bytes[0] % 4]((struct slice){bytes + 1, length - 1});
	return 0;
}
