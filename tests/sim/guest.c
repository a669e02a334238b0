/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest - a guest's memory: what is free, cached, swapped, and what it stalls for
 *
 * Pages are touched evenly over what the workload needs, so the part that is missing is the part of
 * touches that fault. Reclaim takes streamed cache first, then cache, then swaps. A guest that
 * waits touches less: with x seconds of waiting to a second of work, it stalls x / (1 + x) of the
 * time.
 */
#include "tests/sim/sim.h"

#include "tests/sim/machine.h"

static double less(double a, double b)
{
	return a < b ? a : b;
}

static double more(double a, double b)
{
	return a > b ? a : b;
}

static double watermark(const struct sim_vm *vm)
{
	return 8 * MIB + 0.008 * vm->actual;
}

double guest_free(const struct sim_vm *vm)
{
	return more(0, vm->actual - KERNEL_BYTES - vm->resident - vm->cached - vm->streamed);
}

double guest_available(const struct sim_vm *vm)
{
	return more(0, vm->actual - KERNEL_BYTES - vm->resident - watermark(vm));
}

double guest_resident(const struct sim_vm *vm)
{
	return KERNEL_BYTES + vm->resident + vm->cached + vm->streamed;
}

double guest_need(const struct sim_vm *vm)
{
	double need = KERNEL_BYTES + vm->workload.anonymous + vm->workload.files;

	return less(vm->maximum, need + 8 * MIB + 0.008 * need);
}

/* Drop cache, at most @bytes; what was dropped. */
static double drop_cache(struct sim_vm *vm, double bytes)
{
	double streamed = less(vm->streamed, bytes), cached;

	vm->streamed -= streamed;
	cached = less(vm->cached, bytes - streamed);
	vm->cached -= cached;
	return streamed + cached;
}

static double swap_out(struct sim_vm *vm, double bytes)
{
	double swapped = less(less(bytes, vm->resident), GUEST_SWAP_BYTES - vm->swapped);

	vm->resident -= swapped;
	vm->swapped += swapped;
	return swapped;
}

static void move_balloon(struct sim_vm *vm)
{
	double away = vm->target - vm->actual, taken, budget_s = STEP_S, before = vm->actual;

	if (away >= 0) {
		vm->actual += less(away, DEFLATE_RATE * STEP_S);
	} else {
		away = -away;
		taken = less(away, less(more(0, guest_free(vm) - watermark(vm)),
					INFLATE_FREE_RATE * budget_s));
		budget_s -= taken / INFLATE_FREE_RATE;
		vm->actual -= taken;
		away -= taken;
		taken = drop_cache(vm, less(away, INFLATE_CACHE_RATE * budget_s));
		budget_s -= taken / INFLATE_CACHE_RATE;
		vm->actual -= taken;
		away -= taken;
		if (away > 0)
			vm->actual -= swap_out(vm, less(away, INFLATE_SWAP_RATE * budget_s));
	}
	vm->moved += more(vm->actual - before, before - vm->actual);
}

/* Make @bytes free above the mark: less than that is what there was. */
static double make_room(struct sim_vm *vm, double bytes)
{
	double room = guest_free(vm) - watermark(vm);

	if (room < bytes)
		room += drop_cache(vm, bytes - room);
	if (room < bytes)
		room += swap_out(vm, bytes - room);
	return less(bytes, more(0, room));
}

void guest_reclaim(struct sim_vm *vm, double bytes)
{
	const struct workload *w = &vm->workload;
	double all = vm->resident + vm->swapped;
	bool files_are_colder = w->file_rate * all < w->anonymous_rate * w->files;

	if (files_are_colder || vm->streamed >= bytes)
		bytes -= drop_cache(vm, bytes);
	bytes -= swap_out(vm, bytes);
	drop_cache(vm, bytes);
}

void guest_restart(struct sim_vm *vm, double now_ms)
{
	vm->ooms++;
	vm->down_until_ms = now_ms + RESTART_MS;
	vm->resident = vm->swapped = vm->cached = vm->seen = vm->streamed = 0;
}

