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
 *	above it	RAM that may be plugged in later (plug_region.h), if there is any
 *	above that	memory of devices (DAX windows), if there is any
 *
 * RAM is one memfd, so that a helper process can be given it later; pages come when they are first
 * touched.
 */
#ifndef LODGE_VMM_GUEST_MEMORY_H
#define LODGE_VMM_GUEST_MEMORY_H

#include "protocol/virtqueue/guestmem.h"

#include <stdatomic.h>
#include <stdbool.h>

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

/* Linux handles memory that is plugged in by blocks, which are no larger than this. */
#define LAYOUT_PLUG_ALIGNMENT (2ULL << 30)

struct guest_memory {
	int fd;
	uint8_t *mapping;
	size_t size_bytes;  /* all of it, with what may be plugged in */
	size_t start_bytes; /* that is there from the start; what is plugged in lies behind it */
	atomic_uint pins;   /* guest_memory_pin() */
};

/**
 * guest_memory_new() - allocate RAM and say where the guest sees it
 * @memory:	set on success; given back by guest_memory_free()
 * @map:	empty; receives one or two regions, of what is there from the start
 * @start_bytes:	a multiple of 4096
 * @plug_bytes:	that may be plugged in later, a multiple of 4096; or 0
 *
 * Return: 0; -ENOMEM when the host does not have as much; or another negative errno.
 */
int guest_memory_new(struct guest_memory *memory, struct guestmem *map, uint64_t start_bytes,
		     uint64_t plug_bytes);
void guest_memory_free(struct guest_memory *memory);

/* Where RAM that is plugged in begins. */
uint64_t guest_memory_plug_address(uint64_t start_bytes);

/* Where BARs above RAM may begin. */
uint64_t guest_memory_high_bars(uint64_t start_bytes, uint64_t plug_bytes);

/* All zero again, as after power-on; gives the host its pages back. Return: 0 or negative errno. */
int guest_memory_clear(struct guest_memory *memory);

/**
 * guest_memory_give_back() - a piece of RAM that the guest does without is the host's again
 * @offset, @length:	of RAM as one piece, whole pages
 *
 * It reads as zero, here and in every process that has it mapped (vhost-user back ends,
 * lodge-screen), and costs nothing until somebody touches it.
 *
 * Return: 0; -EBUSY while it is pinned; -ERANGE if there is no such piece; or another negative
 * errno.
 */
int guest_memory_give_back(struct guest_memory *memory, uint64_t offset, uint64_t length);

/* Who keeps pages by their place in the host's RAM (registered for I/O, given to hardware) pins all
 * of it meanwhile: a page that was given back and touched again would be another one. Any thread.
 */
static inline void guest_memory_pin(struct guest_memory *memory)
{
	atomic_fetch_add(&memory->pins, 1);
}

static inline void guest_memory_unpin(struct guest_memory *memory)
{
	atomic_fetch_sub(&memory->pins, 1);
}

static inline bool guest_memory_is_pinned(const struct guest_memory *memory)
{
	return atomic_load(&memory->pins) > 0;
}

/* What of it the host really holds now, swapped out or not, in bytes. Return: 0 or negative errno.
 */
int guest_memory_resident(const struct guest_memory *memory, uint64_t *bytes);

#endif
