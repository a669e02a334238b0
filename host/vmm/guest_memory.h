/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_memory - where the guest's memory comes from, and the map of its address space
 *
 *	0		RAM, up to 3 GiB of it
 *	C000 0000	PCI devices' registers (BARs)
 *	E000 0000	PCI configuration space (ECAM), 1 MiB
 *	FEC0 0000	I/O APIC
 *	FEE0 0000	local APICs
 *	1 0000 0000	the rest of RAM
 *	above it	memory of devices (DAX windows), if there is any
 *
 * RAM is one memfd, so that a helper process can be given it later; pages come when they are first
 * touched.
 */
#ifndef LODGE_VMM_GUEST_MEMORY_H
#define LODGE_VMM_GUEST_MEMORY_H

#include "protocol/virtqueue/guestmem.h"

#define LAYOUT_LOW_RAM_END 0xc0000000ULL
#define LAYOUT_BAR_BASE	   0xc0000000ULL
#define LAYOUT_BAR_SIZE	   0x20000000ULL
#define LAYOUT_ECAM	   0xe0000000ULL
#define LAYOUT_IOAPIC	   0xfec00000ULL
#define LAYOUT_LOCAL_APIC  0xfee00000ULL
#define LAYOUT_HIGH_RAM	   0x100000000ULL

/* The largest BAR above RAM, and all of them together: KVM, and what is kept for each mapping in
 * one, set the bound (dax_window.h). */
#define LAYOUT_HIGH_BARS_MAX (16ULL << 30)

struct guest_memory {
	int fd;
	uint8_t *mapping;
	size_t size_bytes;
};

/**
 * guest_memory_new() - allocate RAM and say where the guest sees it
 * @memory:	set on success; given back by guest_memory_free()
 * @map:	empty; receives one or two regions
 * @size_bytes:	a multiple of 4096
 *
 * Return: 0; -ENOMEM when the host does not have as much; or another negative errno.
 */
int guest_memory_new(struct guest_memory *memory, struct guestmem *map, uint64_t size_bytes);
void guest_memory_free(struct guest_memory *memory);

/* Where BARs above @size_bytes of RAM may begin. */
uint64_t guest_memory_high_bars(uint64_t size_bytes);

/* All zero again, as after power-on; gives the host its pages back. Return: 0 or negative errno. */
int guest_memory_clear(struct guest_memory *memory);

#endif
