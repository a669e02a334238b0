/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_vms - a host, a clock and VMs for tests of the memory manager
 *
 * VMs follow their targets at once, or not at all, and tell statistics as a device does whose guest
 * deflates on OOM. The host has what they and `other` leave.
 */
#ifndef LODGE_UNIT_PLAYED_VMS_H
#define LODGE_UNIT_PLAYED_VMS_H

#include "host/daemon/memory/manager.h"

#define PLAYED_VMS 8

struct played_vm {
	struct memory_member *member;
	uint64_t machine, actual;
	uint64_t used; /* what its guest cannot drop; the rest is free */
	uint64_t stalls;
	uint64_t age_ms;
	bool refuses;	 /* its guest gives nothing back */
	bool silent;	 /* it is looked at in vain */
	bool reclaims;	 /* its guest can be asked to, and does */
	bool speechless; /* its guest tells no statistics */
	/* What was asked of it. */
	unsigned int looks, targets, pauses, limits, kept;
	uint64_t target, limit, reclaimed;
	bool paused, ready;
	struct memory_member_config config; /* as kept */
};

struct played_vms {
	struct memory_manager *manager;
	uint64_t now_ms;
	uint64_t total, other;
	uint64_t ksm_saved;
	int host_error;
	struct played_vm vm[PLAYED_VMS];
	size_t count;
	unsigned int wanted, logged;
	char log[1024];
};

/* A host of @total bytes, of which other programs use none. The test fails where that cannot be. */
void played_vms_new(struct played_vms *host, uint64_t total);
void played_vms_free(struct played_vms *host);

/* The next of host->vm, not yet in the manager: everything but a fifth of its memory is free. */
struct played_vm *played_vm_new(struct played_vms *host, uint64_t machine);
extern const struct vm_memory_driver played_driver;
extern const struct memory_manager_hooks played_hooks;
/* Into the manager, or the test fails. */
void played_vm_admit(struct played_vms *host, struct played_vm *vm,
		     const struct memory_member_config *config);

/* Ticks go by, of which there are four a second. */
void played_vms_run(struct played_vms *host, unsigned int ticks);

#endif
