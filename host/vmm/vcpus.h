/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpus - all processors of a machine, each in a thread of its own, stopped and started together
 *
 * The main thread commands; a processor that is parked waits on a condition. Whoever reports an end
 * (a triple fault, a write to the sleep register) parks all of them at once, so that the guest does
 * not run on until the main thread has decided.
 */
#ifndef LODGE_VMM_VCPUS_H
#define LODGE_VMM_VCPUS_H

#include "host/vmm/boot/entry.h"
#include "host/vmm/io_bus.h"
#include "host/vmm/kvm.h"

#include <stdbool.h>

struct vcpus;

struct vcpus_handlers {
	/* The guest triple-faulted, or (@failed) KVM cannot go on. In a vCPU's thread; processors
	 * are parking. */
	void (*ended)(void *owner, bool failed);
	/* A page that the guest needs cannot be had: nothing is lost, it can go on later. The same.
	 */
	void (*stuck)(void *owner);
};

/**
 * vcpus_new() - make processors, parked and without threads
 * @handlers:	constant
 * @vcpus:	set on success; freed by vcpus_free()
 *
 * Return: 0 or negative errno.
 */
int vcpus_new(struct kvm *kvm, unsigned int count, struct io_bus *pio, struct io_bus *mmio,
	      const struct vcpus_handlers *handlers, void *owner, struct vcpus **vcpus);

/* Ends the threads. NULL is fine. */
void vcpus_free(struct vcpus *vcpus);

/* Start the threads; processors stay parked. Return: 0 or negative errno. */
int vcpus_start(struct vcpus *vcpus, bool sandboxed);

/* The first processor begins at @entry, the others wait for it; all parked, in power-on state.
 * Return: 0 or negative errno. */
int vcpus_enter(struct vcpus *vcpus, const struct boot_entry *entry);

/* All processors to power-on state; parked. Return: 0 or negative errno. */
int vcpus_reset(struct vcpus *vcpus);

void vcpus_resume(struct vcpus *vcpus);

/* Ask all to park, without waiting. Any thread, a vCPU's included. */
void vcpus_park(struct vcpus *vcpus);

/* Park all and wait until they are. Not in a vCPU's thread. */
void vcpus_pause(struct vcpus *vcpus);

#endif
