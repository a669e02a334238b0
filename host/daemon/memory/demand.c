/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * demand - what a guest needs, from its own figures
 *
 * Memory in use that cannot be dropped (U), with headroom for how fast that has been growing (h),
 * is the base. Above it is page cache, whose worth nobody can see from outside: a guest that has no
 * free memory left and stalls gets more, one that does not stall slowly gives some back until it
 * would. Stalls are counted by PSI and refaults, never by major faults: reading a file for the
 * first time is no reason for more memory. A guest that has nothing left to drop is a case of its
 * own: without swap it hardly stalls before its kernel ends a process.
 *
 * What cannot be dropped, with a little headroom, is the firm part of the demand: where memory is
 * scarce it goes before others' cache.
 *
 * Growing does not help who reads a file larger than any cache. So each growth is judged after a
 * while: if the guest has grown and refaults as before, growing is futile for some minutes.
 */
#include "host/daemon/memory/internal.h"

/* Of its share: who has less is served soonest, who has more latest. */
#define POOR_PART 0.3
#define RICH_PART 0.8

#define WARM_BYTES ((double)(16 * MEMORY_MIB)) /* of swap; less is noise */

/* What a counter has gained; a guest that was restarted begins anew. */
static double gained(uint64_t now, uint64_t before)
{
	return now >= before ? (double)(now - before) : 0;
}

static void take_rates(const struct memory_tuning *tuning, struct memory_vm *vm,
		       const struct memory_sample *sample, double size, double seconds)
{
	const struct memory_sample *last = &vm->sample;
	double used = max2(0, size - (double)sample->available_bytes);
	double rate = (used - vm->used) / seconds;
	double weight = seconds / (seconds + 5);

	vm->growth_rate *= decay(seconds * 1000, tuning->growth_half_life_ms);
	vm->growth_rate = max2(vm->growth_rate, rate);
	vm->used = used;
	vm->refaults = gained(sample->refaulted_bytes, last->refaulted_bytes) +
		       gained(sample->swapped_in_bytes, last->swapped_in_bytes);
	vm->swapping = sample->swapped_in_bytes > last->swapped_in_bytes;
	vm->swap_in_rate +=
		weight * (gained(sample->swapped_in_bytes, last->swapped_in_bytes) / seconds -
			  vm->swap_in_rate);
	vm->refault_rate += weight * (vm->refaults / seconds - vm->refault_rate);
	vm->pressure = min2(1, gained(sample->stall_us, last->stall_us) / (seconds * 1e6));
	vm->strain += weight * (vm->pressure - vm->strain);
}

/* Open a judgement with the first growth, close it when its time has come. */
void demand_judge(const struct memory_tuning *tuning, struct memory_vm *vm, double size,
		  uint64_t now_ms)
{
	if (vm->judge.futile &&
	    (now_ms >= vm->judge.until_ms || vm->refault_rate > 1.5 * vm->judge.rate_when_judged))
		vm->judge.futile = false;
	if (vm->judge.futile)
		return;
	if (!vm->judge.open) {
		if (!vm->starved)
			return;
		vm->judge.open = true;
		vm->judge.since_ms = now_ms;
		vm->judge.size = size;
		vm->judge.refault_rate = vm->refault_rate;
		return;
	}
	/* Rates are smoothed: at its start the growth has not seen yet what called for it. */
	if (now_ms - vm->judge.since_ms < tuning->judge_ms / 3)
		vm->judge.refault_rate = max2(vm->judge.refault_rate, vm->refault_rate);
	if (now_ms - vm->judge.since_ms < tuning->judge_ms)
		return;
	vm->judge.open = false;
	if (size <= 1.05 * vm->judge.size)
		return;
	/* It reads back much more than when the growth began: that was about something else. */
	if (vm->refault_rate > 1.5 * vm->judge.refault_rate)
		return;
	if (vm->refault_rate > 0.8 * vm->judge.refault_rate && vm->refault_rate > 0) {
		vm->judge.length_ms =
			vm->judge.length_ms ? vm->judge.length_ms * 2 : tuning->futile_ms;
		if (vm->judge.length_ms > tuning->futile_max_ms)
			vm->judge.length_ms = tuning->futile_max_ms;
		vm->judge.futile = true;
		vm->judge.until_ms = now_ms + vm->judge.length_ms;
		vm->judge.rate_when_judged = vm->refault_rate;
		vm->starved = false;
	} else {
		vm->judge.length_ms = 0;
	}
}

