/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim - a run: the seed's mix, the steps, the figures
 */
#include "tests/sim/sim.h"

#include "tests/sim/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JUMP_BYTES (0.5 * GIB) /* a need that grows so much within a second or two is a jump */
#define WINDOW_MS  10000

double sim_resident(const struct sim *sim)
{
	double sum = 0;

	for (size_t i = 0; i < sim->count; i++)
		sum += guest_resident(&sim->vm[i]);
	return sum;
}

double sim_host_free(const struct sim *sim)
{
	double left = sim->total - sim->other - sim_resident(sim);

	return left > 0 ? left : 0;
}

void sim_equal_parts(struct sim *sim)
{
	double part = 0.96 * sim->total / (double)sim->count;

	for (size_t i = 0; i < sim->count; i++)
		sim->vm[i].target = part < sim->vm[i].maximum ? part : sim->vm[i].maximum;
}

/* One of each of the workloads that need memory, the rest as it comes; the sick are rare. */
static enum workload_kind choose(struct random *random, size_t i)
{
	static const enum workload_kind common[] = {
		WORKLOAD_IDLE,	WORKLOAD_IDLE,	WORKLOAD_DATABASE, WORKLOAD_WEB,
		WORKLOAD_CROWD, WORKLOAD_CROWD, WORKLOAD_BATCH,	   WORKLOAD_BATCH,
		WORKLOAD_SCAN,	WORKLOAD_LEAK,	WORKLOAD_BOOT,	   WORKLOAD_BOOT,
	};
	double drawn = random_between(random, 0, 1);
	size_t kinds = sizeof(common) / sizeof(common[0]);

	if (i == 0)
		return WORKLOAD_CROWD;
	if (i == 1)
		return WORKLOAD_IDLE;
	if (drawn < 0.03)
		return WORKLOAD_DEAD;
	if (drawn < 0.06)
		return WORKLOAD_LIAR;
	return common[(size_t)random_between(random, 0, (double)kinds - 1e-9)];
}

static void make_mix(struct sim *sim, uint64_t seed, size_t count)
{
	struct random random = {seed};

	memset(sim, 0, sizeof(*sim));
	sim->total = HOST_BYTES;
	sim->other = OTHER_BYTES;
	sim->count = count;
	/* Every other seed shocks the host: another program takes much of it for two minutes. */
	sim->shock_at_ms = seed % 2 ? 1e12 : random_between(&random, 500, 1500) * 1000;
	sim->shock_until_ms = sim->shock_at_ms + 120000;

	for (size_t i = 0; i < count; i++) {
		struct sim_vm *vm = &sim->vm[i];

		vm->maximum = VM_BYTES;
		vm->minimum = VM_MINIMUM;
		vm->shares = i % 4 == 3 ? 2000 : 1000;
		workload_start(&vm->workload, choose(&random, i), seed * 1000 + i);
	}
}

/* What the host cannot hold goes to its swap, and beyond that it kills the largest VM. */
static void host_step(struct sim *sim)
{
	double over = sim->other + sim_resident(sim) - sim->total;

	sim->host_swapped = over > 0 ? over : 0;
	if (sim->host_swapped > sim->host_swap_peak)
		sim->host_swap_peak = sim->host_swapped;
	if (sim->host_swapped > HOST_SWAP_BYTES) {
		struct sim_vm *largest = &sim->vm[0];

		for (size_t i = 1; i < sim->count; i++)
			if (guest_resident(&sim->vm[i]) > guest_resident(largest))
				largest = &sim->vm[i];
		guest_restart(largest, sim->now_ms);
		sim->host_ooms++;
		largest->ooms--;
	}
}

static void count_jump(struct sim *sim, struct sim_vm *vm)
{
	double need = guest_need(vm);

	/* last_need follows slowly, so that a steep ramp counts as well as a step. */
	if (!vm->jump_since_ms && need > vm->last_need + JUMP_BYTES)
		vm->jump_since_ms = sim->now_ms;
	vm->last_need += 0.1 * (need - vm->last_need);
	if (!vm->jump_since_ms)
		return;
	sim->jump_s += STEP_S;
	/* Served when it has what the oracle would give it, once it needs all of it; or over. */
	if (need <= vm->last_need + 0.1 * JUMP_BYTES || need < vm->actual * 0.5) {
		if (vm->actual >= 0.95 * vm->ideal || need < 0.5 * vm->ideal) {
			vm->jump_since_ms = 0;
			sim->jumps++;
		}
	}
}

