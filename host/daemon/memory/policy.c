/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy - the VMs that take part, and the step over all of them
 */
#include "host/daemon/memory/internal.h"
#include "protocol/base/cleanup.h"

#include <string.h>

const struct memory_tuning memory_tuning_default = {
	.reserve_fraction = 0.04,
	.reserve_floor_bytes = 256 * MEMORY_MIB,
	.pressure_high = 0.1,
	.pressure_poor = 0.02,
	.pressure_leap = 0.005,
	.plenty_fraction = 0.8,
	.pressure_low = 0.0125,
	.growth_per_pressure_bytes = (double)(2 * MEMORY_MIB),
	.slow_shrink = 0.008,
	.futile_shrink = 0.01,
	.growth_half_life_ms = 4000,
	.headroom_fraction = 0.03,
	.headroom_floor_bytes = 48 * MEMORY_MIB,
	.firm_headroom_bytes = 32 * MEMORY_MIB,
	.warm_s = 20,
	.leap_fraction = 0.125,
	.leap_ms = 24000,
	.leap_step = 0.125,
	.step_bands = 1.5,
	.savings_max_s = 600,
	.savings_spent_s = 2,
	.slack_given = 0.8,
	.cushion_fraction = 0.005,
	.gift_fraction = 0.3,
	.deadband_fraction = 0.05,
	.deadband_floor_bytes = 32 * MEMORY_MIB,
	.turn_bands = 3,
	.scarce_deadband_fraction = 0.3,
	.scarce_pressure = 0.2,
	.scarce_turn_ms = 10000,
	.hold_ms = 10000,
	.hold_max_ms = 160000,
	.blame_ms = 30000,
	.floor_half_life_ms = 300000,
	.turn_ms = 10000,
	.judge_ms = 30000,
	.futile_ms = 300000,
	.futile_max_ms = 1800000,
	.stale_periods = 3,
	.dead_ms = 10000,
	.stuck_ms = 5000,
	.stuck_bytes_per_s = MEMORY_MIB,
	.retry_ms = 30000,
	.retry_max_ms = 480000,
	.reclaim_fraction = 0.02,
	.reclaim_refaults = 0.002,
	.reclaim_quiet_ms = 30000,
	.reclaim_pause_ms = 10000,
	.overcommit_margin = 0.35,
	.boot_ms = 60000,
};

int memory_policy_new(const struct memory_tuning *tuning, struct memory_policy **result)
{
	struct memory_policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return -ENOMEM;
	policy->tuning = *tuning;
	*result = policy;
	return 0;
}

static void vm_free(struct memory_vm *vm)
{
	if (!vm)
		return;
	free(vm->name);
	free(vm);
}

void memory_policy_free(struct memory_policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->count; i++)
		vm_free(policy->vm[i]);
	free(policy->vm);
	free(policy->scratch);
	free(policy);
}

void memory_policy_tune(struct memory_policy *policy, const struct memory_tuning *tuning)
{
	policy->tuning = *tuning;
}

void memory_policy_host(struct memory_policy *policy, const struct memory_host *host)
{
	const struct memory_tuning *tuning = &policy->tuning;
	double total = (double)host->total_bytes;
	double reserve =
		max2(tuning->reserve_fraction * total, (double)tuning->reserve_floor_bytes);
	double budget = total - reserve - (double)host->other_bytes - (double)host->overhead_bytes +
			(double)host->ksm_saved_bytes / 2;

	policy->host = *host;
	policy->totals.reserve_bytes = (uint64_t)reserve;
	policy->totals.budget_bytes = (uint64_t)max2(0, budget);
}

static int check_config(const struct memory_vm_config *config)
{
	if (config->maximum_bytes < MEMORY_MIB || config->minimum_bytes > config->maximum_bytes)
		return -EINVAL;
	if (!config->shares || config->shares > MEMORY_MAX_SHARES)
		return -EINVAL;
	if (config->fixed_bytes && (config->fixed_bytes < config->minimum_bytes ||
				    config->fixed_bytes > config->maximum_bytes))
		return -EINVAL;
	return 0;
}

/* What a VM must never be refused. */
static double guaranteed(const struct memory_vm_config *config)
{
	return (double)(config->fixed_bytes ? config->fixed_bytes : config->minimum_bytes);
}

static bool admissible(const struct memory_policy *policy, const struct memory_vm *except,
		       const struct memory_vm_config *config)
{
	double sum = guaranteed(config);

	for (size_t i = 0; i < policy->count; i++)
		if (policy->vm[i] != except)
			sum += guaranteed(&policy->vm[i]->config);
	return sum <= (double)policy->totals.budget_bytes;
}

