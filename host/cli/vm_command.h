/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm_command - what stop, kill, reboot, pause and resume have in common: one method, several VMs
 */
#ifndef LODGE_CLI_VM_COMMAND_H
#define LODGE_CLI_VM_COMMAND_H

#include "host/cli/client.h"

/**
 * vm_command_each() - call a method without result on each VM, and say so
 * @names:	of the VMs, @count of them
 * @timeout_ms:	the method's parameter; NULL if it has none
 * @done_word:	"stopped"
 *
 * Return: exit status: EXIT_FAILED if it failed on one of them (the others are still done).
 */
int vm_command_each(char *const names[], int count, const char *method,
		    const dbus_uint32_t *timeout_ms, const char *done_word);

#endif