/* Anonymous memory grows, or is given back. Whether there was enough. */
static bool allocate_anonymous(struct sim_vm *vm)
{
	double wanted = vm->workload.anonymous - vm->resident - vm->swapped, got;

	if (wanted < 0) {
		double part = vm->workload.anonymous / (vm->resident + vm->swapped);

		vm->resident *= part;
		vm->swapped *= part;
		return true;
	}
	wanted = less(wanted, ALLOCATION_RATE * STEP_S);
	got = make_room(vm, wanted);
	vm->resident += got;
	/* What found no room, and cannot be swapped for. */
	return got >= 0.999 * wanted || vm->swapped < 0.999 * GUEST_SWAP_BYTES;
}

/* Seconds of waiting to a second of work, by kind. */
struct waiting {
	double refaults, swap_ins, first_reads;
};

static struct waiting touches(const struct sim_vm *vm)
{
	const struct workload *w = &vm->workload;
	double all = vm->resident + vm->swapped;
	double missing = more(0, w->files - vm->cached),
	       again = less(missing, more(0, vm->seen - vm->cached));
	struct waiting rate = {0};

	if (w->files > 0) {
		rate.refaults = w->file_rate * again / w->files;
		rate.first_reads = w->file_rate * (missing - again) / w->files;
	}
	if (all > 0)
		rate.swap_ins = w->anonymous_rate * vm->swapped / all;
	return rate;
}

static void read_files(struct sim_vm *vm, double refaulted, double first, double streamed)
{
	double room = guest_free(vm) - watermark(vm), wanted = refaulted + first;
	double files = more(0, vm->workload.files - vm->cached), got;

	/* Into free memory, over streamed cache, and else over other files. */
	if (room < wanted) {
		got = less(vm->streamed, wanted - room);
		vm->streamed -= got;
		room += got;
	}
	vm->cached += less(less(wanted, files), more(0, room));
	vm->seen = less(vm->workload.files, more(vm->seen + first, vm->cached));
	vm->streamed += less(streamed, more(0, guest_free(vm) - watermark(vm)));
}

void guest_step(struct sim_vm *vm, double now_ms, double host_swapped_part)
{
	struct workload *w = &vm->workload;
	bool answers = w->kind != WORKLOAD_DEAD || now_ms < w->silent_after_ms;
	struct waiting rate;
	double wait, work, refaulted, swapped_in, streamed, host_wait;

	if (answers)
		move_balloon(vm);
	if (now_ms < vm->down_until_ms) {
		vm->stall = 1;
		return;
	}
	if (vm->cached > w->files)
		vm->cached = w->files;
	if (!allocate_anonymous(vm)) {
		guest_restart(vm, now_ms);
		vm->stall = 1;
		return;
	}
	/* The kernel keeps its mark free. */
	make_room(vm, 0);

	rate = touches(vm);
	host_wait = host_swapped_part * (w->anonymous_rate + w->file_rate) / REFAULT_RATE;
	wait = (rate.refaults + rate.swap_ins) / REFAULT_RATE + host_wait;
	work = STEP_S / (1 + wait);
	vm->stall = wait / (1 + wait);
	refaulted = rate.refaults * work;
	swapped_in = rate.swap_ins * work;
	streamed = w->stream_rate * work;
	read_files(vm, refaulted, less(rate.first_reads, READ_RATE) * work, streamed);

	/* What comes in from swap comes into room that is there, or pushes other pages out. */
	if (swapped_in > 0) {
		double in = less(swapped_in, vm->swapped);
		double room = more(0, guest_free(vm) - watermark(vm));

		if (room < in)
			room += drop_cache(vm, in - room);
		in = less(in, room);
		vm->resident += in;
		vm->swapped -= in;
	}
	/* A circle through files larger than memory refaults all that it reads, and waits for the
	 * disk anyway. */
	vm->refaulted += refaulted + (now_ms > 60000 ? streamed : 0);
	vm->swapped_in += swapped_in;
	vm->stall_us += (vm->stall + (w->stream_rate > 0 ? 0.05 : 0)) * STEP_S * 1e6;
	vm->faults += (refaulted + swapped_in) / PAGE_BYTES;
}
