/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * foreground - a VM at this terminal, from now to its end
 *
 * Its console is here; Ctrl-] leaves the VM to itself. SIGINT and SIGTERM ask the guest to power
 * off, a second one ends it; SIGHUP leaves it. If lodged dies, the next one takes the VM up and so
 * does this.
 */
#ifndef LODGE_CLI_FOREGROUND_H
#define LODGE_CLI_FOREGROUND_H

#include "host/cli/client.h"

/**
 * foreground_run() - stay with a VM
 * @client:	may be replaced by a new one
 * @name:	of the VM
 *
 * Return: the exit status of the VM as lodge-vmm(1) has it; 0 if it was left.
 */
int foreground_run(struct client **client, const char *name);

#endif
