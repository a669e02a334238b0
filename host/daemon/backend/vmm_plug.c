/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/vmm_plug.h"

#include <sys/param.h>

/* What is plugged at once; the device rounds up to it. */
#define BLOCK_BYTES (UINT64_C(2) << 20)

/* The machine's RAM for a target: whole blocks, and what it started with at least. */
static uint64_t ram_for(const struct vmm_plug *plug)
{
	const struct vm_memory *last = &plug->last;
	uint64_t target = MIN(plug->target_bytes, last->maximum_bytes);
	uint64_t part = target % BLOCK_BYTES;

	if (target <= last->start_bytes)
		return last->start_bytes;
	return MIN(part ? target + (BLOCK_BYTES - part) : target, last->maximum_bytes);
}

void vmm_plug_told(struct vmm_plug *plug, const struct vm_memory *memory, uint64_t now_ms)
{
	plug->last = *memory;
	if (!memory->plug || !plug->target_bytes ||
	    memory->requested_bytes < ram_for(plug) + VMM_PLUG_SPARE_BYTES)
		plug->spare_since_ms = 0;
	else if (!plug->spare_since_ms)
		plug->spare_since_ms = MAX(now_ms, 1);
}

uint64_t vmm_plug_wish(const struct vmm_plug *plug, uint64_t now_ms)
{
	const struct vm_memory *last = &plug->last;
	uint64_t ram = ram_for(plug);
	bool spare = plug->spare_since_ms && now_ms - plug->spare_since_ms >= VMM_PLUG_SPARE_MS;

	if (!last->plug || !plug->target_bytes ||
	    (plug->refused_ms && now_ms - plug->refused_ms < VMM_PLUG_REFUSED_MS))
		return 0;
	/* A guest that starts anew would be given memory before anybody puts it into use, while
	 * the balloon takes as much of what it can use. */
	if (!last->plug_driver)
		ram = last->start_bytes;
	else if (ram < last->requested_bytes && !spare)
		return 0;
	return ram == last->requested_bytes ? 0 : ram;
}

void vmm_plug_asked(struct vmm_plug *plug, uint64_t bytes)
{
	plug->last.requested_bytes = bytes;
}

void vmm_plug_refused(struct vmm_plug *plug, uint64_t now_ms)
{
	plug->refused_ms = MAX(now_ms, 1);
}