static void count(struct sim *sim, struct sim_vm *vm, size_t i)
{
	double need = guest_need(vm), change = vm->target - vm->last_target;
	double guaranteed = vm->minimum < need ? vm->minimum : need;
	double got = vm->actual < vm->ideal ? vm->actual : vm->ideal;

	vm->stall_sum += vm->stall;
	vm->stall_steps++;
	vm->recent[(size_t)(sim->now_ms / STEP_MS) % 4] = vm->stall;
	sim->window_sum[i] += vm->stall;
	/* The dead guest has what it has, whoever decides. */
	vm->satisfaction += vm->workload.kind == WORKLOAD_DEAD ? 1 : got / vm->ideal;
	if (vm->actual < 0.99 * guaranteed)
		vm->starved_s += STEP_S;
	if (change > 8 * MIB || change < -8 * MIB) {
		int direction = change > 0 ? 1 : -1;

		if (vm->direction == -direction)
			vm->flips++;
		vm->direction = direction;
		vm->last_target = vm->target;
	}
	count_jump(sim, vm);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void sum_up(struct sim *sim, double cpu_s, struct figures *figures)
{
	double sum = 0, squares = 0, steps = (double)RUN_MS / STEP_MS;

	memset(figures, 0, sizeof(*figures));
	for (size_t i = 0; i < sim->count; i++) {
		const struct sim_vm *vm = &sim->vm[i];
		double stall = vm->stall_sum / vm->stall_steps, part = vm->satisfaction / steps;

		figures->stall += stall / (double)sim->count;
		figures->worst = stall > figures->worst ? stall : figures->worst;
		figures->faults += vm->faults;
		figures->moved_bytes += vm->moved;
		figures->starved_s += vm->starved_s;
		figures->flips += vm->flips;
		figures->guest_ooms += vm->ooms;
		sum += part;
		squares += part * part;
	}
	figures->jain = sum * sum / ((double)sim->count * squares);
	figures->host_ooms = sim->host_ooms;
	figures->host_swap_bytes = sim->host_swap_peak;
	figures->jump_s = sim->jumps ? sim->jump_s / sim->jumps : 0;
	figures->step_us = cpu_s * 1e6 / steps;
	qsort(sim->windows, sim->window_count, sizeof(double), compare);
	if (sim->window_count)
		figures->p99 = sim->windows[sim->window_count * 99 / 100];
}

static void close_window(struct sim *sim)
{
	for (size_t i = 0; i < sim->count; i++) {
		if (sim->window_count < sizeof(sim->windows) / sizeof(sim->windows[0]))
			sim->windows[sim->window_count++] =
				sim->window_sum[i] * STEP_MS / WINDOW_MS;
		sim->window_sum[i] = 0;
	}
}

static void step(struct sim *sim, const struct controller *controller, void *state, clock_t *cpu)
{
	double part = sim->host_swapped / (sim_resident(sim) + 1);
	clock_t before;

	if (sim->now_ms >= sim->shock_until_ms)
		sim->other = OTHER_BYTES;
	else if (sim->now_ms >= sim->shock_at_ms && sim->other < OTHER_BYTES + SHOCK_BYTES)
		sim->other += SHOCK_RATE * STEP_S;
	for (size_t i = 0; i < sim->count; i++) {
		workload_step(&sim->vm[i].workload, sim->now_ms);
		guest_step(&sim->vm[i], sim->now_ms, part);
	}
	host_step(sim);
	oracle_divide(sim);
	before = clock();
	controller->step(state, sim);
	*cpu += clock() - before;
	for (size_t i = 0; i < sim->count; i++)
		count(sim, &sim->vm[i], i);
	if ((long)sim->now_ms % WINDOW_MS == 0)
		close_window(sim);
}

int sim_run(const struct controller *controller, uint64_t seed, size_t vms, struct figures *figures)
{
	struct sim *sim = malloc(sizeof(*sim));
	clock_t cpu = 0;
	void *state;

	if (!sim)
		return -ENOMEM;
	make_mix(sim, seed, vms);
	state = controller->start(sim);
	if (!state) {
		free(sim);
		return -ENOMEM;
	}
	for (size_t i = 0; i < vms; i++) {
		struct sim_vm *vm = &sim->vm[i];

		vm->actual = vm->last_target = vm->target;
		vm->last_need = guest_need(vm);
	}
	for (long now_ms = STEP_MS; now_ms <= RUN_MS; now_ms += STEP_MS) {
		sim->now_ms = (double)now_ms;
		step(sim, controller, state, &cpu);
	}
	controller->stop(state);
	sum_up(sim, (double)cpu / CLOCKS_PER_SEC, figures);
	free(sim);
	return 0;
}
