/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reclaim - idle guests are asked for what they use least
 *
 * Memory that a guest has not touched for long looks from outside like all that it uses: only its
 * kernel knows. Where memory is scarce, a guest that has been quiet for a while is asked to swap
 * out a little, again and again; what it can do without is no longer in use then, and so no longer
 * demanded. Once it stalls, or reads back what was swapped out, it is left alone as after a shrink.
 */
#include "host/daemon/memory/internal.h"

#define ASK_LEAST (4 * MEMORY_MIB)
#define ASK_MOST  (64 * MEMORY_MIB)

void reclaim_sampled(const struct memory_tuning *tuning, struct memory_vm *vm, double size,
		     double seconds, uint64_t at_ms)
{
	if (vm->pressure > tuning->pressure_low ||
	    vm->refaults > tuning->reclaim_refaults * size * seconds || !vm->sampled)
		vm->disturbed_ms = at_ms;
}

static bool is_idle(const struct memory_tuning *tuning, const struct memory_vm *vm, uint64_t now_ms)
{
	return vm_is_followed(vm) && !vm->starved &&
	       now_ms >= vm->disturbed_ms + tuning->reclaim_quiet_ms &&
	       now_ms >= vm->asked_ms + tuning->reclaim_pause_ms && now_ms >= vm->hold_until_ms;
}

void reclaim_ask(struct memory_policy *policy, uint64_t now_ms)
{
	const struct memory_tuning *tuning = &policy->tuning;

	for (size_t i = 0; i < policy->count; i++) {
		struct memory_vm *vm = policy->vm[i];
		double bytes = clamp(tuning->reclaim_fraction * vm_actual(vm), ASK_LEAST, ASK_MOST);

		vm->decision.reclaim_bytes = 0;
		if (!policy->scarce || !vm->sample.reclaims || !is_idle(tuning, vm, now_ms))
			continue;
		/* Nothing to gain: its minimum is its due anyway, or it cannot swap. */
		if (vm->demand <= (double)vm->config.minimum_bytes ||
		    (double)vm->sample.swap_free_bytes < 2 * bytes)
			continue;
		vm->decision.reclaim_bytes = (uint64_t)bytes;
		vm->asked_ms = vm->shrunk_ms = now_ms;
		vm->shrunk_from = max2(vm->shrunk_from, vm_actual(vm));
	}
}
