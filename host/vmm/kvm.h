/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm - one virtual machine of the kernel's
 *
 * Opens /dev/kvm, checks that it can do what we need, makes the VM with interrupt controllers in
 * the kernel (no timer chip: guests have the local APIC's deadline timer), and gives it memory.
 */
#ifndef LODGE_VMM_KVM_H
#define LODGE_VMM_KVM_H

#include "protocol/virtqueue/guestmem.h"

#include <linux/kvm.h>
#include <stdbool.h>

struct kvm {
	int fd; /* /dev/kvm */
	int vm_fd;
	size_t run_size_bytes;	   /* of the area that a vCPU shares with us */
	struct kvm_cpuid2 *cpuid;  /* what vCPUs can be given */
	struct kvm_msr_list *msrs; /* what a vCPU's state consists of */
};

/**
 * kvm_new() - open KVM and make a machine without memory and vCPUs
 * @kvm:	set on success; freed by kvm_free()
 *
 * Return: 0; or a negative errno, after one line about it.
 */
int kvm_new(struct kvm **kvm);
void kvm_free(struct kvm *kvm);

/* Give the machine its memory: all regions. Return: 0 or negative errno. */
int kvm_set_memory(struct kvm *kvm, const struct guestmem *memory);

/**
 * kvm_set_window() - let the guest reach @host at @gpa without an exit, besides its RAM
 * @kvm:	NULL where there is none (unit tests)
 * @window:	0 for the first ...; each is at one place. Shares have those below OPTIONS_MAX_FS,
 *		memory that is plugged in those after (plug_region.h)
 * @size_bytes:	0: nowhere any more
 *
 * Return: 0; -ENOSYS without a VM; or negative errno.
 */
int kvm_set_window(struct kvm *kvm, unsigned int window, uint64_t gpa, void *host,
		   uint64_t size_bytes);

/* Bits of a guest-physical address. */
unsigned int kvm_address_bits(const struct kvm *kvm);

/* Set the level of an input of the I/O APIC. Any thread that may (sandbox.c). */
void kvm_set_irq(struct kvm *kvm, unsigned int gsi, bool level);

/* Interrupt controllers as they were when kvm_new() had made them; vCPUs are stopped. */
void kvm_reset_irqchip(struct kvm *kvm);

#endif
