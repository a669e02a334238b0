/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backend - what can run a VM
 *
 * A backend makes the VM's agent.sock and console.sock in its folder (unless others have made the
 * VM: then they are asked for) and reports through vm_started(), vm_set_state() and vm_gone(). All
 * calls return at once; what takes time answers through @done, on the loop, exactly once unless the
 * VM goes first.
 */
#ifndef LODGE_DAEMON_BACKEND_H
#define LODGE_DAEMON_BACKEND_H

#include "host/daemon/descriptor.h"
#include "host/daemon/memory/vm_memory.h"
#include "host/daemon/vm.h"

enum backend_command {
	BACKEND_POWER_BUTTON, /* ask the guest to power off */
	BACKEND_KILL,	      /* end it now */
	BACKEND_REBOOT,	      /* press reset */
	BACKEND_PAUSE,
	BACKEND_RESUME,
};

/* What is opened in a VM that Lodge did not start only when somebody asks for it. */
enum backend_port {
	BACKEND_PORT_AGENT,
	BACKEND_PORT_CONSOLE,
	BACKEND_PORT_SCREEN,
};

struct statistics_round;

/* @error 0 or negative errno; @text: one line for people if it failed. */
typedef void (*backend_done)(void *owner, int error, const char *text);

struct backend {
	const char *name; /* "vmm", "libvirt" */
	/* Starts @vm. On failure @done is called with why, and the VM is gone. */
	void (*start)(struct vm *vm, backend_done done, void *owner);
	/* Takes up a VM that an earlier lodged started: 0, or -errno if it is no more. */
	int (*adopt)(struct vm *vm);
	void (*command)(struct vm *vm, enum backend_command command, backend_done done,
			void *owner);
	/* A connection to the display of QEMU, for its lodge-screen: @done receives the descriptor,
	 * which becomes its own, or -errno with one line for people; not called once the VM is
	 * gone. NULL: the backend's display is a socket in the VM's folder. */
	void (*open_graphics)(struct vm *vm, void (*done)(struct vm *vm, int fd, const char *text));
	/* What that descriptor speaks, as lodge-screen names it: "qemu", "vnc". */
	const char *(*graphics_kind)(const struct vm *vm);

	/* Puts fresh figures into vm->figures, and holds @round until they are there. NULL: they
	 * are read elsewhere, for many VMs at once (statistics/statistics.h). */
	void (*count)(struct vm *vm, struct statistics_round *round);
	/* Its owner is the VM. NULL: nothing is known of the memory of its VMs. */
	const struct vm_memory_driver *memory;

	/* --- Of VMs that Lodge did not start; NULL for the others --- */

	/* Makes vm->agent, vm->console or vm->screen, which may take a while to be ready. */
	void (*attend)(struct vm *vm, enum backend_port port, backend_done done, void *owner);
	/* Adds the agent's channel to the running VM. */
	void (*attach)(struct vm *vm, backend_done done, void *owner);
	/* vm->agent wants a connection: agent_link_give() follows. */
	void (*open_agent)(struct vm *vm);

	/* Lets go of @vm->machine; the VM itself goes on if it still runs. */
	void (*release)(struct vm *vm);
};

extern const struct backend backend_vmm;
extern const struct backend backend_libvirt;
extern const struct backend backend_domain;

/* NULL: no backend of that name. */
const struct backend *backend_named(const char *name);

#endif
