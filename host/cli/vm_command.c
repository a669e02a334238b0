/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/vm_command.h"
#include "host/cli/command.h"

#include <stdio.h>

static int call_one(struct client *client, const char *name, const char *method,
		    const dbus_uint32_t *timeout_ms)
{
	DBusMessage *message = client_vm_message(client, name, LODGE_VM_INTERFACE, method);
	DBusMessage *reply;
	int wait_ms = CLIENT_SLOW_MS;

	if (!message)
		return EXIT_FAILED;
	if (timeout_ms) {
		dbus_message_append_args(message, DBUS_TYPE_UINT32, timeout_ms, DBUS_TYPE_INVALID);
		wait_ms += (int)*timeout_ms;
	}
	reply = client_call(client, message, wait_ms, name);
	if (!reply)
		return EXIT_FAILED;
	dbus_message_unref(reply);
	return EXIT_DONE;
}

int vm_command_each(char *const names[], int count, const char *method,
		    const dbus_uint32_t *timeout_ms, const char *done_word)
{
	_cleanup_client_ struct client *client = NULL;
	int status = EXIT_DONE;

	if (client_open(&client) < 0)
		return EXIT_FAILED;
	for (int i = 0; i < count; i++) {
		if (call_one(client, names[i], method, timeout_ms) != EXIT_DONE)
			status = EXIT_FAILED;
		else
			printf("%s %s\n", names[i], done_word);
	}
	return status;
}
