/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu - one virtual processor: its state, and running it until something happens
 *
 * The state at power-on is read from KVM once, so that a restart can write it back: whatever a
 * guest did to a register or an MSR is undone.
 */
#ifndef LODGE_VMM_VCPU_H
#define LODGE_VMM_VCPU_H

#include "host/vmm/boot/entry.h"
#include "host/vmm/io_bus.h"
#include "host/vmm/kvm.h"

struct vcpu_state;

struct vcpu {
	int fd;
	unsigned int index;
	struct kvm_run *run; /* shared with the kernel */
	size_t run_size_bytes;
	struct vcpu_state *power_on;
	struct io_bus *pio, *mmio;
	unsigned int faults; /* in a row that nothing could be done about */
};

enum vcpu_exit {
	VCPU_AGAIN,	   /* handled: run on */
	VCPU_INTERRUPTED,  /* by a signal or immediate_exit */
	VCPU_TRIPLE_FAULT, /* the processor shut down */
	VCPU_STUCK,	   /* the guest needs a page of a DAX window that cannot be had now */
	VCPU_FAILED,	   /* KVM cannot go on; it was logged */
};

/**
 * vcpu_init() - make a processor
 * @vcpu:	zeroed; given back by vcpu_destroy(), also after a failure
 * @cpus:	how many the machine has
 * @pio, @mmio:	where its accesses go
 *
 * Return: 0 or negative errno.
 */
int vcpu_init(struct vcpu *vcpu, struct kvm *kvm, unsigned int cpus, unsigned int index,
	      struct io_bus *pio, struct io_bus *mmio);
void vcpu_destroy(struct vcpu *vcpu);

/* Run until an exit, and do what it asks for. In the vCPU's own thread. */
enum vcpu_exit vcpu_run(struct vcpu *vcpu);

/* It was parked and goes on: tell the guest's clock, so that no watchdog of its takes the pause for
 * a hang. In the vCPU's own thread. */
void vcpu_was_parked(struct vcpu *vcpu);

/* As after power-on. In the vCPU's own thread. Return: 0 or negative errno. */
int vcpu_reset(struct vcpu *vcpu);

/* Let it begin in a kernel; after vcpu_init() or vcpu_reset(). Return: 0 or negative errno. */
int vcpu_enter(struct vcpu *vcpu, const struct boot_entry *entry);

#endif
