/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine_internal - what the files of the machine share
 *
 *	machine.c	its events, states and requests
 *	machine_make.c	its parts, put together and given back
 */
#ifndef LODGE_VMM_MACHINE_INTERNAL_H
#define LODGE_VMM_MACHINE_INTERNAL_H

#include "host/vmm/boot/kernel.h"
#include "host/vmm/console.h"
#include "host/vmm/guest_memory.h"
#include "host/vmm/loop.h"
#include "host/vmm/machine.h"
#include "host/vmm/power.h"
#include "host/vmm/pvpanic.h"
#include "host/vmm/vcpus.h"

enum event {
	EVENT_NONE,
	EVENT_POWER_OFF,
	EVENT_REBOOT,
	EVENT_PANIC,
	EVENT_TRIPLE_FAULT,
	EVENT_STUCK,
	EVENT_FAILED,
};

struct machine {
	struct vm vm;
	struct guest_memory ram;
	struct vcpus *vcpus;
	struct console *console;
	struct power power;
	struct pvpanic pvpanic;
	int kernel_fd, initrd_fd;
	enum kernel_kind kernel_kind;

	int event_fd; /* wakes the main thread for @event */
	int grace_fd; /* timer */
	struct loop_source *event_source, *grace_source;
	_Atomic int event; /* enum event: the first that was not handled yet */

	enum machine_state state;
	enum exit_status exit_status;
	unsigned int restarts;
	machine_watcher watcher;
	void *watcher_owner;
};

/* machine.c: what the parts tell, in any thread. */
extern const struct power_handlers machine_power_handlers;
extern const struct vcpus_handlers machine_vcpus_handlers;
void machine_guest_panicked(void *owner);

/* machine.c: event_fd or grace_fd is readable. */
void machine_event_ready(void *owner, uint32_t events);
void machine_grace_is_over(void *owner, uint32_t events);

/* machine_make.c: at the start and at each restart. Return: 0 or negative errno, said already. */
int machine_load_kernel(struct machine *machine);

#endif
