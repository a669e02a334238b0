/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * allocate - the budget, divided
 *
 * While all demands fit, everybody gets what it demands and a share of most of what is left; the
 * rest stays for who comes next. When they do not fit, water is filled: everybody gets its
 * minimum and lambda times its shares, or its demand if that is less. So who demands too much gets
 * what its shares give it, whatever it says.
 *
 * A page of memory in use costs more where it is missing than a page of cache does. So what is firm
 * of the demands is filled first, and the rest with what is left. Only the guest says what is firm;
 * by that it gets more than its share for as long as it has savings (savings.c).
 *
 * What guests have not taken of what they may have is lent (overcommit.c). A guest whose use leaps
 * is due its demand as far as that makes credits.
 *
 * VMs that cannot be moved (silent, stuck, starting) are paid first, with what they have. One that
 * starts with all of its memory, as libvirt's domains do, is about to give back what is above its
 * share: the others are not pressed below theirs until its driver is loaded.
 */
#include "host/daemon/memory/internal.h"

/* Who is to be divided to, figures of each; floor: what is given before, or NULL. */
struct basin {
	size_t count;
	const double *demand, *base, *weight, *floor;
};

static double poured(const struct basin *basin, double level, double *result)
{
	double sum = 0;

	for (size_t i = 0; i < basin->count; i++) {
		double due = min2(basin->demand[i], basin->base[i] + level * basin->weight[i]);

		if (basin->floor)
			due = max2(due, basin->floor[i]);
		if (result)
			result[i] = due;
		sum += due;
	}
	return sum;
}

static double fill_basin(const struct basin *basin, double total, double *result)
{
	double low = 0, high = 0;

	for (size_t i = 0; i < basin->count; i++)
		high = max2(high, (basin->demand[i] - basin->base[i]) / basin->weight[i]);
	if (poured(basin, high, NULL) <= total) {
		low = high;
	} else {
		/* 50 halvings are below a byte for any memory there is. */
		for (int i = 0; i < 50; i++) {
			double middle = (low + high) / 2;

			if (poured(basin, middle, NULL) <= total)
				low = middle;
			else
				high = middle;
		}
	}
	poured(basin, low, result);
	return low;
}

double allocate_max_min(size_t count, const double *demand, const double *base,
			const double *weight, double total, double *result)
{
	const struct basin basin = {count, demand, base, weight, NULL};

	return fill_basin(&basin, total, result);
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

/*
 * Three times: what each would get if all demands were worth the same; then what is firm, for who
 * has saved for that or needs no more than its share; then the rest, up to a common level.
 */
static void fill(struct memory_policy *policy, double total)
{
	double *demand = policy->scratch, *base = demand + policy->count,
	       *weight = base + policy->count, *result = weight + policy->count,
	       *firm = result + policy->count, *floor = firm + policy->count;
	struct basin basin = {0, demand, base, weight, NULL};
	size_t at = 0;

	for (size_t i = 0; i < policy->count; i++) {
		const struct memory_vm *vm = policy->vm[i];

		if (is_coming(vm))
			demand[at] = (double)ledger_charge(vm);
		else if (vm_is_followed(vm))
			demand[at] = vm->demand;
		else
			continue;
		base[at] = (double)vm->config.minimum_bytes;
		weight[at++] = vm->config.shares;
	}
	basin.count = at;
	fill_basin(&basin, total, result);
	at = 0;
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];

		if (vm_is_followed(vm)) {
			vm->share = result[at];
			firm[at++] = min2(vm->firm, vm->share + savings_allow(&policy->tuning, vm));
		} else if (is_coming(vm)) {
			firm[at] = result[at];
			at++;
		}
	}
	allocate_max_min(at, firm, base, weight, total, floor);
	basin.floor = floor;
	policy->level = fill_basin(&basin, total, result);
	policy->scarce = true;
	at = 0;
	for (size_t i = 0; i < policy->count; i++) {
		if (vm_is_followed(policy->vm[i]))
			policy->vm[i]->due = result[at++];
		else if (is_coming(policy->vm[i]))
			at++;
	}
}

static double leap_of(const struct memory_vm *vm)
{
	return vm_is_followed(vm) && vm->leaps
		       ? max2(0, vm->demand - max2(vm->due, (double)ledger_claim(vm)))
		       : 0;
}

/* Who leaps is not kept waiting while others have not taken theirs. */
static void serve_leaps(struct memory_policy *policy)
{
	double credits = min2(ledger_credits(policy), (double)policy->totals.lent_bytes), leaps = 0;

	for (size_t i = 0; i < policy->count; i++)
		leaps += leap_of(policy->vm[i]);
	if (leaps <= 0 || credits <= 0)
		return;
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];
		double leap = leap_of(vm);

		if (leap > 0)
			vm->due = max2(vm->due, (double)ledger_claim(vm)) +
				  leap * min2(1, credits / leaps);
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
	if (demand <= total) {
		give_slack(policy, (total - demand) * policy->tuning.slack_given, shares);
	} else {
		fill(policy, total + coming);
		serve_leaps(policy);
	}
}
