/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * internal - what the files of the memory policy share; nobody else includes it
 */
#ifndef LODGE_DAEMON_MEMORY_INTERNAL_H
#define LODGE_DAEMON_MEMORY_INTERNAL_H

#include "host/daemon/memory/policy.h"

struct memory_vm {
	char *name;
	struct memory_vm_config config;

	/* What was told. */
	struct memory_sample sample; /* the last one */
	bool sampled;
	struct memory_observation seen;
	bool observed;
	bool adopted; /* it ran before the policy knew it */
	uint64_t added_ms;
	bool urgent; /* since the last step */

	/* demand.c */
	double demand;	     /* D */
	double firm;	     /* of D: what is no cache */
	double used;	     /* U */
	double headroom;     /* h */
	double growth_rate;  /* g, bytes a second */
	double refaults;     /* R */
	double refault_rate; /* of the last samples, bytes a second */
	double pressure;     /* p */
	double strain;	     /* p of the last samples */
	double swap_used;
	double swap_in_rate; /* of the last samples, bytes a second */
	uint64_t leapt_ms;   /* when its use last leapt; 0: never */
	bool leaps;	     /* it did lately, and its cache is short */
	bool swapping;	     /* it reads back from swap */
	bool exhausted;	     /* it could drop nothing more */
	bool constrained;
	bool starved; /* exhausted, or constrained and stalling, and growing may help */
	struct memory_judgement {
		bool open; /* a growth is being judged */
		uint64_t since_ms;
		double size, refault_rate;
		bool futile;
		uint64_t until_ms, length_ms;
		double rate_when_judged;
	} judge;

	/* calm.c */
	uint64_t hold_until_ms, hold_ms, pressure_ms;
	double floor; /* when it was learned; it fades */
	uint64_t floor_ms;
	uint64_t shrunk_ms; /* when it last gave back what it may have used */
	double shrunk_from;
	uint64_t moved_ms;
	enum memory_trend trend;

	double savings; /* savings.c: bytes times seconds */
	double part;	/* and its share of the budget; 0: not known yet */
	double plenty;	/* of the budget: what nobody used at the last step */

	uint64_t disturbed_ms; /* reclaim.c: when it last stalled or read back */
	uint64_t asked_ms;     /* when it last was asked */

	uint64_t paused_ms; /* emergency.c: when it last was; 0: never */
	bool braked;	    /* and that was for what it took */
	uint64_t took_ms;   /* when it was last seen to have taken what nobody gave, or what was
			       lent to others; 0: never */

	/* health.c */
	uint64_t progress_ms;
	uint64_t progress_bytes;
	uint64_t retry_at_ms, retry_ms;

	/* ledger.c: the highest target in force since the last observation */
	uint64_t ceiling;
	double loans; /* overcommit.c: what its loan is held against; 0: that is kept whole */

	/* The step's own. */
	double due;    /* T of the allocation */
	double share;  /* what it would be if all of D were worth the same */
	uint64_t want; /* T after calm */
	struct memory_decision decision;
};

#define MEMORY_SCRATCH 6

struct memory_policy {
	struct memory_tuning tuning;
	struct memory_host host;
	struct memory_vm **vm;
	size_t count, room;
	struct memory_totals totals;
	bool overdrawn; /* more is charged than may be: what is due is taken without calm */
	bool hurry;	/* calm.c: somebody stalls, and is due more */
	double spared;	/* calm.c: what each may keep above its due */
	bool strict;	/* calm.c: also little things are taken */
	double unused;	/* calm.c: credits, and what is free above headroom and due */
	double gifts;	/* calm.c: credits that nobody has to be taken from for */
	double level;	/* lambda of the last allocation: what a share is worth */
	bool scarce;
	double slack; /* of the budget, above all demands */
	uint64_t stepped_ms;
	uint64_t watched_ms;  /* emergency.c: when the host was last looked at, */
	double watched_bytes; /* and what was available */
	bool short_of_memory;
	uint64_t short_since_ms, paused_ms;
	double *scratch; /* MEMORY_SCRATCH figures a VM, for allocations */
};

