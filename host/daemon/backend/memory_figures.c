/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/memory_figures.h"

#include "protocol/base/bytes.h"

#include <stddef.h>
#include <string.h>
#include <sys/param.h>

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
		{"balloon.rss", offsetof(struct memory_figures, process_bytes)},
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

/* Figures of memory that has moved since are of different moments. */
static bool is_at_rest(const struct memory_figures *last, const struct memory_figures *now)
{
	const uint64_t little = 4 << 20;

	return last->told_s && now->process_bytes && now->actual_bytes == last->actual_bytes &&
	       now->free_bytes <= now->actual_bytes &&
	       MAX(now->free_bytes, last->free_bytes) - MIN(now->free_bytes, last->free_bytes) <=
		       little &&
	       MAX(now->process_bytes, last->process_bytes) -
			       MIN(now->process_bytes, last->process_bytes) <=
		       little;
}

static uint64_t beside(const struct memory_figures *last, const struct memory_figures *now)
{
	uint64_t used_bytes = now->actual_bytes - MIN(now->free_bytes, now->actual_bytes);
	uint64_t most = last->beside_bytes ? last->beside_bytes : MEMORY_BESIDE_MAX;

	if (!is_at_rest(last, now) || now->process_bytes <= used_bytes)
		return last->beside_bytes;
	return MIN(most, now->process_bytes - used_bytes);
}

bool memory_figures_update(struct memory_figures *last, const struct memory_figures *told)
{
	struct memory_figures now = *told;

	if (!now.process_bytes)
		now.process_bytes = last->process_bytes;
	if (!told->told_s || told->told_s == last->told_s) {
		last->actual_bytes = now.actual_bytes;
		last->maximum_bytes = now.maximum_bytes;
		last->process_bytes = now.process_bytes;
		return false;
	}
	now.beside_bytes = beside(last, &now);
	*last = now;
	return true;
}

uint64_t memory_figures_resident(const struct memory_figures *figures)
{
	return figures->process_bytes - MIN(figures->beside_bytes, figures->process_bytes);
}

static void tell_observation(const struct memory_figures *figures, bool driver,
			     struct memory_member *member)
{
	struct memory_observation observation = {
		.actual_bytes = figures->actual_bytes,
		.resident_bytes = memory_figures_resident(figures),
		.driver = driver,
	};

	if (member)
		memory_member_observe(member, &observation);
}

static void tell_sample(const struct memory_figures *figures, struct memory_member *member)
{
	struct memory_statistics statistics = {
		.actual_bytes = figures->actual_bytes,
		.has_available = figures->has_available,
		.free_bytes = figures->free_bytes,
		.available_bytes = figures->available_bytes,
		.caches_bytes = figures->cache_bytes,
		.swap_in_bytes = figures->swapped_in_bytes,
		.swap_out_bytes = figures->swapped_out_bytes,
		/* Asked once a second, to a clock of whole seconds. */
		.period_ms = 2000 * MEMORY_FIGURES_PERIOD_S,
	};
	struct memory_sample sample;

	if (!member)
		return;
	memory_sample_of_statistics(&statistics, memory_member_now(member), &sample);
	memory_member_sample(member, MEMORY_FROM_BALLOON, &sample);
}

void memory_figures_tell(struct memory_figures *last, bool *driver,
			 const struct memory_figures *now, struct memory_member *member)
{
	bool is_new;

	/* A driver of libvirt's that does not tell. */
	if (!now->maximum_bytes)
		return;
	is_new = memory_figures_update(last, now);
	*driver |= is_new || now->actual_bytes < now->maximum_bytes;
	tell_observation(last, *driver, member);
	if (is_new)
		tell_sample(last, member);
}

void memory_figures_tell_size(struct memory_figures *last, bool *driver, uint64_t actual_bytes,
			      struct memory_member *member)
{
	last->actual_bytes = actual_bytes;
	/* Nobody else moves it. */
	*driver = true;
	tell_observation(last, *driver, member);
}
