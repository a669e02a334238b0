/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ledger - growth is paid from what has really been given back
 *
 * A VM's claim is what it may have by now: the most of its actual size, what is resident, and the
 * highest target it had since it was last looked at (it may have grown up to that unseen). It is
 * charged with its claim, less what is lent of it (overcommit.c). Credits are the budget less all
 * charges. Targets are lowered at once; they are raised by credits alone. So where nothing is lent
 * the sum of what guests may have never passes the budget by a grant, however late or badly they
 * follow; where something is, it passes it by what is lent.
 *
 * The urgent are served before the rest, and may take half the reserve in advance.
 */
#include "host/daemon/memory/internal.h"

uint64_t ledger_claim(const struct memory_vm *vm)
{
	uint64_t charge = vm->ceiling;

	/* A target is accepted without a driver too, and means nothing then. */
	if (vm->decision.state == MEMORY_DEAD && !(vm->observed && vm->seen.driver))
		return vm->config.maximum_bytes;
	/* A guest that boots has no driver yet to take its balloon: it has what it has touched. */
	if (vm->observed && vm->seen.actual_bytes > charge &&
	    (vm->seen.driver || vm->decision.state != MEMORY_STARTING))
		charge = vm->seen.actual_bytes;
	if (vm->observed && vm->seen.resident_bytes > charge)
		charge = vm->seen.resident_bytes;
	return charge;
}

uint64_t ledger_charge(const struct memory_vm *vm)
{
	return (uint64_t)overcommit_charge(vm, (double)ledger_claim(vm));
}

double ledger_coming(const struct memory_vm *vm, double more)
{
	double claim = (double)ledger_claim(vm);
	double left = min2(claim, (double)vm->decision.target_bytes - more);

	return overcommit_charge(vm, claim) - overcommit_charge(vm, left);
}

double ledger_credits(const struct memory_policy *policy)
{
	double credits = (double)policy->totals.budget_bytes;

	for (size_t i = 0; i < policy->count; i++)
		credits -= (double)ledger_charge(policy->vm[i]);
	return credits;
}

void ledger_observed(struct memory_vm *vm)
{
	vm->ceiling = vm->decision.target_bytes;
}

static void set_target(struct memory_vm *vm, uint64_t target, uint64_t now_ms)
{
	if (target < vm->config.minimum_bytes)
		target = vm->config.minimum_bytes;
	if (target > vm->config.maximum_bytes)
		target = vm->config.maximum_bytes;
	calm_moved(vm, vm->decision.target_bytes, target, now_ms);
	vm->decision.target_bytes = target;
	if (target > vm->ceiling)
		vm->ceiling = target;
}

/* Serve the gaps of one tier by shares; returns what it took. */
static double serve(struct memory_policy *policy, bool urgent, double credits, uint64_t now_ms)
{
	double *gap = policy->scratch, *base = gap + policy->count, *weight = base + policy->count,
	       *granted = weight + policy->count, taken = 0;
	size_t count = 0;

	for (size_t i = 0; i < policy->count; i++) {
		const struct memory_vm *vm = policy->vm[i];
		uint64_t claim = ledger_claim(vm);

		if (vm->want <= claim || (vm->urgent || vm->starved) != urgent)
			continue;
		gap[count] = (double)(vm->want - claim);
		base[count] = 0;
		weight[count++] = vm->config.shares;
	}
	allocate_max_min(count, gap, base, weight, max2(0, credits), granted);
	count = 0;
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];
		uint64_t claim = ledger_claim(vm), target;

		if (vm->want <= claim || (vm->urgent || vm->starved) != urgent)
			continue;
		taken += granted[count];
		target = claim + (uint64_t)granted[count++];
		if (target < vm->want)
			vm->decision.reason = MEMORY_BECAUSE_CREDIT;
		set_target(vm, target, now_ms);
	}
	return taken;
}

void ledger_grant(struct memory_policy *policy, uint64_t now_ms)
{
	double credits = ledger_credits(policy), advance = 0, taken;
	if (!policy->totals.emergency)
		advance = (double)policy->totals.reserve_bytes / 2;

	/* What is lowered frees credits when it has been seen to be given back, not before. */
	taken = serve(policy, true, credits + advance, now_ms);
	serve(policy, false, credits - taken, now_ms);
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];
		uint64_t target =
			vm->want <= ledger_claim(vm) ? vm->want : vm->decision.target_bytes;

		/* Overdrawn: growth that has not happened yet is called back. */
		if (policy->overdrawn && !vm->urgent && !vm->starved &&
		    (double)target > vm_actual(vm)) {
			target = (uint64_t)vm_actual(vm);
			vm->decision.reason = MEMORY_BECAUSE_CREDIT;
		}
		if (target != vm->decision.target_bytes)
			set_target(vm, target, now_ms);
	}
}
