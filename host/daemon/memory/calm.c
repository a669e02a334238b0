/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calm - what keeps targets from dancing
 *
 * A change that is too small is not made, one to the other side has to be larger, and a guest does
 * not turn around within seconds; none of it counts when it stalls, when it is nearly full and has
 * no swap, or when more is out than there is. Taking what may be used (cache, as opposed to free
 * memory) is learned from: when a guest stalls soon after, it is left alone, twice as long each
 * time, and the size it had is a floor that fades within minutes.
 */
#include "host/daemon/memory/internal.h"

#define UNUSED_TIMES 4	    /* what is asked for: then it is not missed */
#define FORGIVEN_MS  300000 /* without stalls: the hold is short again */

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

/* A deadband, wider for a move to the other side: most of what turns, turns again. */
static double band_of(const struct memory_tuning *tuning, const struct memory_vm *vm, bool grows)
{
	double band = calm_deadband(tuning, (double)vm->decision.target_bytes);

	return vm->trend == (grows ? MEMORY_SHRINKS : MEMORY_GROWS) ? tuning->turn_bands * band
								    : band;
}

/*
 * The deadband of who has its share of scarce memory, priced by its stall: @relief is more than one
 * for a move that is worth more, and the band narrower by that.
 */
static double scarce_band(const struct memory_tuning *tuning, const struct memory_vm *vm,
			  double relief)
{
	return tuning->scarce_deadband_fraction * (double)vm->decision.target_bytes /
	       clamp(relief, 0.5, 1 / 0.3);
}

/*
 * Less is left than its use may want before the next step, and there is no swap to put it: such a
 * guest hardly stalls before its kernel ends a process, so its stall says nothing of its need.
 */
static bool is_nearly_full(const struct memory_tuning *tuning, const struct memory_vm *vm)
{
	double firm = (double)tuning->firm_headroom_bytes;
	double left = (double)vm->decision.target_bytes - vm->used;

	return vm->sampled && left < max2(firm, 2 * vm->growth_rate) &&
	       (double)vm->sample.swap_free_bytes < firm;
}

/* What is missing is worth a move: who has its share of scarce memory follows in steps. */
static bool is_worth_growing(const struct memory_policy *policy, const struct memory_vm *vm,
			     uint64_t now_ms)
{
	const struct memory_tuning *tuning = &policy->tuning;
	double current = (double)vm->decision.target_bytes;
	double missing = vm->due - current, band = band_of(tuning, vm, true);

	/* Headroom is there to be used, and is filled up before it is. */
	if (!policy->scarce || vm->due >= vm->demand)
		return missing >= min2(band, vm->headroom / 2) || vm->urgent || vm->starved;
	/* Nobody has to give for it, or nobody misses it. */
	if (vm->leaps && missing <= ledger_credits(policy))
		return missing >= band;
	if (vm->starved && missing <= policy->unused / UNUSED_TIMES)
		return missing >= calm_deadband(tuning, current);
	if (is_nearly_full(tuning, vm))
		return missing >= (double)tuning->firm_headroom_bytes / 4;
	if (vm->trend == MEMORY_SHRINKS && now_ms - vm->moved_ms < tuning->scarce_turn_ms)
		return false;
	return missing >= max2(band, scarce_band(tuning, vm, vm->strain / tuning->scarce_pressure));
}

/*
 * What a VM has above its due; nothing where that is little, or it stalls as it is, but for who
 * would not be served otherwise.
 */
static double excess_of(const struct memory_policy *policy, const struct memory_vm *vm)
{
	double current = (double)vm->decision.target_bytes, excess = current - vm->due;
	double band = band_of(&policy->tuning, vm, false);

	if (policy->strict)
		band = calm_deadband(&policy->tuning, current) / 2;
	else if (policy->scarce && vm->starved)
		band = max2(band,
			    scarce_band(&policy->tuning, vm,
					policy->tuning.scarce_pressure / max2(vm->strain, 0.001)));
	return excess < band ? 0 : max2(0, excess);
}

/* What would come together if all that is above its due by more than @spared were taken. */
static double taken(const struct memory_policy *policy, double spared)
{
	double sum = 0;

	for (size_t i = 0; i < policy->count; i++) {
		const struct memory_vm *vm = policy->vm[i];

		if (vm_is_followed(vm))
			sum += ledger_coming(vm, max2(0, excess_of(policy, vm) - spared)) -
			       ledger_coming(vm, 0);
	}
	return sum;
}

/* Credits, and what is free above headroom and due. */
static double unused(const struct memory_policy *policy)
{
	double sum = max2(0, ledger_credits(policy));

	for (size_t i = 0; i < policy->count; i++) {
		const struct memory_vm *vm = policy->vm[i];
		double spare = (double)vm->sample.free_bytes - vm->headroom;

		if (vm_is_followed(vm))
			sum += max2(0, min2(spare, vm_actual(vm) - vm->due));
	}
	return sum;
}