static double demanded(const struct memory_tuning *tuning, const struct memory_vm *vm, double size,
		       double free_bytes, double seconds, uint64_t now_ms)
{
	double base = vm->used + vm->headroom + 2 * vm->refaults;
	bool futile = vm->judge.futile;

	if (vm->starved) {
		double step = tuning->growth_per_pressure_bytes *
			      (vm->pressure / tuning->pressure_poor - 1);

		step = max2(step, max2((double)(8 * MEMORY_MIB), 4 * vm->refaults));
		if (vm->leaps)
			step = max2(step, tuning->leap_step * size);
		/* Steps that are too small to be worth a move would never be made. */
		step = max2(step, tuning->step_bands * calm_deadband(tuning, size));
		step = min2(size / 4, step);
		/* What it is reading back from swap is there, and its size is known: no need to
		 * feel the way. */
		if (vm->swapping)
			step = max2(step, min2(size / 2, vm->swap_used));
		return max2(base, size + step);
	}
	if (vm->pressure < tuning->pressure_low || futile || !vm->constrained) {
		double idle = max2(0, free_bytes - vm->headroom);
		double slow =
			(futile ? tuning->futile_shrink : tuning->slow_shrink) * size * seconds;
		/* Slow steps add up until they are worth a move, and no further. */
		double from = now_ms < vm->hold_until_ms
				      ? size
				      : max2(min2(vm->demand, size),
					     size - 2 * calm_deadband(tuning, size));

		return max2(base,
			    calm_shrink(tuning, vm, min2(from, size - idle / 2), slow, now_ms));
	}
	return max2(base, size);
}

/*
 * The stall that is worth moving memory for. Who has its share and more costs others theirs, and
 * big guests gain little by a page; so a stall that is no nuisance is left. Who has little of its
 * share is served sooner. Soonest is who has just leapt: its cache made room, and nobody knows yet
 * how much of it was in use.
 */
static double worth_a_move(const struct memory_tuning *tuning, struct memory_vm *vm, double size,
			   uint64_t now_ms)
{
	double rich;

	vm->leaps = vm->leapt_ms && now_ms - vm->leapt_ms < tuning->leap_ms;
	if (vm->leaps)
		return tuning->pressure_leap;
	rich = vm->part > 0 ? clamp((size / vm->part - POOR_PART) / (RICH_PART - POOR_PART), 0, 1)
			    : 0;
	rich *= 1 - clamp(vm->plenty / tuning->plenty_fraction, 0, 1);
	return tuning->pressure_poor + rich * (tuning->pressure_high - tuning->pressure_poor);
}

void demand_sample(const struct memory_tuning *tuning, struct memory_vm *vm,
		   const struct memory_sample *sample)
{
	double size = sample->visible_bytes ? (double)sample->visible_bytes : vm_actual(vm);
	double free_bytes = min2((double)sample->free_bytes, size);
	double seconds = vm->sampled ? (double)(sample->at_ms - vm->sample.at_ms) / 1000 : 0;
	double growing, high, warm;

	if (seconds > 0) {
		take_rates(tuning, vm, sample, size, seconds);
	} else {
		vm->used = max2(0, size - (double)sample->available_bytes);
		vm->pressure = 0;
		vm->refaults = 0;
	}
	vm->swap_used = (double)sample->swap_used_bytes;
	growing = min2((double)MEMORY_GIB, 2 * vm->growth_rate);
	vm->headroom = max2((double)tuning->headroom_floor_bytes,
			    max2(tuning->headroom_fraction * size, growing));
	vm->exhausted = sample->available_bytes < size / 100;
	vm->constrained = vm->exhausted || free_bytes < 0.03 * size + (double)(16 * MEMORY_MIB);
	if (vm->growth_rate > tuning->leap_fraction * size)
		vm->leapt_ms = sample->at_ms;
	high = worth_a_move(tuning, vm, size, sample->at_ms);
	vm->leaps &= vm->constrained && vm->pressure > high && !vm->judge.futile;
	vm->starved =
		vm->exhausted || (vm->constrained && vm->pressure > high && !vm->judge.futile);
	if (vm->constrained && vm->pressure > high)
		calm_pressure(tuning, vm, sample->at_ms);
	demand_judge(tuning, vm, size, sample->at_ms);
	reclaim_sampled(tuning, vm, size, seconds, sample->at_ms);
	/* A pause in the figures does not make up for itself in one large step. */
	vm->demand = demanded(tuning, vm, size, free_bytes, min2(seconds, 5), sample->at_ms);
	warm = min2(vm->swap_used, tuning->warm_s * vm->swap_in_rate);
	if (warm < WARM_BYTES)
		warm = 0;
	else
		vm->demand =
			max2(vm->demand, vm->used + warm + (double)tuning->firm_headroom_bytes);
	vm->demand = clamp(vm->demand, (double)vm->config.minimum_bytes,
			   (double)vm->config.maximum_bytes);
	vm->firm = clamp(vm->used + warm + max2((double)tuning->firm_headroom_bytes, growing),
			 (double)vm->config.minimum_bytes, vm->demand);
	vm->sample = *sample;
	vm->sampled = true;
}
