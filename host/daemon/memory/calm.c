/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calm - what keeps targets from dancing
 *
 * A change that is too small is not made, and a guest does not turn around within seconds; neither
 * counts when it stalls, or when more is out than there is. Taking what may be used (cache, as
 * opposed to free memory) is learned from: when a guest stalls soon after, it is left alone, twice
 * as long each time, and the size it had is a floor that fades within minutes.
 */
#include "host/daemon/memory/internal.h"

#define FORGIVEN_MS 300000 /* without stalls: the hold is short again */

double calm_deadband(const struct memory_tuning *tuning, double size)
{
	return max2((double)tuning->deadband_floor_bytes, tuning->deadband_fraction * size);
}

static double floor_now(const struct memory_tuning *tuning, const struct memory_vm *vm,
			uint64_t now_ms)
{
	return vm->floor * decay((double)(now_ms - vm->floor_ms), tuning->floor_half_life_ms);
}

void calm_pressure(const struct memory_tuning *tuning, struct memory_vm *vm, uint64_t now_ms)
{
	if (!vm->hold_ms || now_ms - vm->pressure_ms > FORGIVEN_MS)
		vm->hold_ms = tuning->hold_ms;
	if (vm->shrunk_from > 0 && now_ms - vm->shrunk_ms <= tuning->blame_ms) {
		vm->hold_ms *= 2;
		if (vm->hold_ms > tuning->hold_max_ms)
			vm->hold_ms = tuning->hold_max_ms;
		if (vm->shrunk_from > floor_now(tuning, vm, now_ms)) {
			vm->floor = vm->shrunk_from;
			vm->floor_ms = now_ms;
		}
		vm->shrunk_from = 0;
	}
	vm->pressure_ms = now_ms;
	vm->hold_until_ms = now_ms + vm->hold_ms;
}

double calm_shrink(const struct memory_tuning *tuning, const struct memory_vm *vm, double size,
		   double slow, uint64_t now_ms)
{
	if (now_ms < vm->hold_until_ms)
		return size;
	return max2(size - slow, min2(size, floor_now(tuning, vm, now_ms)));
}

/* What would come together if all that is above its due by more than @spared were taken. */
static double taken(const struct memory_policy *policy, double spared)
{
	double sum = 0;

	for (size_t i = 0; i < policy->count; i++) {
		const struct memory_vm *vm = policy->vm[i];

		if (vm_is_followed(vm))
			sum += max2(0, (double)vm->decision.target_bytes - vm->due - spared);
	}
	return sum;
}

/*
 * Memory is taken when somebody needs it, and no more than that: for who is to grow, and for a
 * cushion of credits from which the next one can be served at once. It comes from those who have
 * most above their due.
 */
void calm_plan(struct memory_policy *policy)
{
	double cushion = policy->tuning.cushion_fraction * (double)policy->totals.budget_bytes;
	double needed = -ledger_credits(policy), low = 0, high = 0;

	policy->hurry = false;

	for (size_t i = 0; i < policy->count; i++) {
		const struct memory_vm *vm = policy->vm[i];
		double target = (double)vm->decision.target_bytes;

		if (!vm_is_followed(vm))
			continue;
		high = max2(high, target - vm->due);
		if (vm->demand > target)
			needed += max2(0, vm->due - target);
		policy->hurry |= (vm->urgent || vm->starved) &&
				 vm->due - target > 4 * calm_deadband(&policy->tuning, target);
		/* On its way. */
		needed -= (double)ledger_charge(vm) - target;
	}
	if (!policy->scarce)
		needed += min2(cushion, policy->slack * (1 - policy->tuning.slack_given));
	if (needed > 0) {
		for (int i = 0; i < 40; i++) {
			double middle = (low + high) / 2;

			if (taken(policy, middle) >= needed)
				low = middle;
			else
				high = middle;
		}
		high = low;
	}
	policy->spared = high;
}

/* Whether a shrink is worth it, and then by how much. */
static bool is_needed(const struct memory_policy *policy, struct memory_vm *vm, double current,
		      double due)
{
	double excess = current - due, band = calm_deadband(&policy->tuning, current);

	if (excess <= policy->spared)
		return false;
	vm->want = (uint64_t)(current - min2(excess, max2(excess - policy->spared, band)));
	return true;
}

void calm_decide(const struct memory_policy *policy, struct memory_vm *vm, uint64_t now_ms)
{
	const struct memory_tuning *tuning = &policy->tuning;
	struct memory_decision *decision = &vm->decision;
	double due =
		clamp(vm->due, (double)vm->config.minimum_bytes, (double)vm->config.maximum_bytes);
	double current = (double)decision->target_bytes;
	bool grows = due > current, hurry = grows && (vm->urgent || vm->starved);

	/* Who has its shares and wants more follows their worth in steps, not at each tremble. */
	if (policy->scarce && !vm->exhausted && due < vm->demand &&
	    due - current < calm_deadband(tuning, current))
		hurry = false;

	double change = grows ? due - current : current - due;

	if (due >= (double)vm->config.maximum_bytes)
		decision->reason = MEMORY_BECAUSE_MAXIMUM;
	else if (!policy->scarce || due >= vm->demand)
		decision->reason = MEMORY_BECAUSE_DEMAND;
	else if (due <= (double)vm->config.minimum_bytes)
		decision->reason = MEMORY_BECAUSE_MINIMUM;
	else
		decision->reason = MEMORY_BECAUSE_SHARES;

	vm->want = (uint64_t)due;
	if (!grows && policy->overdrawn)
		return;
	if (hurry) {
		decision->reason = MEMORY_BECAUSE_URGENT;
		return;
	}
	if (!grows && change >= 1 && !is_needed(policy, vm, current, due)) {
		decision->reason = MEMORY_BECAUSE_UNNEEDED;
		vm->want = decision->target_bytes;
		return;
	}
	if (change < max2(calm_deadband(tuning, current),
			  grows && vm->demand <= current ? tuning->gift_fraction * current : 0)) {
		if (change >= 1)
			decision->reason = MEMORY_BECAUSE_DEADBAND;
		vm->want = decision->target_bytes;
	} else if (vm->trend == (grows ? MEMORY_SHRINKS : MEMORY_GROWS) &&
		   now_ms - vm->moved_ms < tuning->turn_ms && !(policy->hurry && !grows)) {
		decision->reason = MEMORY_BECAUSE_TURN;
		vm->want = decision->target_bytes;
	}
}

void calm_moved(struct memory_vm *vm, uint64_t from, uint64_t to, uint64_t now_ms)
{
	if (from == to)
		return;
	vm->trend = to > from ? MEMORY_GROWS : MEMORY_SHRINKS;
	vm->moved_ms = now_ms;
	if (to < from) {
		vm->shrunk_ms = now_ms;
		vm->shrunk_from = (double)from;
	}
}
