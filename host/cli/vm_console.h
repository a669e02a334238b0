/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm_console - asks lodged for a VM's serial console
 */
#ifndef LODGE_CLI_VM_CONSOLE_H
#define LODGE_CLI_VM_CONSOLE_H

#include "host/cli/client.h"

/* @replay: begin with the last output. Return: a descriptor, or negative errno after an error was
 * printed. */
int vm_console_open(struct client *client, const char *name, bool replay);

#endif
