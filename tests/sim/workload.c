/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * workload - what goes on in a VM: how much it needs, and how often it touches that
 */
#include "tests/sim/sim.h"

#include "tests/sim/machine.h"

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_next(struct random *random)
{
	uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

double random_between(struct random *random, double low, double high)
{
	return low + (high - low) * ((double)(random_next(random) >> 11) / 9007199254740992.0);
}

static const char *const names[WORKLOAD_KINDS] = {
	"idle", "database", "web",	  "flash crowd", "batch",
	"scan", "leak",	    "boot storm", "dead",	 "liar",
};

const char *workload_name(enum workload_kind kind)
{
	return names[kind];
}

void workload_start(struct workload *w, enum workload_kind kind, uint64_t seed)
{
	*w = (struct workload){.kind = kind, .random = {seed}};
	w->base = random_between(&w->random, 250, 450) * MIB;
	w->peak = random_between(&w->random, 1.2, 2.8) * GIB;
	w->file = random_between(&w->random, 200, 900) * MIB;
	w->period_ms = random_between(&w->random, 500, 1100) * 1000;
	w->phase_ms = random_between(&w->random, 0, w->period_ms);
	w->until_ms = random_between(&w->random, 100, 400) * 1000;
	w->silent_after_ms = random_between(&w->random, 300, 900) * 1000;
	w->anonymous = w->goal = w->base;
	w->ramp = 200 * MIB;
	w->files = w->file;
	w->anonymous_rate = 100 * MIB;
	w->file_rate = 20 * MIB;
	switch (kind) {
	case WORKLOAD_IDLE:
		w->anonymous_rate = 2 * MIB;
		w->file_rate = 0.5 * MIB;
		w->until_ms = 1e12;
		break;
	case WORKLOAD_DATABASE:
		w->anonymous = w->goal = w->peak * 0.7;
		w->anonymous_rate = 300 * MIB;
		w->until_ms = 1e12;
		break;
	case WORKLOAD_SCAN:
		w->stream_rate = 150 * MIB;
		w->until_ms = 1e12;
		break;
	case WORKLOAD_BOOT:
		/* All at once, at a time that all of a run know: see until_ms below. */
		w->anonymous = w->goal = 60 * MIB;
		w->files = 50 * MIB;
		w->until_ms = 400000;
		break;
	case WORKLOAD_DEAD:
	case WORKLOAD_LIAR:
		w->goal = w->anonymous = 600 * MIB;
		w->until_ms = 1e12;
		break;
	default:
		break;
	}
}

/* From a calm stretch to a busy one, and back. */
static void turn(struct workload *w, double now_ms, double busy_low_s, double busy_high_s,
		 double calm_low_s, double calm_high_s)
{
	if (now_ms < w->until_ms)
		return;
	if (w->goal <= w->base) {
		w->goal = w->kind == WORKLOAD_BATCH ? random_between(&w->random, 0.4, 2.8) * GIB
						    : w->peak;
		w->until_ms = now_ms + 1000 * random_between(&w->random, busy_low_s, busy_high_s);
	} else {
		w->goal = w->base;
		w->until_ms = now_ms + 1000 * random_between(&w->random, calm_low_s, calm_high_s);
	}
}

/* A wave without libm: 0 to 1 and back, smooth at both ends. */
static double wave(double phase)
{
	double x = phase < 0.5 ? 2 * phase : 2 - 2 * phase;

	return x * x * (3 - 2 * x);
}

void workload_step(struct workload *w, double now_ms)
{
	double cycle = (now_ms + w->phase_ms) / w->period_ms;

	switch (w->kind) {
	case WORKLOAD_WEB:
		w->goal = w->base + (w->peak - w->base) * 0.7 * wave(cycle - (double)(long)cycle);
		break;
	case WORKLOAD_CROWD:
		w->ramp = 600 * MIB;
		turn(w, now_ms, 120, 300, 200, 500);
		break;
	case WORKLOAD_BATCH:
		turn(w, now_ms, 60, 300, 40, 250);
		break;
	case WORKLOAD_LEAK:
		w->goal += 2 * MIB * STEP_S;
		if (w->goal > 3 * GIB)
			w->anonymous = w->goal = w->base;
		break;
	case WORKLOAD_BOOT:
		if (now_ms >= w->until_ms) {
			w->goal = w->base + 500 * MIB;
			w->files = w->file + 500 * MIB;
			w->file_rate = now_ms < w->until_ms + 60000 ? 200 * MIB : 5 * MIB;
		}
		break;
	default:
		break;
	}
	if (w->anonymous < w->goal) {
		w->anonymous += w->ramp * STEP_S;
		if (w->anonymous > w->goal)
			w->anonymous = w->goal;
	} else {
		w->anonymous = w->goal;
	}
}