static int make_room(struct memory_policy *policy)
{
	size_t room = policy->room ? 2 * policy->room : 16;
	double *scratch;
	void *grown;

	if (policy->count < policy->room)
		return 0;
	grown = reallocarray(policy->vm, room, sizeof(struct memory_vm *));
	if (!grown)
		return -ENOMEM;
	policy->vm = grown;
	scratch = reallocarray(policy->scratch, room, MEMORY_SCRATCH * sizeof(double));
	if (!scratch)
		return -ENOMEM;
	policy->scratch = scratch;
	policy->room = room;
	return 0;
}

/* All it may have where there is credit for it, else half of the credits. */
static uint64_t starting_size(const struct memory_policy *policy,
			      const struct memory_vm_config *config)
{
	double credits = ledger_credits(policy), maximums = (double)config->maximum_bytes;

	if (config->fixed_bytes)
		return config->fixed_bytes;
	for (size_t i = 0; i < policy->count; i++)
		maximums += (double)policy->vm[i]->config.maximum_bytes;
	if (maximums <= (double)policy->totals.budget_bytes)
		return config->maximum_bytes;
	return (uint64_t)clamp(credits / 2, (double)config->minimum_bytes,
			       (double)config->maximum_bytes);
}

static int enter(struct memory_policy *policy, const struct memory_vm_config *config,
		 uint64_t now_ms, struct memory_vm **result)
{
	struct memory_vm *vm;
	int ret = check_config(config);

	if (ret)
		return ret;
	ret = make_room(policy);
	if (ret)
		return ret;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	vm->name = strdup(config->name);
	if (!vm->name) {
		free(vm);
		return -ENOMEM;
	}
	vm->config = *config;
	vm->config.name = vm->name;
	vm->added_ms = now_ms;
	vm->decision.target_bytes = starting_size(policy, config);
	vm->decision.reason = MEMORY_BECAUSE_START;
	vm->decision.ready = true;
	vm->ceiling = vm->want = vm->decision.target_bytes;
	vm->demand = (double)vm->decision.target_bytes;
	policy->vm[policy->count++] = vm;
	*result = vm;
	return 0;
}

int memory_policy_adopt(struct memory_policy *policy, const struct memory_vm_config *config,
			uint64_t now_ms, struct memory_vm **result)
{
	int ret = enter(policy, config, now_ms, result);

	if (!ret)
		(*result)->adopted = true;
	return ret;
}

int memory_policy_add(struct memory_policy *policy, const struct memory_vm_config *config,
		      uint64_t now_ms, struct memory_vm **result)
{
	int ret = check_config(config);

	if (ret)
		return ret;
	if (!admissible(policy, NULL, config))
		return -ENOSPC;
	ret = enter(policy, config, now_ms, result);
	if (!ret)
		(*result)->decision.ready = ledger_credits(policy) >= 0;
	return ret;
}

int memory_policy_configure(struct memory_policy *policy, struct memory_vm *vm,
			    const struct memory_vm_config *config)
{
	int ret = check_config(config);

	if (ret)
		return ret;
	/* Who asks for less is never refused. */
	if (guaranteed(config) > guaranteed(&vm->config) && !admissible(policy, vm, config))
		return -ENOSPC;
	vm->config = *config;
	vm->config.name = vm->name;
	vm->demand =
		clamp(vm->demand, (double)config->minimum_bytes, (double)config->maximum_bytes);
	vm->firm = clamp(vm->firm, (double)config->minimum_bytes, vm->demand);
	vm->decision.target_bytes =
		(uint64_t)clamp((double)vm->decision.target_bytes, (double)config->minimum_bytes,
				(double)config->maximum_bytes);
	if (vm->ceiling < vm->decision.target_bytes)
		vm->ceiling = vm->decision.target_bytes;
	return 0;
}

void memory_policy_remove(struct memory_policy *policy, struct memory_vm *vm)
{
	for (size_t i = 0; i < policy->count; i++) {
		if (policy->vm[i] != vm)
			continue;
		policy->vm[i] = policy->vm[--policy->count];
		vm_free(vm);
		return;
	}
}

void memory_vm_sample(struct memory_policy *policy, struct memory_vm *vm,
		      const struct memory_sample *sample)
{
	if (vm->sampled && sample->at_ms <= vm->sample.at_ms)
		return;
	demand_sample(&policy->tuning, vm, sample);
}

