/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * io_bus - which device answers at an address
 *
 * One bus for port I/O, one for memory-mapped I/O; both share one lock, which is held during every
 * callback. So a device's registers are never accessed by two vCPUs at once, and a device may move
 * regions (a PCI BAR) in a callback. The lock is cheap because data does not pass here: doorbells
 * are ioeventfds and interrupts are irqfds.
 *
 * Rule: nothing that a device thread does may wait for this lock; callbacks may wait for a device
 * thread (a reset that waits for requests in flight).
 */
#ifndef LODGE_VMM_IO_BUS_H
#define LODGE_VMM_IO_BUS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define IO_BUS_MAX_REGIONS 128

/*
 * @offset: from the region's base. @size: 1, 2, 4 or 8 bytes; the access lies wholly within the
 * region but may have any alignment: a device refuses (ignores, reads ones) what it does not like.
 */
struct io_ops {
	uint64_t (*read)(void *owner, uint64_t offset, unsigned int size);
	void (*write)(void *owner, uint64_t offset, unsigned int size, uint64_t value);
};

struct io_region {
	uint64_t base;
	uint64_t size_bytes;
	const struct io_ops *ops;
	void *owner;
};

struct io_bus {
	pthread_mutex_t *lock;
	struct io_region region[IO_BUS_MAX_REGIONS]; /* sorted by base, never overlapping */
	size_t count;
};

/* @lock stays the caller's. */
void io_bus_init(struct io_bus *bus, pthread_mutex_t *lock);

/**
 * io_bus_add() - let a device answer
 *
 * With the lock held, or before vCPUs run. Return: 0; -EEXIST if the range overlaps another;
 * -EINVAL if it is empty or wraps; -ENOSPC.
 */
int io_bus_add(struct io_bus *bus, const struct io_region *region);

/* The region that begins at @base, if there is one. Same locking. */
void io_bus_remove(struct io_bus *bus, uint64_t base);

/**
 * io_bus_read() / io_bus_write() - an access of a vCPU; takes the lock
 *
 * Where nobody answers, or an access runs past the end of its region, reads give all ones and
 * writes are dropped. @size is 1 to 8; what is not a power of two is done in bytes.
 */
uint64_t io_bus_read(struct io_bus *bus, uint64_t address, unsigned int size);
void io_bus_write(struct io_bus *bus, uint64_t address, unsigned int size, uint64_t value);

#endif
