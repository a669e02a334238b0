/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm_memory - defaults of a VM, and a sample out of a balloon's statistics
 */
#include "host/daemon/memory/vm_memory.h"

#include <sys/param.h>

#define DEFAULT_MINIMUM (128 * MEMORY_MIB)

/*
 * Statistics know no stall times. An allocation that had to wait went through direct reclaim, which
 * takes about this long on a guest that finds something to reclaim.
 */
#define STALL_US 1000

void memory_config_default(uint64_t machine_bytes, struct memory_member_config *config)
{
	*config = (struct memory_member_config){
		.maximum_bytes = machine_bytes,
		.minimum_bytes = MIN(machine_bytes, MAX(machine_bytes / 4, DEFAULT_MINIMUM)),
		.shares = MEMORY_DEFAULT_SHARES,
	};
}

void memory_sample_of_statistics(const struct memory_statistics *statistics, uint64_t now_ms,
				 struct memory_sample *sample)
{
	uint64_t available = statistics->available_bytes;

	if (!statistics->has_available &&
	    __builtin_add_overflow(statistics->free_bytes, statistics->caches_bytes, &available))
		available = UINT64_MAX;
	*sample = (struct memory_sample){
		.at_ms = now_ms - MIN(statistics->age_ms, now_ms),
		.period_ms = statistics->period_ms,
		.visible_bytes = statistics->actual_bytes,
		.free_bytes = statistics->free_bytes,
		.available_bytes = available,
		.total_bytes = statistics->total_bytes,
		.swapped_in_bytes = statistics->swap_in_bytes,
		.swap_used_bytes = statistics->swap_out_bytes > statistics->swap_in_bytes
					   ? statistics->swap_out_bytes - statistics->swap_in_bytes
					   : 0,
	};
	if (__builtin_mul_overflow(statistics->stalls, (uint64_t)STALL_US, &sample->stall_us))
		sample->stall_us = UINT64_MAX;
}
