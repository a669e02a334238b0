/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/pvpanic.h"

#include "host/vmm/ports.h"

static uint64_t pvpanic_read(void *owner, uint64_t offset, unsigned int size)
{
	(void)owner;
	(void)offset;
	(void)size;
	return PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;
}

static void pvpanic_write(void *owner, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pvpanic *pvpanic = owner;

	(void)offset;
	(void)size;
	if (value & PVPANIC_PANICKED)
		pvpanic->panicked(pvpanic->owner);
}

static const struct io_ops ops = {pvpanic_read, pvpanic_write};

int pvpanic_init(struct pvpanic *pvpanic, struct io_bus *pio)
{
	struct io_region region = {PVPANIC_PORT, 1, &ops, pvpanic};

	return io_bus_add(pio, &region);
}
