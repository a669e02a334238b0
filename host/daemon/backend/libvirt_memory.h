/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt_memory - the memory of the VMs that Lodge runs under QEMU, for the manager
 *
 * A look and a wish are a job each (libvirt.c), one of a kind at a time: what is wished meanwhile
 * is carried out next, the last wish only. A VM that hangs holds up itself alone.
 */
#ifndef LODGE_DAEMON_LIBVIRT_MEMORY_H
#define LODGE_DAEMON_LIBVIRT_MEMORY_H

#include "host/daemon/backend/memory_figures.h"

struct libvirt_machine;

/* Part of struct libvirt_machine. */
struct libvirt_memory {
	struct memory_figures figures; /* the last */
	bool driver;		       /* has been seen at work */
	bool looking, setting;	       /* a job is under way */
	bool has_period;	       /* the guest is to tell its figures */
	bool has_target;	       /* is to be carried out next */
	uint64_t target_bytes;
};

/* Of vm_memory.h; the owner is the struct vm. */
extern const struct vm_memory_driver libvirt_memory_driver;

/* libvirt says that its balloon has left the guest so much. */
void libvirt_memory_sized(struct libvirt_machine *machine, uint64_t actual_bytes);

#endif
