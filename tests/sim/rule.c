/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rule - a baseline that drives real guests (tests/bench/bench-consolidation)
 *
 * The very code that the tables compare: figures of a real host and its guests are read from
 * standard input and put where the simulator has its own, and targets are written to standard
 * output, in MiB. A line of input is a sample, 5 s after the one before:
 *
 *	HOST_FREE  ACTUAL FREE  ACTUAL FREE ...
 *
 * The first line of output is what guests start with; then there is one for each sample.
 */
#include "tests/sim/sim.h"

#include "tests/sim/machine.h"

#include <errno.h>
#include <stdio.h>

#define SAMPLE_MS 5000

static void print_targets(const struct sim *sim)
{
	for (size_t i = 0; i < sim->count; i++)
		printf("%.1f%c", sim->vm[i].target / MIB, i + 1 < sim->count ? ' ' : '\n');
	fflush(stdout);
}

/* 1 at the end of input. */
static int read_sample(struct sim *sim)
{
	double host_free, actual, free_mib;
	int got = scanf("%lf", &host_free);

	if (got == EOF)
		return 1;
	if (got != 1)
		return -EBADMSG;
	for (size_t i = 0; i < sim->count; i++) {
		struct sim_vm *vm = &sim->vm[i];

		if (scanf("%lf %lf", &actual, &free_mib) != 2)
			return -EBADMSG;
		vm->actual = actual * MIB;
		vm->resident = vm->actual - KERNEL_BYTES - free_mib * MIB;
	}
	/* So that sim_host_free() is what was measured. */
	sim->other = 0;
	sim->other = sim->total - sim_resident(sim) - host_free * MIB;
	return 0;
}

int rule_run(const struct controller *controller, const struct rule_host *host)
{
	struct sim sim = {.total = host->total_bytes, .count = host->vms};
	void *state;
	int r;

	for (size_t i = 0; i < sim.count; i++) {
		sim.vm[i].maximum = sim.vm[i].actual = host->maximum_bytes;
		sim.vm[i].minimum = host->minimum_bytes;
		sim.vm[i].shares = 1000;
	}
	state = controller->start(&sim);
	if (!state)
		return -ENOMEM;
	print_targets(&sim);
	while ((r = read_sample(&sim)) == 0) {
		controller->step(state, &sim);
		print_targets(&sim);
		sim.now_ms += SAMPLE_MS;
	}
	controller->stop(state);
	return r < 0 ? r : 0;
}
