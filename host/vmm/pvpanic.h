/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pvpanic - a port that a guest's kernel writes to when it panics
 *
 * The device that QEMU's docs/specs/pvpanic.rst describes, since guests have its driver: a read
 * says which events are known, a write reports one.
 */
#ifndef LODGE_VMM_PVPANIC_H
#define LODGE_VMM_PVPANIC_H

#include "host/vmm/io_bus.h"

#define PVPANIC_PANICKED     0x01 /* and is about to reboot or halt */
#define PVPANIC_CRASH_LOADED 0x02 /* and goes on in a crash kernel, which must not be disturbed */

struct pvpanic {
	/* In a vCPU's thread, with the I/O lock held. */
	void (*panicked)(void *owner);
	void *owner;
};

/* Put the port on the bus. @pvpanic has its members set. Return: 0 or negative errno. */
int pvpanic_init(struct pvpanic *pvpanic, struct io_bus *pio);

#endif
