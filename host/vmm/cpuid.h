/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpuid - what a vCPU says of itself
 *
 * Starts from what KVM can give on this host and changes what depends on the machine: the vCPU's
 * number, one socket with so many cores, frequencies (so that no guest has to measure them), the
 * deadline timer.
 */
#ifndef LODGE_VMM_CPUID_H
#define LODGE_VMM_CPUID_H

#include <linux/kvm.h>
#include <stdint.h>

struct cpuid_machine {
	unsigned int cpus;
	uint32_t tsc_khz; /* 0: not known */
};

/**
 * cpuid_for_vcpu() - the leaves of one vCPU
 * @supported:	KVM_GET_SUPPORTED_CPUID's answer
 * @machine:	what is the same for all vCPUs
 * @index:	number of the vCPU, also its APIC id
 *
 * Return: leaves for KVM_SET_CPUID2, freed by free(); NULL without memory.
 */
struct kvm_cpuid2 *cpuid_for_vcpu(const struct kvm_cpuid2 *supported,
				  const struct cpuid_machine *machine, unsigned int index);

#endif
