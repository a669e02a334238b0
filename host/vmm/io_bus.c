/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/io_bus.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

void io_bus_init(struct io_bus *bus, pthread_mutex_t *lock)
{
	bus->lock = lock;
	bus->count = 0;
}

/* Index of the first region that begins after @address. */
static size_t first_after(const struct io_bus *bus, uint64_t address)
{
	size_t low = 0, high = bus->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bus->region[middle].base <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int io_bus_add(struct io_bus *bus, const struct io_region *region)
{
	size_t at = first_after(bus, region->base);

	if (region->size_bytes == 0 || region->base > UINT64_MAX - region->size_bytes)
		return -EINVAL;
	if (bus->count == IO_BUS_MAX_REGIONS)
		return -ENOSPC;
	if (at > 0 && region->base - bus->region[at - 1].base < bus->region[at - 1].size_bytes)
		return -EEXIST;
	if (at < bus->count && bus->region[at].base - region->base < region->size_bytes)
		return -EEXIST;

	memmove(&bus->region[at + 1], &bus->region[at], (bus->count - at) * sizeof(*region));
	bus->region[at] = *region;
	bus->count++;
	return 0;
}

void io_bus_remove(struct io_bus *bus, uint64_t base)
{
	size_t at = first_after(bus, base);

	if (at == 0 || bus->region[at - 1].base != base)
		return;
	memmove(&bus->region[at - 1], &bus->region[at], (bus->count - at) * sizeof(bus->region[0]));
	bus->count--;
}

/* The region that holds all of an access, or NULL. */
static const struct io_region *find(const struct io_bus *bus, uint64_t address, unsigned int size)
{
	size_t after = first_after(bus, address);
	const struct io_region *region;

	if (after == 0)
		return NULL;
	region = &bus->region[after - 1];
	if (address - region->base >= region->size_bytes ||
	    size > region->size_bytes - (address - region->base))
		return NULL;
	return region;
}

static uint64_t ones(unsigned int size)
{
	return size >= 8 ? UINT64_MAX : (1ULL << (size * 8)) - 1;
}

static bool is_register_size(unsigned int size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static uint64_t read_locked(struct io_bus *bus, uint64_t address, unsigned int size)
{
	const struct io_region *region = find(bus, address, size);

	if (!region)
		return ones(size);
	return region->ops->read(region->owner, address - region->base, size) & ones(size);
}

static void write_locked(struct io_bus *bus, uint64_t address, unsigned int size, uint64_t value)
{
	const struct io_region *region = find(bus, address, size);

	if (region)
		region->ops->write(region->owner, address - region->base, size, value & ones(size));
}

uint64_t io_bus_read(struct io_bus *bus, uint64_t address, unsigned int size)
{
	uint64_t value = 0;

	pthread_mutex_lock(bus->lock);
	if (is_register_size(size)) {
		value = read_locked(bus, address, size);
	} else {
		for (unsigned int i = 0; i < size; i++)
			value |= read_locked(bus, address + i, 1) << (i * 8);
	}
	pthread_mutex_unlock(bus->lock);
	return value;
}

void io_bus_write(struct io_bus *bus, uint64_t address, unsigned int size, uint64_t value)
{
	pthread_mutex_lock(bus->lock);
	if (is_register_size(size)) {
		write_locked(bus, address, size, value);
	} else {
		for (unsigned int i = 0; i < size; i++)
			write_locked(bus, address + i, 1, value >> (i * 8) & 0xff);
	}
	pthread_mutex_unlock(bus->lock);
}
