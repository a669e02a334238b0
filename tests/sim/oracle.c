/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * oracle - who knows what every VM needs, at each moment, and divides by shares
 *
 * It moves balloons no faster than anybody: growth is paid from what has been given back.
 */
#include "host/daemon/memory/internal.h"
#include "tests/sim/sim.h"

#include <stdlib.h>

void oracle_divide(struct sim *sim)
{
	double demand[MAX_VMS], base[MAX_VMS], weight[MAX_VMS], due[MAX_VMS], total;

	total = 0.96 * sim->total - sim->other;
	for (size_t i = 0; i < sim->count; i++) {
		const struct sim_vm *vm = &sim->vm[i];

		demand[i] = max2(vm->minimum, min2(vm->maximum, 1.02 * guest_need(vm)));
		base[i] = vm->minimum;
		weight[i] = vm->shares;
	}
	allocate_max_min(sim->count, demand, base, weight, total, due);
	for (size_t i = 0; i < sim->count; i++)
		sim->vm[i].ideal = due[i];
}

static void *oracle_start(struct sim *sim)
{
	oracle_divide(sim);
	for (size_t i = 0; i < sim->count; i++)
		sim->vm[i].target = sim->vm[i].ideal;
	return calloc(1, 1);
}

static void oracle_step(void *state, struct sim *sim)
{
	double credits = 0.96 * sim->total - sim->other, missing = 0;

	(void)state;
	for (size_t i = 0; i < sim->count; i++) {
		credits -= max2(sim->vm[i].actual, 0);
		missing += max2(0, sim->vm[i].ideal - sim->vm[i].actual);
	}
	for (size_t i = 0; i < sim->count; i++) {
		struct sim_vm *vm = &sim->vm[i];
		double gap = vm->ideal - vm->actual;

		if (gap <= 0) {
			/* What nobody needs stays where it is. */
			if (missing > credits)
				vm->target = vm->ideal;
		} else {
			vm->target =
				vm->actual + gap * clamp(missing > 0 ? credits / missing : 0, 0, 1);
		}
	}
}

const struct controller controller_oracle = {"oracle", oracle_start, oracle_step, free};
