/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/cpuid.h"

#include "protocol/base/bytes.h"

#include <linux/kvm_para.h>
#include <stdlib.h>

/* Leaf 1. */
#define FEATURE_HYPERVISOR (1U << 31) /* ECX */
#define FEATURE_TSC_DEADLINE                                                                       \
	(1U << 24)	       /* ECX; the kernel's local APIC has it, says KVM's api.rst */
#define FEATURE_HTT (1U << 28) /* EDX: EBX[23:16] counts logical processors */
/* Leaf 7. */
#define FEATURE_ARCH_CAPABILITIES (1U << 29) /* EDX; an MSR that AMD's CPUs do not have */

#define LEAF_TIMING  (KVM_CPUID_SIGNATURE | 0x10) /* EAX: TSC kHz, EBX: local APIC's bus kHz */
#define APIC_BUS_KHZ 1000000U			  /* KVM's local APIC counts nanoseconds */

#define TOPOLOGY_SMT  1U
#define TOPOLOGY_CORE 2U

#define ADDED_LEAVES 4

static unsigned int bits_for(unsigned int count)
{
	unsigned int bits = 0;

	while (1U << bits < count)
		bits++;
	return bits;
}

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t leaf, uint32_t subleaf)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == leaf && cpuid->entries[i].index == subleaf)
			return &cpuid->entries[i];
	return NULL;
}

/* The leaf as it is, or a new empty one: there is room for ADDED_LEAVES. */
static struct kvm_cpuid_entry2 *find_or_add(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
	struct kvm_cpuid_entry2 *entry = find(cpuid, leaf, 0);

	if (!entry) {
		entry = &cpuid->entries[cpuid->nent++];
		*entry = (struct kvm_cpuid_entry2){.function = leaf};
	}
	return entry;
}

static bool is_amd(struct kvm_cpuid2 *cpuid)
{
	const struct kvm_cpuid_entry2 *entry = find(cpuid, 0, 0);

	/* "AuthenticAMD", "HygonGenuine" */
	return entry && (entry->ebx == 0x68747541 || entry->ebx == 0x6f677948);
}

static void set_features(struct kvm_cpuid2 *cpuid, unsigned int cpus, unsigned int index)
{
	struct kvm_cpuid_entry2 *entry = find(cpuid, 1, 0);

	if (entry) {
		entry->ecx |= FEATURE_HYPERVISOR | FEATURE_TSC_DEADLINE;
		entry->ebx = (entry->ebx & 0xffff) | cpus << 16 | index << 24;
		if (cpus > 1)
			entry->edx |= FEATURE_HTT;
		else
			entry->edx &= ~FEATURE_HTT;
	}
	entry = find(cpuid, 7, 0);
	if (entry && is_amd(cpuid))
		entry->edx &= ~FEATURE_ARCH_CAPABILITIES;
}

/* Who shares a cache: the last level all cores, the others one. Leaves 4 (Intel) and 8000001Dh. */
static void set_cache(struct kvm_cpuid_entry2 *entry, unsigned int cpus)
{
	unsigned int level = entry->eax >> 5 & 7;
	unsigned int sharing = level >= 3 ? cpus : 1;

	if (!(entry->eax & 0x1f))
		return;
	entry->eax = (entry->eax & 0x3fff) | (sharing - 1) << 14;
	if (entry->function == 4)
		entry->eax |= ((1U << bits_for(cpus)) - 1) << 26;
}

/* Leaf Bh: level 0 is one thread a core, level 1 all cores. */
static void set_topology(struct kvm_cpuid_entry2 *entry, unsigned int cpus, unsigned int index)
{
	unsigned int level = entry->index;

	entry->eax = level == 1 ? bits_for(cpus) : 0;
	entry->ebx = level == 0 ? 1 : level == 1 ? cpus : 0;
	entry->ecx = level | (level == 0 ? TOPOLOGY_SMT : level == 1 ? TOPOLOGY_CORE : 0) << 8;
	entry->edx = index;
}

static void set_cores(struct kvm_cpuid2 *cpuid, unsigned int cpus, unsigned int index)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		switch (entry->function) {
		case 4:
		case 0x8000001d:
			set_cache(entry, cpus);
			break;
		case 0xb:
		case 0x1f:
			set_topology(entry, cpus, index);
			break;
		case 0x80000008: /* AMD: width of the core number, cores less one */
			entry->ecx = (entry->ecx & ~0xf0ffU) | bits_for(cpus) << 12 | (cpus - 1);
			break;
		case 0x8000001e: /* AMD: APIC id; core; node */
			entry->eax = index;
			entry->ebx = index;
			entry->ecx = 0;
			break;
		}
	}
}

/* Leaf 15h: the TSC runs at EBX/EAX times a crystal of ECX Hz. Leaf 40000010h says it in kHz. */
static void set_frequencies(struct kvm_cpuid2 *cpuid, uint32_t tsc_khz)
{
	struct kvm_cpuid_entry2 *basic = find(cpuid, 0, 0);
	struct kvm_cpuid_entry2 *signature = find(cpuid, KVM_CPUID_SIGNATURE, 0);
	struct kvm_cpuid_entry2 *entry;

	if (!tsc_khz)
		return;
	if (basic && basic->eax >= 0x15) {
		entry = find_or_add(cpuid, 0x15);
		entry->eax = 1000;
		entry->ebx = tsc_khz;
		entry->ecx = 1000000;
	}
	if (signature) {
		signature->eax = MAX(signature->eax, LEAF_TIMING);
		entry = find_or_add(cpuid, LEAF_TIMING);
		entry->eax = tsc_khz;
		entry->ebx = APIC_BUS_KHZ;
	}
}

struct kvm_cpuid2 *cpuid_for_vcpu(const struct kvm_cpuid2 *supported,
				  const struct cpuid_machine *machine, unsigned int index)
{
	size_t count = (size_t)supported->nent + ADDED_LEAVES;
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + count * sizeof(cpuid->entries[0]));

	if (!cpuid)
		return NULL;
	cpuid->nent = supported->nent;
	memcpy(cpuid->entries, supported->entries, supported->nent * sizeof(supported->entries[0]));
	set_features(cpuid, machine->cpus, index);
	set_cores(cpuid, machine->cpus, index);
	set_frequencies(cpuid, machine->tsc_khz);
	return cpuid;
}