static inline double max2(double a, double b)
{
	return a > b ? a : b;
}

static inline double min2(double a, double b)
{
	return a < b ? a : b;
}

static inline double clamp(double value, double low, double high)
{
	return value < low ? low : value > high ? high : value;
}

/* What is left of one after a time: exact at each half-life, a straight line between. */
static inline double decay(double time_ms, double half_life_ms)
{
	double left = 1;

	while (time_ms >= half_life_ms && left > 1e-9) {
		left /= 2;
		time_ms -= half_life_ms;
	}
	return left > 1e-9 ? left * (1 - time_ms / (2 * half_life_ms)) : 0;
}

/* A: as observed; before that the size it was started with. */
static inline double vm_actual(const struct memory_vm *vm)
{
	return (double)(vm->observed ? vm->seen.actual_bytes : vm->decision.target_bytes);
}

/* Only these are given and taken from; the others are charged with what they have. */
static inline bool vm_is_followed(const struct memory_vm *vm)
{
	return vm->decision.state == MEMORY_FOLLOWED;
}

void demand_sample(const struct memory_tuning *tuning, struct memory_vm *vm,
		   const struct memory_sample *sample);
void demand_judge(const struct memory_tuning *tuning, struct memory_vm *vm, double size,
		  uint64_t now_ms);

/*
 * Weighted max-min: result[i] = min(demand[i], base[i] + lambda * weight[i]), with lambda as large
 * as the total allows. Where the bases alone are more than total they are what everybody gets.
 * Returns lambda.
 */
double allocate_max_min(size_t count, const double *demand, const double *base,
			const double *weight, double total, double *result);
void allocate(struct memory_policy *policy);

void savings_update(struct memory_policy *policy, uint64_t now_ms);
/* By how much a VM may be above its share now. */
double savings_allow(const struct memory_tuning *tuning, const struct memory_vm *vm);

void calm_pressure(const struct memory_tuning *tuning, struct memory_vm *vm, uint64_t now_ms);
/* The size that is left of @size after a slow step, which hold and floor may forbid. */
double calm_shrink(const struct memory_tuning *tuning, const struct memory_vm *vm, double size,
		   double slow, uint64_t now_ms);
void calm_plan(struct memory_policy *policy, uint64_t now_ms);
void calm_decide(const struct memory_policy *policy, struct memory_vm *vm, uint64_t now_ms);
void calm_moved(struct memory_vm *vm, uint64_t from, uint64_t to, uint64_t now_ms);
double calm_deadband(const struct memory_tuning *tuning, double size);

/* What all loans come to together, before a step. */
void overcommit_weigh(struct memory_policy *policy);
/* What is kept for a VM of @size beyond what is resident, and what it is charged with. */
double overcommit_margin(const struct memory_vm *vm, double size);
double overcommit_charge(const struct memory_vm *vm, double size);
/* To have @resident now it has come for what was lent to others. */
bool overcommit_called(const struct memory_vm *vm, uint64_t resident);

/* What it may have by now, and what it is charged with for that. */
uint64_t ledger_claim(const struct memory_vm *vm);
uint64_t ledger_charge(const struct memory_vm *vm);
/* What the ledger will gain when it has given back what it was told to, and @more. */
double ledger_coming(const struct memory_vm *vm, double more);
double ledger_credits(const struct memory_policy *policy); /* less than 0: too much is out */
void ledger_observed(struct memory_vm *vm);
void ledger_grant(struct memory_policy *policy, uint64_t now_ms);

void health_check(const struct memory_tuning *tuning, struct memory_vm *vm, uint64_t now_ms);
void health_progress(const struct memory_tuning *tuning, struct memory_vm *vm, uint64_t now_ms);

/* Pressure and refaults of a new sample are known. */
void reclaim_sampled(const struct memory_tuning *tuning, struct memory_vm *vm, double size,
		     double seconds, uint64_t at_ms);
void reclaim_ask(struct memory_policy *policy, uint64_t now_ms);

void emergency_check(struct memory_policy *policy, uint64_t now_ms);

#endif
