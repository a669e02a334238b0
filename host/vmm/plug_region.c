/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/plug_region.h"

#include "host/vmm/kvm.h"
#include "host/vmm/options.h"
#include "protocol/base/bytes.h"

#include <errno.h>

/* Chunks at most; and the first window of KVM's that is ours: shares have those before it. */
#define MAX_CHUNKS   64
#define FIRST_WINDOW OPTIONS_MAX_FS
#define MIN_CHUNK    (128ULL << 20)

void plug_region_init(struct plug_region *region, struct kvm *kvm, struct guest_memory *ram)
{
	*region = (struct plug_region){
		.kvm = kvm,
		.ram = ram,
		.gpa = guest_memory_plug_address(ram->start_bytes),
		.size_bytes = ram->size_bytes - ram->start_bytes,
		.chunk_bytes = MIN_CHUNK,
	};
	while (region->size_bytes > region->chunk_bytes * MAX_CHUNKS)
		region->chunk_bytes *= 2;
}

static int show(struct plug_region *region, unsigned int chunk, bool visible)
{
	uint64_t at = chunk * region->chunk_bytes;
	uint64_t length = visible ? MIN(region->chunk_bytes, region->size_bytes - at) : 0;

	return kvm_set_window(region->kvm, FIRST_WINDOW + chunk, region->gpa + at,
			      region->ram->mapping + region->ram->start_bytes + at, length);
}

int plug_region_reach(struct plug_region *region, uint64_t bytes)
{
	unsigned int before = region->chunks;
	unsigned int chunks =
		(unsigned int)((bytes + region->chunk_bytes - 1) / region->chunk_bytes);
	int error = 0;

	while (!error && region->chunks > chunks) {
		error = show(region, region->chunks - 1, false);
		region->chunks -= !error;
	}
	while (!error && region->chunks < chunks) {
		error = show(region, region->chunks, true);
		region->chunks += !error;
	}
	/* Only what was new is taken away again: what could not be removed is still there. */
	while (error && region->chunks > before)
		if (show(region, --region->chunks, false))
			break;
	return error;
}

int plug_region_give_back(struct plug_region *region, uint64_t offset, uint64_t length)
{
	return guest_memory_give_back(region->ram, region->ram->start_bytes + offset, length);
}