void memory_vm_observe(struct memory_policy *policy, struct memory_vm *vm,
		       const struct memory_observation *observation)
{
	if (vm->observed && observation->at_ms < vm->seen.at_ms)
		return;
	if (vm->observed && vm->seen.driver &&
	    observation->actual_bytes > vm->seen.actual_bytes + MEMORY_MIB &&
	    observation->actual_bytes > vm->ceiling + MEMORY_MIB)
		vm->took_ms = observation->at_ms;
	if (overcommit_called(vm, observation->resident_bytes))
		vm->took_ms = observation->at_ms;
	/* It has the size it has, whoever gave it that. */
	if (vm->adopted && !vm->observed && !vm->config.fixed_bytes)
		vm->decision.target_bytes = (uint64_t)clamp((double)observation->actual_bytes,
							    (double)vm->config.minimum_bytes,
							    (double)vm->config.maximum_bytes);
	vm->seen = *observation;
	vm->observed = true;
	ledger_observed(vm);
	health_progress(&policy->tuning, vm, observation->at_ms);
}

void memory_vm_urgent(struct memory_policy *policy, struct memory_vm *vm, uint64_t now_ms)
{
	double size = vm_actual(vm);

	/* Who has free memory stalls for another reason: it is reading back what it has room for.
	 */
	if (vm->judge.futile || (vm->sampled && !vm->constrained))
		return;
	vm->urgent = true;
	vm->demand = clamp(max2(vm->demand, size + size / 4), (double)vm->config.minimum_bytes,
			   (double)vm->config.maximum_bytes);
	calm_pressure(&policy->tuning, vm, now_ms);
}

/* Who waits to be started is charged already: when the ledger is even, its memory is there. */
static void let_start(struct memory_policy *policy, uint64_t now_ms)
{
	double credits = ledger_credits(policy), margin = 0, lent = 0;

	for (size_t i = 0; i < policy->count; i++) {
		double claim = (double)ledger_claim(policy->vm[i]);

		margin += overcommit_margin(policy->vm[i], claim);
		lent += claim - overcommit_charge(policy->vm[i], claim);
	}
	policy->totals.lent_bytes = (uint64_t)lent;
	/* Half the reserve may have been advanced to the urgent; that is made up for without haste.
	 */
	policy->overdrawn = credits + margin < -(double)policy->totals.reserve_bytes / 2;
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];

		if (vm->decision.ready)
			continue;
		vm->added_ms = now_ms;
		vm->decision.ready = credits >= 0;
		policy->overdrawn |= credits < 0;
	}
}

void memory_policy_step(struct memory_policy *policy, uint64_t now_ms)
{
	struct memory_totals *totals = &policy->totals;
	double plenty;

	overcommit_weigh(policy);
	let_start(policy, now_ms);
	for (size_t i = 0; i < policy->count; i++)
		health_check(&policy->tuning, policy->vm[i], now_ms);
	savings_update(policy, now_ms);
	allocate(policy);
	calm_plan(policy, now_ms);
	for (size_t i = 0; i < policy->count; i++)
		if (vm_is_followed(policy->vm[i]))
			calm_decide(policy, policy->vm[i], now_ms);
	reclaim_ask(policy, now_ms);
	emergency_check(policy, now_ms);
	ledger_grant(policy, now_ms);

	plenty = max2(policy->slack, policy->unused) / max2(1, (double)totals->budget_bytes);
	totals->demand_bytes = totals->charged_bytes = totals->minimum_bytes = 0;
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];
		struct memory_decision *decision = &vm->decision;

		decision->demand_bytes = (uint64_t)vm->demand;
		decision->due_bytes = (uint64_t)vm->due;
		decision->charged_bytes = ledger_charge(vm);
		decision->pressure = vm->pressure;
		decision->futile = vm->judge.futile;
		vm->plenty = plenty;
		totals->demand_bytes += decision->demand_bytes;
		totals->charged_bytes += decision->charged_bytes;
		totals->minimum_bytes += vm->config.minimum_bytes;
		vm->urgent = false;
	}
	policy->host.stalled = false;
	policy->stepped_ms = now_ms;
}

const struct memory_decision *memory_vm_decision(const struct memory_vm *vm)
{
	return &vm->decision;
}

const struct memory_totals *memory_policy_totals(const struct memory_policy *policy)
{
	return &policy->totals;
}

enum memory_trend memory_vm_trend(const struct memory_vm *vm)
{
	return vm->trend;
}
