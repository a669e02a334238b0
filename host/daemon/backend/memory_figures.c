/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/memory_figures.h"

#include "protocol/base/bytes.h"

#include <stddef.h>
#include <string.h>

/* libvirt's sizes are KiB. A guest's nonsense becomes large, not small. */
static uint64_t bytes_of(uint64_t kib)
{
	return kib > UINT64_MAX >> 10 ? UINT64_MAX : kib << 10;
}

/* https://libvirt.org/manpages/virsh.html#domstats */
void memory_figures_read(const virTypedParameter *parameters, int count,
			 struct memory_figures *figures)
{
	static const struct {
		const char *name;
		size_t offset;
	} sizes[] = {
		{"balloon.current", offsetof(struct memory_figures, actual_bytes)},
		{"balloon.maximum", offsetof(struct memory_figures, maximum_bytes)},
		{"balloon.rss", offsetof(struct memory_figures, resident_bytes)},
		{"balloon.unused", offsetof(struct memory_figures, free_bytes)},
		{"balloon.usable", offsetof(struct memory_figures, available_bytes)},
		{"balloon.disk_caches", offsetof(struct memory_figures, cache_bytes)},
		{"balloon.swap_in", offsetof(struct memory_figures, swapped_in_bytes)},
		{"balloon.swap_out", offsetof(struct memory_figures, swapped_out_bytes)},
	};

	*figures = (struct memory_figures){0};
	for (int i = 0; i < count; i++) {
		const virTypedParameter *parameter = &parameters[i];

		if (parameter->type != VIR_TYPED_PARAM_ULLONG)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			if (strcmp(parameter->field, sizes[k].name) != 0)
				continue;
			*(uint64_t *)((char *)figures + sizes[k].offset) =
				bytes_of(parameter->value.ul);
		}
		if (strcmp(parameter->field, "balloon.usable") == 0)
			figures->has_available = true;
		else if (strcmp(parameter->field, "balloon.last-update") == 0)
			figures->told_s = parameter->value.ul;
	}
}

bool memory_figures_update(struct memory_figures *last, const struct memory_figures *told)
{
	uint64_t resident_bytes =
		told->resident_bytes ? told->resident_bytes : last->resident_bytes;

	if (!told->told_s || told->told_s == last->told_s) {
		last->actual_bytes = told->actual_bytes;
		last->maximum_bytes = told->maximum_bytes;
		last->resident_bytes = resident_bytes;
		return false;
	}
	*last = *told;
	last->resident_bytes = resident_bytes;
	return true;
}
