/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * savings - what a VM has left to others of its share, and may have back
 *
 * Where memory is scarce, memory in use goes before cache (allocate.c), and only the guest says
 * which is which. So who gets more than its share by that pays with what it has saved while it had
 * less. Who always claims more saves nothing, and gets its share.
 */
#include "host/daemon/memory/internal.h"

#define STEP_MAX_S 5 /* a pause between steps is no time in which anybody went short */

void savings_update(struct memory_policy *policy, uint64_t now_ms)
{
	double seconds = policy->stepped_ms ? (double)(now_ms - policy->stepped_ms) / 1000 : 0;
	double shares = 0;

	for (size_t i = 0; i < policy->count; i++)
		shares += policy->vm[i]->config.shares;
	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];
		double part = (double)policy->totals.budget_bytes * vm->config.shares / shares;

		vm->part = part;
		vm->savings += min2(seconds, STEP_MAX_S) * (part - (double)ledger_charge(vm));
		vm->savings = clamp(vm->savings, 0, policy->tuning.savings_max_s * part);
	}
}

double savings_allow(const struct memory_tuning *tuning, const struct memory_vm *vm)
{
	return vm->savings / tuning->savings_spent_s;
}
