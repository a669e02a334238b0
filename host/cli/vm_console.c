/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/vm_console.h"

#include <errno.h>

int vm_console_open(struct client *client, const char *name, bool replay)
{
	DBusMessage *message = client_vm_message(client, name, LODGE_VM_INTERFACE, "OpenConsole");
	dbus_bool_t flag = replay;

	if (!message)
		return -ENOENT;
	dbus_message_append_args(message, DBUS_TYPE_BOOLEAN, &flag, DBUS_TYPE_INVALID);
	return client_vm_descriptor(client, name, message);
}
