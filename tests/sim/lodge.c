/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge - the policy that lodged runs, driven as lodged drives it
 *
 * Samples come once a second; urgent ones when the guest has
 * stalled 100 ms in a second, or has almost nothing left. The dead guest tells nothing, the liar
 * ten times the truth.
 */
#include "tests/sim/sim.h"

#include "tests/sim/machine.h"

#include <stdio.h>
#include <stdlib.h>

struct lodge {
	struct memory_policy *policy;
	struct memory_vm *vm[MAX_VMS];
	double told_ms[MAX_VMS];
};

static void host_figures(struct lodge *lodge, const struct sim *sim)
{
	double available = sim_host_free(sim);
	struct memory_host host = {
		.total_bytes = (uint64_t)sim->total,
		.available_bytes = (uint64_t)(available > 0 ? available : 0),
		.other_bytes = (uint64_t)sim->other,
	};

	memory_policy_host(lodge->policy, &host);
}

static void lodge_stop(void *state)
{
	struct lodge *lodge = state;

	memory_policy_free(lodge->policy);
	free(lodge);
}

static void *lodge_start(struct sim *sim)
{
	struct lodge *lodge = calloc(1, sizeof(*lodge));
	char name[32];

	if (!lodge)
		return NULL;
	if (memory_policy_new(&memory_tuning_default, &lodge->policy)) {
		free(lodge);
		return NULL;
	}
	host_figures(lodge, sim);
	sim_equal_parts(sim);
	for (size_t i = 0; i < sim->count; i++) {
		struct memory_vm_config config = {
			.name = name,
			.maximum_bytes = (uint64_t)sim->vm[i].maximum,
			.minimum_bytes = (uint64_t)sim->vm[i].minimum,
			.shares = sim->vm[i].shares,
		};
		/* As if they had been running: the equal part, from which each goes its way. */
		struct memory_observation seen = {.driver = true};

		snprintf(name, sizeof(name), "vm%zu", i);
		if (memory_policy_adopt(lodge->policy, &config, 0, &lodge->vm[i])) {
			lodge_stop(lodge);
			return NULL;
		}
		seen.actual_bytes = (uint64_t)sim->vm[i].target;
		memory_vm_observe(lodge->policy, lodge->vm[i], &seen);
		lodge->told_ms[i] = -1000;
	}
	return lodge;
}

static void tell(struct lodge *lodge, const struct sim *sim, size_t i)
{
	const struct sim_vm *vm = &sim->vm[i];
	double available = guest_available(vm), free_bytes = guest_free(vm);
	struct memory_sample sample = {.at_ms = (uint64_t)sim->now_ms, .period_ms = 1000};

	if (vm->workload.kind == WORKLOAD_LIAR) {
		available = vm->actual - 10 * (vm->actual - available);
		free_bytes = 0;
		sample.stall_us = (uint64_t)(sim->now_ms * 500);
	}
	sample.available_bytes = (uint64_t)(available > 0 ? available : 0);
	sample.free_bytes = (uint64_t)free_bytes;
	sample.refaulted_bytes = (uint64_t)vm->refaulted;
	sample.swapped_in_bytes = (uint64_t)vm->swapped_in;
	sample.swap_used_bytes = (uint64_t)vm->swapped;
	sample.swap_free_bytes = (uint64_t)(GUEST_SWAP_BYTES - vm->swapped);
	sample.reclaims = true;
	sample.stall_us += (uint64_t)vm->stall_us;
	memory_vm_sample(lodge->policy, lodge->vm[i], &sample);
	lodge->told_ms[i] = sim->now_ms;
}

static bool is_urgent(const struct sim_vm *vm)
{
	double stalled_s = 0;

	if (vm->workload.kind == WORKLOAD_LIAR)
		return true;
	for (size_t i = 0; i < 4; i++)
		stalled_s += vm->recent[i] * STEP_S;
	return stalled_s >= 0.1 || guest_available(vm) < 0.01 * vm->actual;
}

static void lodge_step(void *state, struct sim *sim)
{
	struct lodge *lodge = state;
	bool due = (long)sim->now_ms % 1000 == 0;

	host_figures(lodge, sim);
	for (size_t i = 0; i < sim->count; i++) {
		struct sim_vm *vm = &sim->vm[i];
		bool answers = vm->workload.kind != WORKLOAD_DEAD ||
			       sim->now_ms < vm->workload.silent_after_ms;
		struct memory_observation seen = {.at_ms = (uint64_t)sim->now_ms,
						  .actual_bytes = (uint64_t)vm->actual,
						  .resident_bytes = (uint64_t)guest_resident(vm),
						  .driver = true};
		bool urgent = answers && is_urgent(vm);

		memory_vm_observe(lodge->policy, lodge->vm[i], &seen);
		if (answers && (due || (urgent && sim->now_ms - lodge->told_ms[i] >= 500)))
			tell(lodge, sim, i);
		if (urgent)
			memory_vm_urgent(lodge->policy, lodge->vm[i], (uint64_t)sim->now_ms);
	}
	memory_policy_step(lodge->policy, (uint64_t)sim->now_ms);
	for (size_t i = 0; i < sim->count; i++) {
		const struct memory_decision *decision = memory_vm_decision(lodge->vm[i]);

		sim->vm[i].target = (double)decision->target_bytes;
		if (decision->reclaim_bytes)
			guest_reclaim(&sim->vm[i], (double)decision->reclaim_bytes);
	}
}

const struct controller controller_lodge = {"Lodge", lodge_start, lodge_step, lodge_stop};
