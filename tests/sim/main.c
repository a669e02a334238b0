/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main - the table: every controller on the same mixes
 *
 *	sim [tuning|held-out|all|promises|cost]
 *	sim rule NAME VMS TOTAL MAXIMUM MINIMUM		(MiB) drives real guests, see rule.c
 *
 * Constants are tuned on the tuning seeds alone; what counts is what the held-out seeds say. The
 * table is Markdown, and the same on every machine, so CPU time goes to stderr. With "promises" no
 * table is made: the exit status is 1 if the policy broke a promise in any run, shocks, dead guests
 * and liars included: no host swap, no host OOM, nobody below its minimum.
 */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS	       32
#define TUNING_FIRST   1
#define HELD_OUT_FIRST 1001

static const size_t sizes[] = {6, 8, 10, 12};

static const struct controller *const controllers[] = {
	&controller_static, &controller_mom,	&controller_proxmox,
	&controller_lodge,  &controller_oracle,
};

/* Means over the seeds; the worst VM is that of the mean of runs, peaks are peaks. */
static int mean_of(const struct controller *controller, uint64_t first, size_t vms,
		   struct figures *mean)
{
	memset(mean, 0, sizeof(*mean));
	for (uint64_t seed = first; seed < first + SEEDS; seed++) {
		struct figures one;
		int ret = sim_run(controller, seed, vms, &one);

		if (ret)
			return ret;
		mean->stall += one.stall / SEEDS;
		mean->worst += one.worst / SEEDS;
		mean->p99 += one.p99 / SEEDS;
		mean->faults += one.faults / SEEDS;
		mean->moved_bytes += one.moved_bytes / SEEDS;
		mean->starved_s += one.starved_s / SEEDS;
		mean->jump_s += one.jump_s / SEEDS;
		mean->jain += one.jain / SEEDS;
		mean->flips += one.flips / SEEDS;
		mean->guest_ooms += one.guest_ooms / SEEDS;
		mean->host_ooms += one.host_ooms / SEEDS;
		mean->step_us += one.step_us / SEEDS;
		if (one.host_swap_bytes > mean->host_swap_bytes)
			mean->host_swap_bytes = one.host_swap_bytes;
	}
	return 0;
}

static int print_table(const char *title, uint64_t first)
{
	printf("### %s (%llu to %llu)\n\n", title, (unsigned long long)first,
	       (unsigned long long)first + SEEDS - 1);
	printf("| VMs | controller | stall %% | worst VM %% | p99 %% | faults, M | guest OOM | "
	       "host OOM | "
	       "host swap, MiB | jump, s | flips | moved, GiB | Jain | below minimum, s |\n"
	       "|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t j = 0; j < sizeof(controllers) / sizeof(controllers[0]); j++) {
			struct figures f;

			if (mean_of(controllers[j], first, sizes[i], &f))
				return -1;
			printf("| %zu | %s | %.2f | %.1f | %.1f | %.2f | %.2f | %.2f | %.0f | %.1f "
			       "| %.0f | "
			       "%.0f | %.3f | %.1f |\n",
			       sizes[i], controllers[j]->name, f.stall * 100, f.worst * 100,
			       f.p99 * 100, f.faults / 1e6, f.guest_ooms, f.host_ooms,
			       f.host_swap_bytes / MIB, f.jump_s, f.flips, f.moved_bytes / GIB,
			       f.jain, f.starved_s);
			fprintf(stderr, "%zu VMs, %s: %.1f us a step\n", sizes[i],
				controllers[j]->name, f.step_us);
		}
	}
	printf("\n");
	return 0;
}

/* How many runs broke a promise; -1: no memory. */
static int broken_promises(uint64_t first)
{
	int broken = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint64_t seed = first; seed < first + SEEDS; seed++) {
			struct figures f;

			if (sim_run(&controller_lodge, seed, sizes[i], &f))
				return -1;
			if (f.host_ooms <= 0 && f.host_swap_bytes <= 0 && f.starved_s <= 0)
				continue;
			fprintf(stderr,
				"sim: seed %llu, %zu VMs: host OOM %.0f, host swap %.0f MiB, below "
				"minimum %.1f s\n",
				(unsigned long long)seed, sizes[i], f.host_ooms,
				f.host_swap_bytes / MIB, f.starved_s);
			broken++;
		}
	}
	return broken;
}

static int check_promises(void)
{
	int tuning = broken_promises(TUNING_FIRST), held_out = broken_promises(HELD_OUT_FIRST);

	if (tuning < 0 || held_out < 0) {
		fprintf(stderr, "sim: out of memory\n");
		return 1;
	}
	return tuning + held_out > 0;
}

static int print_cost(void)
{
	double ms;

	if (cost_run(&ms)) {
		fprintf(stderr, "sim: out of memory\n");
		return 1;
	}
	printf("%.3f ms of CPU time for a second of 1,000 VMs\n", ms);
	return 0;
}

static int drive_rule(char **argument)
{
	struct rule_host host = {
		.vms = strtoul(argument[1], NULL, 10),
		.total_bytes = strtod(argument[2], NULL) * MIB,
		.maximum_bytes = strtod(argument[3], NULL) * MIB,
		.minimum_bytes = strtod(argument[4], NULL) * MIB,
	};

	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++) {
		if (strcmp(argument[0], controllers[i]->name) != 0)
			continue;
		/* Those two know more of guests than is told here. */
		if (controllers[i] == &controller_lodge || controllers[i] == &controller_oracle)
			break;
		if (!host.vms || host.vms > MAX_VMS || host.total_bytes <= 0 ||
		    host.minimum_bytes <= 0 || host.maximum_bytes < host.minimum_bytes)
			break;
		return rule_run(controllers[i], &host) ? 1 : 0;
	}
	fprintf(stderr, "sim: rule: static, MOM or Proxmox, VMS, TOTAL, MAXIMUM, MINIMUM\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *which = argc > 1 ? argv[1] : "all";
	bool all = !strcmp(which, "all"), known = all;

	if (!strcmp(which, "rule") && argc == 7)
		return drive_rule(argv + 2);
	if (!strcmp(which, "promises"))
		return check_promises();
	if (!strcmp(which, "cost"))
		return print_cost();
	if (all || !strcmp(which, "tuning")) {
		known = true;
		if (print_table("Tuning seeds", TUNING_FIRST))
			goto no_memory;
	}
	if (all || !strcmp(which, "held-out")) {
		known = true;
		if (print_table("Held-out seeds", HELD_OUT_FIRST))
			goto no_memory;
	}
	if (!known)
		fprintf(stderr,
			"sim: unknown seeds '%s': tuning, held-out, all, promises or cost\n",
			which);
	return known ? 0 : 2;

no_memory:
	fprintf(stderr, "sim: out of memory\n");
	return 1;
}
