/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guestmem - the guest's physical memory, as the host may touch it
 *
 * A guest names its memory by guest-physical address (GPA); the host has it mapped as a few
 * regions. guestmem_ptr() is the only way from the one to the other. Everything that reads what a
 * guest wrote (rings, descriptors, request headers) comes through it, so a wild address is
 * stopped here and nowhere else.
 */
#ifndef LODGE_VIRTQUEUE_GUESTMEM_H
#define LODGE_VIRTQUEUE_GUESTMEM_H

#include <stddef.h>
#include <stdint.h>

/* Of lodge-vmm: RAM below the 32-bit hole, RAM above 4 GiB, and the windows of two devices. Of a
 * vhost-user front end: as many pieces as it may hand over, of memory that was plugged in, too. */
#define GUESTMEM_MAX_REGIONS 32

struct guestmem_region {
	uint64_t gpa;
	size_t size_bytes;
	uint8_t *host;
};

/* Sorted by gpa, never overlapping. Filled at start-up; read by all threads without a lock. */
struct guestmem {
	struct guestmem_region region[GUESTMEM_MAX_REGIONS];
	size_t count;
};

/**
 * guestmem_add() - tell where a piece of guest memory is mapped
 * @mem:	memory map, not yet shared with other threads
 * @gpa:	first guest-physical address
 * @host:	where it is mapped in this process; stays the caller's
 * @size_bytes:	length, at least one byte
 *
 * Return: 0; -ENOSPC if the map is full; -EINVAL if the piece is empty, runs past the end of the
 *	   address space, or overlaps another.
 */
int guestmem_add(struct guestmem *mem, uint64_t gpa, void *host, size_t size_bytes);

/**
 * guestmem_ptr() - the host's view of @len bytes at @gpa
 * @mem:	memory map
 * @gpa:	guest-physical address, as untrusted as it looks
 * @len:	bytes wanted, as untrusted as @gpa
 *
 * The bytes belong to the guest, which may change them at any time: copy what you are going to
 * check, then check the copy.
 *
 * Return: pointer to @len bytes; NULL unless all of them lie in one region.
 */
void *guestmem_ptr(const struct guestmem *mem, uint64_t gpa, size_t len);

#endif
