/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Per second; negative if it cannot be told. */
static double rate_of(uint64_t now, uint64_t before, uint64_t elapsed_ns)
{
	if (elapsed_ns == 0 || now < before)
		return -1;
	return (double)(now - before) * 1e9 / (double)elapsed_ns;
}

static const struct snapshot_vm *find(const struct snapshot *snapshot, const char *name)
{
	for (size_t i = 0; snapshot && i < snapshot->count; i++) {
		if (strcmp(snapshot->vms[i].name, name) == 0)
			return &snapshot->vms[i];
	}
	return NULL;
}

static void vm_rates(struct snapshot_vm *now, const struct snapshot_vm *before)
{
	uint64_t elapsed = before && now->at_ns > before->at_ns ? now->at_ns - before->at_ns : 0;

	now->cpu_part = -1;
	if (elapsed && now->has_cpu && before->has_cpu)
		now->cpu_part = rate_of(now->cpu_ns, before->cpu_ns, elapsed) / 1e9;
	if (elapsed && now->has_stall && before->has_stall)
		now->pressure = rate_of(now->stall_ns, before->stall_ns, elapsed) / 1e9;
	for (size_t i = 0; i < SNAPSHOT_COUNTERS; i++) {
		now->rate[i] = -1;
		if (elapsed && now->has_counter[i] && before->has_counter[i])
			now->rate[i] = rate_of(now->counter[i], before->counter[i], elapsed);
	}
}

void snapshot_rates(struct snapshot *now, const struct snapshot *before)
{
	uint64_t elapsed = before && now->at_ns > before->at_ns ? now->at_ns - before->at_ns : 0;

	now->cpu_part = -1;
	if (elapsed && now->has_cpu && before->has_cpu)
		now->cpu_part = rate_of(now->cpu_ns, before->cpu_ns, elapsed) / 1e9;
	if (elapsed && now->has_stall && before->has_stall)
		now->pressure = rate_of(now->stall_ns, before->stall_ns, elapsed) / 1e9;
	for (size_t i = 0; i < now->count; i++)
		vm_rates(&now->vms[i], find(before, now->vms[i].name));
}

static double weight(const struct snapshot_vm *vm, enum snapshot_order order)
{
	switch (order) {
	case SNAPSHOT_BY_CPU:
		return vm->cpu_part;
	case SNAPSHOT_BY_MEMORY:
		return (double)(vm->actual ? vm->actual : vm->maximum);
	case SNAPSHOT_BY_PRESSURE:
		return vm->pressure;
	case SNAPSHOT_BY_NAME:
		break;
	}
	return 0;
}

static int compare(const void *left, const void *right, void *order)
{
	const struct snapshot_vm *a = left, *b = right;
	double weight_a = weight(a, *(enum snapshot_order *)order);
	double weight_b = weight(b, *(enum snapshot_order *)order);

	if (weight_a != weight_b)
		return weight_a > weight_b ? -1 : 1;
	return strcmp(a->name, b->name);
}

void snapshot_sort(struct snapshot *snapshot, enum snapshot_order order)
{
	if (snapshot->count > 0)
		qsort_r(snapshot->vms, snapshot->count, sizeof(*snapshot->vms), compare, &order);
}

void snapshot_end(struct snapshot *snapshot)
{
	free(snapshot->vms);
	*snapshot = (struct snapshot){0};
}
