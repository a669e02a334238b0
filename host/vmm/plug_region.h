/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plug_region - the part of RAM that comes later, and how much of it the guest can reach
 *
 * It is there from the start in the memfd, where it costs nothing, and in the guest's address
 * space, where nothing is described: its place is in the virtio memory device alone (virtio/mem.h).
 * KVM is given it in chunks, since a slot of KVM's cannot grow: a guest that touches what the host
 * never granted finds nothing there.
 */
#ifndef LODGE_VMM_PLUG_REGION_H
#define LODGE_VMM_PLUG_REGION_H

#include "host/vmm/guest_memory.h"

struct kvm;

struct plug_region {
	struct kvm *kvm;
	struct guest_memory *ram;
	uint64_t gpa, size_bytes;
	uint64_t chunk_bytes;
	unsigned int chunks; /* that KVM has */
};

/* @kvm: NULL in unit tests. The region is what @ram has beyond its start. */
void plug_region_init(struct plug_region *region, struct kvm *kvm, struct guest_memory *ram);

/* The guest reaches so many bytes from the beginning, rounded up to whole chunks. Return: 0; or
 * negative errno, and it is as it was. */
int plug_region_reach(struct plug_region *region, uint64_t bytes);

/* @offset, @length: in the region. As guest_memory_give_back(). */
int plug_region_give_back(struct plug_region *region, uint64_t offset, uint64_t length);

#endif
