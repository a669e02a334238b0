/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lodge web: the figures of all VMs in a browser. */
#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/cli/options.h"
#include "host/cli/screen/viewers.h"
#include "protocol/base/bytes.h"

#include <stdio.h>

static DBusMessage *manager_message(const char *method)
{
	return dbus_message_new_method_call(NULL, LODGE_MANAGER_PATH, LODGE_MANAGER_INTERFACE,
					    method);
}

static int stop_web(struct client *client)
{
	DBusMessage *reply =
		client_call(client, manager_message("CloseWeb"), CLIENT_QUICK_MS, "web");

	if (!reply)
		return EXIT_FAILED;
	dbus_message_unref(reply);
	return EXIT_DONE;
}

static int open_web(struct client *client, uint64_t port, bool open)
{
	const struct viewer_program *browser = open ? viewers_find(true) : NULL;
	DBusMessage *message = manager_message("OpenWeb"), *reply;
	dbus_uint32_t number = (dbus_uint32_t)port;
	int status = EXIT_FAILED;
	const char *address;

	if (message)
		dbus_message_append_args(message, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
	reply = client_call(client, message, CLIENT_QUICK_MS, "web");
	if (!reply)
		return EXIT_FAILED;
	if (dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &address, DBUS_TYPE_INVALID)) {
		puts(address);
		fflush(stdout);
		status = browser ? viewers_open(browser, address) : EXIT_DONE;
	}
	dbus_message_unref(reply);
	return status;
}

static int run_web(const struct command *command, int argc, char **argv)
{
	_cleanup_client_ struct client *client = NULL;
	bool print = false, stop = false;
	uint64_t port = 0;
	const struct option_spec specs[] = {
		{"port", 'p', OPTION_NUMBER, "PORT", "of 127.0.0.1 (where it was, or any)", &port,
		 1, UINT16_MAX},
		{"print", 0, OPTION_FLAG, NULL, "open nothing, say where it is", &print, 0, 0},
		{"stop", 0, OPTION_FLAG, NULL, "no longer; the address is not valid any more",
		 &stop, 0, 0},
	};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (stop && (print || port))
		return options_wrong(command, "--stop goes alone");
	if (client_open(&client) < 0)
		return EXIT_FAILED;
	return stop ? stop_web(client) : open_web(client, port, !print && viewers_have_display());
}

const struct command command_web = {
	.name = "web",
	.operands = "",
	.summary = "Show the figures of all VMs in a browser",
	.description = "Processors, memory, pressure, disks and network of this host and of each "
		       "VM, with\n"
		       "their history and their screens. Where no window can be opened, or with "
		       "--print, it\n"
		       "prints the address, which holds a secret. It can be reached from this "
		       "machine only.\n"
		       "Prometheus finds the figures at /metrics: see lodge-web(8).\n",
	.run = run_web,
};
