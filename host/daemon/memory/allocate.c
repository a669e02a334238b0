/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * allocate - the budget, divided
 *
 * While all demands fit, everybody gets what it demands and a share of half of what is left; the
 * other half stays for who comes next. When they do not fit, water is filled: everybody gets its
 * minimum and lambda times its shares, or its demand if that is less. So who demands too much gets
 * what its shares give it, whatever it says.
 *
 * VMs that cannot be moved (silent, stuck, starting) are paid first, with what they have. One that
 * starts with all of its memory, as libvirt's domains do, is about to give back what is above its
 * share: the others are not pressed below theirs until its driver is loaded.
 */
#include "host/daemon/memory/internal.h"

static double poured(size_t count, const double *demand, const double *base, const double *weight,
		     double level, double *result)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++) {
		double due = min2(demand[i], base[i] + level * weight[i]);

		if (result)
			result[i] = due;
		sum += due;
	}
	return sum;
}

double allocate_max_min(size_t count, const double *demand, const double *base,
			const double *weight, double total, double *result)
{
	double low = 0, high = 0;

	for (size_t i = 0; i < count; i++)
		high = max2(high, (demand[i] - base[i]) / weight[i]);
	if (poured(count, demand, base, weight, high, NULL) <= total) {
		low = high;
	} else {
		/* 50 halvings are below a byte for any memory there is. */
		for (int i = 0; i < 50; i++) {
			double middle = (low + high) / 2;

			if (poured(count, demand, base, weight, middle, NULL) <= total)
				low = middle;
			else
				high = middle;
		}
	}
	poured(count, demand, base, weight, low, result);
	return low;
}

static void give_slack(struct memory_policy *policy, double slack, double shares)
{
	policy->level = shares > 0 ? slack / shares : 0;
	policy->scarce = false;
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];

		if (vm_is_followed(vm))
			vm->due = min2((double)vm->config.maximum_bytes,
				       vm->demand + policy->level * vm->config.shares);
	}
}

static bool is_coming(const struct memory_vm *vm)
{
	return vm->adopted && vm->decision.state == MEMORY_STARTING;
}

static void fill(struct memory_policy *policy, double total)
{
	double *demand = policy->scratch, *base = demand + policy->count,
	       *weight = base + policy->count, *result = weight + policy->count;
	size_t count = 0;

	for (size_t i = 0; i < policy->count; i++) {
		const struct memory_vm *vm = policy->vm[i];

		if (is_coming(vm))
			demand[count] = (double)ledger_charge(vm);
		else if (vm_is_followed(vm))
			demand[count] = vm->demand;
		else
			continue;
		base[count] = (double)vm->config.minimum_bytes;
		weight[count++] = vm->config.shares;
	}
	policy->level = allocate_max_min(count, demand, base, weight, total, result);
	policy->scarce = true;
	count = 0;
	for (size_t i = 0; i < policy->count; i++) {
		if (vm_is_followed(policy->vm[i]))
			policy->vm[i]->due = result[count++];
		else if (is_coming(policy->vm[i]))
			count++;
	}
}

void allocate(struct memory_policy *policy)
{
	double total = (double)policy->totals.budget_bytes, demand = 0, shares = 0;
	double coming = 0;

	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];

		if (vm_is_followed(vm)) {
			demand += vm->demand;
			shares += vm->config.shares;
		} else if (vm->decision.state == MEMORY_FIXED) {
			vm->due = (double)vm->config.fixed_bytes;
			total -= vm->due;
		} else {
			vm->due = vm_actual(vm);
			total -= (double)ledger_charge(vm);
			if (is_coming(vm))
				coming += (double)ledger_charge(vm);
		}
	}
	policy->slack = max2(0, total - demand);
	if (demand <= total)
		give_slack(policy, (total - demand) * policy->tuning.slack_given, shares);
	else
		fill(policy, total + coming);
}
