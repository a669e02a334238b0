/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * baselines - how others share memory: not at all, MOM's rule, Proxmox's rule
 */
#include "tests/sim/sim.h"

#include <stdlib.h>

static double clamp(double value, double low, double high)
{
	return value < low ? low : value > high ? high : value;
}

/* --- An equal part for each, for good --- */

static void *static_start(struct sim *sim)
{
	sim_equal_parts(sim);
	return calloc(1, 1);
}

static void static_step(void *state, struct sim *sim)
{
	(void)state;
	(void)sim;
}

const struct controller controller_static = {"static", static_start, static_step, free};

/* --- MOM's balloon rule: samples of 5 s, mean of the last 10, a decision every 10 s --- */

#define MOM_SAMPLES 10

struct mom {
	double host_free[MOM_SAMPLES], guest_free[MAX_VMS][MOM_SAMPLES],
		current[MAX_VMS][MOM_SAMPLES];
	size_t samples;
};

static void *full_size(struct sim *sim, size_t size)
{
	for (size_t i = 0; i < sim->count; i++)
		sim->vm[i].target = sim->vm[i].maximum;
	return calloc(1, size);
}

static void *mom_start(struct sim *sim)
{
	return full_size(sim, sizeof(struct mom));
}

static double mean(const double *values, size_t samples)
{
	size_t count = samples < MOM_SAMPLES ? samples : MOM_SAMPLES;
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return sum / (double)count;
}

static void mom_guest(struct sim_vm *vm, double h, double used)
{
	double current = vm->actual, next, f;

	if (h < 0.20) {
		f = h <= 0.05 ? h - 0.05 : 0.20 * h / 0.20;
		next = used + f * current;
		next = next > vm->minimum ? next : vm->minimum;
		next = next > 0.95 * current ? next : 0.95 * current;
		if (next <= current && current - next > 0.0025 * current)
			vm->target = next;
	} else if (current < vm->maximum) {
		next = used + 0.20 * current;
		next = next > vm->minimum ? next : vm->minimum;
		next = next > 1.05 * current ? next : 1.05 * current;
		next = next < vm->maximum ? next : vm->maximum;
		if (next - current > 0.0025 * current)
			vm->target = next;
	}
}

static void mom_step(void *state, struct sim *sim)
{
	struct mom *mom = state;
	long now_ms = (long)sim->now_ms;
	size_t slot = mom->samples % MOM_SAMPLES;
	double h;

	if (now_ms % 5000 == 0) {
		mom->host_free[slot] = sim_host_free(sim);
		for (size_t i = 0; i < sim->count; i++) {
			mom->guest_free[i][slot] = guest_free(&sim->vm[i]);
			mom->current[i][slot] = sim->vm[i].actual;
		}
		mom->samples++;
	}
	if (now_ms % 10000 || !mom->samples)
		return;
	h = mean(mom->host_free, mom->samples) / sim->total;
	for (size_t i = 0; i < sim->count; i++)
		mom_guest(&sim->vm[i], h,
			  mean(mom->current[i], mom->samples) -
				  mean(mom->guest_free[i], mom->samples));
}

const struct controller controller_mom = {"MOM", mom_start, mom_step, free};

/* --- Proxmox: 80 % of the host used, every 10 s, 100 MiB a VM at most --- */

#define PROXMOX_CHANGE (100 * MIB)

static void *proxmox_start(struct sim *sim)
{
	return full_size(sim, 1);
}

/* Divide @rest over those of the list; what is left of it. */
static double proxmox_pass(struct sim *sim, const bool *listed, double *next, double rest)
{
	bool moved = true, up = rest > 0;

	while (moved && (up ? rest > 1 : rest < -1)) {
		double allocated = rest, shares = 0;

		moved = false;
		for (size_t i = 0; i < sim->count; i++) {
			if (!listed[i])
				continue;
			allocated += next[i] - sim->vm[i].minimum;
			shares += sim->vm[i].shares;
		}
		for (size_t i = 0; i < sim->count; i++) {
			struct sim_vm *vm = &sim->vm[i];
			double desired, change;

			if (!listed[i])
				continue;
			desired = clamp(vm->minimum + allocated * vm->shares / shares, vm->minimum,
					vm->maximum);
			desired = clamp(desired, vm->actual - PROXMOX_CHANGE,
					vm->actual + PROXMOX_CHANGE);
			change = desired - next[i];
			if (up ? change < 1 : change > -1)
				continue;
			if (up ? change > rest : change < rest)
				change = rest;
			next[i] += change;
			rest -= change;
			moved = true;
			if (up ? rest <= 1 : rest >= -1)
				break;
		}
	}
	return rest;
}

static void proxmox_step(void *state, struct sim *sim)
{
	double used = sim->total - sim_host_free(sim), goal = 0.8 * sim->total - used, rest;
	bool first[MAX_VMS], second[MAX_VMS], all[MAX_VMS];
	double next[MAX_VMS];

	(void)state;
	if ((long)sim->now_ms % 10000 || (goal <= 10 * MIB && goal >= -10 * MIB))
		return;
	for (size_t i = 0; i < sim->count; i++) {
		const struct sim_vm *vm = &sim->vm[i];
		bool rich = guest_free(vm) > 0.25 * vm->minimum && vm->actual >= vm->minimum;

		first[i] = goal > 0 ? !rich : rich;
		second[i] = !first[i];
		all[i] = true;
		next[i] = vm->actual;
	}
	rest = proxmox_pass(sim, first, next, goal);
	if (rest == goal)
		rest = proxmox_pass(sim, second, next, goal);
	if (rest == goal)
		proxmox_pass(sim, all, next, goal);
	for (size_t i = 0; i < sim->count; i++)
		sim->vm[i].target = next[i];
}

const struct controller controller_proxmox = {"Proxmox", proxmox_start, proxmox_step, free};