/*
 * Memory is taken when somebody needs it, and no more than that: for who is to grow, and for a
 * cushion of credits from which the next one can be served at once. It comes from those who have
 * most above their due.
 */
void calm_plan(struct memory_policy *policy, uint64_t now_ms)
{
	double cushion = policy->tuning.cushion_fraction * (double)policy->totals.budget_bytes;
	double needed = -ledger_credits(policy), low = 0, high = 0, idle = 0;

	cushion = policy->scarce ? 0
				 : min2(cushion, policy->slack * (1 - policy->tuning.slack_given));
	policy->hurry = false;
	policy->unused = unused(policy);
	policy->gifts = -needed - cushion;

	for (size_t i = 0; i < policy->count; i++) {
		const struct memory_vm *vm = policy->vm[i];
		double target = (double)vm->decision.target_bytes;

		if (!vm_is_followed(vm))
			continue;
		high = max2(high, target - vm->due);
		if (vm->demand > target && is_worth_growing(policy, vm, now_ms)) {
			needed += max2(0, vm->due - target);
			if (!is_nearly_full(&policy->tuning, vm) &&
			    ((!vm->urgent && !vm->starved) || vm->due < vm->demand))
				idle += max2(0, vm->due - target);
		}
		policy->hurry |= (vm->urgent || vm->starved) &&
				 vm->due - target > 4 * calm_deadband(&policy->tuning, target);
		/* On its way. */
		needed -= ledger_coming(vm, 0);
	}
	/* Only for who stalls little things are taken, too. */
	policy->strict = false;
	policy->strict = needed - idle > taken(policy, 0);
	needed += cushion;
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
static bool is_needed(const struct memory_policy *policy, struct memory_vm *vm, double current)
{
	double excess = excess_of(policy, vm), band = calm_deadband(&policy->tuning, current);

	if (excess <= policy->spared)
		return false;
	vm->want = (uint64_t)(current - min2(excess, max2(excess - policy->spared, band)));
	return true;
}

/* Why so much is due. */
static enum memory_reason reason_of(const struct memory_policy *policy, const struct memory_vm *vm,
				    double due)
{
	if (due >= (double)vm->config.maximum_bytes)
		return MEMORY_BECAUSE_MAXIMUM;
	if (!policy->scarce || due >= vm->demand)
		return MEMORY_BECAUSE_DEMAND;
	if (due <= (double)vm->config.minimum_bytes)
		return MEMORY_BECAUSE_MINIMUM;
	return due > vm->share + (double)MEMORY_MIB ? MEMORY_BECAUSE_SAVINGS
						    : MEMORY_BECAUSE_SHARES;
}

static void stay(struct memory_vm *vm, enum memory_reason reason)
{
	vm->decision.reason = reason;
	vm->want = vm->decision.target_bytes;
}

/* What a move has to be worth, beyond what was judged before. */
static double least_move(const struct memory_policy *policy, const struct memory_vm *vm, bool grows)
{
	double current = (double)vm->decision.target_bytes;
	double band = calm_deadband(&policy->tuning, current);

	if (grows ? vm->demand > current : policy->strict)
		return 0;
	return grows ? max2(band, policy->tuning.gift_fraction * current) : band;
}

void calm_decide(const struct memory_policy *policy, struct memory_vm *vm, uint64_t now_ms)
{
	const struct memory_tuning *tuning = &policy->tuning;
	struct memory_decision *decision = &vm->decision;
	double due =
		clamp(vm->due, (double)vm->config.minimum_bytes, (double)vm->config.maximum_bytes);
	double current = (double)decision->target_bytes;
	bool grows = due > current;
	bool hurry = vm->urgent || vm->starved || is_nearly_full(tuning, vm);
	bool turns = vm->trend == (grows ? MEMORY_SHRINKS : MEMORY_GROWS);
	double change = grows ? due - current : current - due;

	decision->reason = reason_of(policy, vm, due);
	vm->want = (uint64_t)due;
	if (!grows && policy->overdrawn)
		return;
	if (grows && (hurry || vm->demand > current) && !is_worth_growing(policy, vm, now_ms)) {
		stay(vm, MEMORY_BECAUSE_DEADBAND);
		return;
	}
	if (grows && hurry) {
		decision->reason = MEMORY_BECAUSE_URGENT;
		return;
	}
	if (!grows && change >= 1 && !is_needed(policy, vm, current)) {
		stay(vm, change < calm_deadband(tuning, current) ? MEMORY_BECAUSE_DEADBAND
								 : MEMORY_BECAUSE_UNNEEDED);
		return;
	}
	if (change < least_move(policy, vm, grows))
		stay(vm, change >= 1 ? MEMORY_BECAUSE_DEADBAND : decision->reason);
	else if (grows && vm->demand <= current && change > policy->gifts)
		stay(vm, MEMORY_BECAUSE_CREDIT);
	else if (turns && now_ms - vm->moved_ms < tuning->turn_ms && !(policy->hurry && !grows))
		stay(vm, MEMORY_BECAUSE_TURN);
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
