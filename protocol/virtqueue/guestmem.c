/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/virtqueue/guestmem.h"

#include <errno.h>
#include <string.h>

/* Subtracting from what is known to be larger cannot wrap; adding what a guest gave can. */
static int region_holds(const struct guestmem_region *region, uint64_t gpa, size_t len)
{
	if (gpa < region->gpa || gpa - region->gpa > region->size_bytes)
		return 0;
	return len <= region->size_bytes - (gpa - region->gpa);
}

int guestmem_add(struct guestmem *mem, uint64_t gpa, void *host, size_t size_bytes)
{
	size_t at = 0;

	if (mem->count == GUESTMEM_MAX_REGIONS)
		return -ENOSPC;
	if (size_bytes == 0 || gpa > UINT64_MAX - size_bytes)
		return -EINVAL;

	while (at < mem->count && mem->region[at].gpa < gpa)
		at++;
	if (at > 0 && gpa - mem->region[at - 1].gpa < mem->region[at - 1].size_bytes)
		return -EINVAL;
	if (at < mem->count && mem->region[at].gpa - gpa < size_bytes)
		return -EINVAL;

	memmove(&mem->region[at + 1], &mem->region[at], (mem->count - at) * sizeof(mem->region[0]));
	mem->region[at] =
		(struct guestmem_region){.gpa = gpa, .size_bytes = size_bytes, .host = host};
	mem->count++;
	return 0;
}

void *guestmem_ptr(const struct guestmem *mem, uint64_t gpa, size_t len)
{
	for (size_t i = 0; i < mem->count; i++) {
		const struct guestmem_region *region = &mem->region[i];

		if (region_holds(region, gpa, len))
			return region->host + (gpa - region->gpa);
	}
	return NULL;
}
