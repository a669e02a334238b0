/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy - how the VMs of a host share its memory
 *
 * Pure: no I/O, no clock, no globals. The caller feeds what it saw (samples of guests, balloon
 * sizes, the host) with the time it saw it, calls memory_policy_step(), and carries the decisions
 * out. lodged and the simulator (tests/sim) drive the same code.
 *
 * The law, "credit water-filling", in the order of a step:
 *   health.c     who still answers; what a VM must be charged with
 *   demand.c     what each guest needs, from its own figures
 *   savings.c    what each has left to others of its share
 *   allocate.c   the budget, divided by shares (weighted max-min)
 *   reclaim.c    idle guests are asked for what they use least
 *   emergency.c  the host itself runs short: what is taken first
 *   calm.c       deadband, hold, time between directions
 *   overcommit.c what guests have not taken of their size is lent to others
 *   ledger.c     growth is paid from what guests have really given back
 *   explain.c    why
 *
 * Sizes are bytes, times are milliseconds of one monotonic clock of the caller's; counters of
 * guests only grow, and one that went back is a guest that was restarted. A guest's figures are
 * claims: whatever they say, its target stays between its minimum and its maximum, and in scarcity
 * it gets its shares at most.
 *
 * Letters of the law that comments use: M maximum, m guaranteed minimum, s shares, A actual size
 * (maximum less balloon), D demand, T target, B budget.
 */
#ifndef LODGE_DAEMON_MEMORY_POLICY_H
#define LODGE_DAEMON_MEMORY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_KIB UINT64_C(1024)
#define MEMORY_MIB (1024 * MEMORY_KIB)
#define MEMORY_GIB (1024 * MEMORY_MIB)

#define MEMORY_DEFAULT_SHARES 1000
#define MEMORY_MAX_SHARES     1000000

/* The law's constants. Start from memory_tuning_default. Fractions are of one, not per cent. */
struct memory_tuning {
	double reserve_fraction; /* of the host's memory, kept free */
	uint64_t reserve_floor_bytes;
	double pressure_high;	/* PSI "some" fraction above which a guest with its share grows */
	double pressure_poor;	/* the same for one that has little of its share, */
	double pressure_leap;	/* and for one whose use has just leapt */
	double plenty_fraction; /* of the budget: where nobody uses it, all are served soon */
	double pressure_low;	/* and below which it shrinks */
	double growth_per_pressure_bytes;
	double slow_shrink;   /* of A, a second */
	double futile_shrink; /* the same for a guest that growing does not help */
	double growth_half_life_ms;
	double headroom_fraction;
	uint64_t headroom_floor_bytes;
	uint64_t firm_headroom_bytes; /* the part of it that goes before the cache of others */
	double warm_s;		      /* what is read back within it from swap is in use */
	double leap_fraction;	      /* of A, a second: faster than that is a leap */
	uint64_t leap_ms;	      /* for which it is remembered */
	double leap_step;	      /* of A, that it gets at once for its cache */
	double step_bands;	      /* deadbands that a guest asks for when it stalls, at least */
	double savings_max_s;	      /* what a VM may save, in seconds of its share */
	double savings_spent_s;	      /* time in which they could be spent */
	double slack_given;	      /* of what nobody demands, given out by shares */
	double cushion_fraction;      /* of the budget: credits kept for who comes next, at most */
	double gift_fraction; /* of a size: less than that is not given to who needs no more */
	double deadband_fraction;
	uint64_t deadband_floor_bytes;
	double turn_bands;		 /* deadbands for a move to the other side */
	double scarce_deadband_fraction; /* for who has its share and wants more, at */
	double scarce_pressure;	 /* less for who stalls more than that, and the other way round */
	uint64_t scarce_turn_ms; /* and for growing after it has shrunk */
	uint64_t hold_ms, hold_max_ms;
	uint64_t blame_ms; /* pressure so soon after a shrink is the shrink's fault */
	double floor_half_life_ms;
	uint64_t turn_ms;  /* between growing and shrinking */
	uint64_t judge_ms; /* after which a growth is judged */
	uint64_t futile_ms, futile_max_ms;
	uint64_t stale_periods;
	uint64_t dead_ms;
	uint64_t stuck_ms; /* without progress of stuck_rate */
	uint64_t stuck_bytes_per_s;
	uint64_t retry_ms, retry_max_ms; /* a stuck guest is asked again */
	double reclaim_fraction;	 /* of A, that an idle guest is asked to give up */
	double reclaim_refaults;	 /* of A, a second, that an idle guest may read back */
	uint64_t reclaim_quiet_ms, reclaim_pause_ms;
	double overcommit_margin; /* of the root of the squares of all loans, that is kept; 0:
				   * nothing is lent */
	uint64_t boot_ms;	  /* in which a guest without driver is believed to be starting */
};

extern const struct memory_tuning memory_tuning_default;

/* What the owner of a VM has set. */
struct memory_vm_config {
	const char *name;	/* copied */
	uint64_t maximum_bytes; /* M: 1 MiB at least */
	uint64_t minimum_bytes; /* m: never taken; at most M */
	uint32_t shares;	/* 1 to MEMORY_MAX_SHARES */
	uint64_t fixed_bytes;	/* not 0: the owner's own size, the VM takes part with it alone */
};

/*
 * A guest's figures (agent, or balloon statistics). Counters are totals since the guest's start. A
 * figure that the guest does not have is 0. period_ms: when the next sample is due at the latest.
 */
struct memory_sample {
	uint64_t at_ms;
	uint32_t period_ms;
	uint64_t visible_bytes; /* the host's word: A when the sample was taken; 0: as last observed
				 */
	uint64_t free_bytes;	/* MemFree */
	uint64_t available_bytes;  /* MemAvailable */
	uint64_t refaulted_bytes;  /* workingset_refault_anon and _file, in bytes */
	uint64_t swapped_in_bytes; /* pswpin, in bytes */
	uint64_t swap_used_bytes;  /* what is swapped out now: no counter */
	uint64_t swap_free_bytes;  /* and what could be yet */
	bool reclaims;		   /* it does what reclaim_bytes asks */
	uint64_t stall_us;	   /* total of "some" in /proc/pressure/memory */
	uint64_t total_bytes;	   /* MemTotal: for the manager, which finds by it what of plugged
				    * memory is not in use */
};

/* What the host itself sees of a VM. */
struct memory_observation {
	uint64_t at_ms;
	uint64_t actual_bytes;	 /* maximum less balloon, as the device says */
	uint64_t resident_bytes; /* of the VM's memory on the host */
	uint64_t plugged_bytes;	 /* of actual_bytes: plugged in since the VM started (virtio-mem) */
	bool driver;		 /* a balloon driver has been seen at work */
};

struct memory_host {
	uint64_t total_bytes;
	uint64_t available_bytes; /* MemAvailable of the host */
	uint64_t other_bytes;	  /* used by what is no VM */
	uint64_t overhead_bytes;  /* of the VMs' processes, beside guest memory */
	uint64_t ksm_saved_bytes; /* really saved; half of it is counted */
	bool stalled;		  /* the host's own PSI trigger went off since the last step */
};

enum memory_state {
	MEMORY_STARTING, /* no figures yet */
	MEMORY_FOLLOWED,
	MEMORY_STALE, /* figures are overdue: nothing is taken */
	MEMORY_DEAD,  /* silent for long, or no driver: charged with what it may have */
	MEMORY_STUCK, /* does not follow its target: asked again later */
	MEMORY_FIXED, /* its owner has set a size */
};

/* Why a target is what it is: the rule that had the last word. */
enum memory_reason {
	MEMORY_BECAUSE_START,
	MEMORY_BECAUSE_DEMAND,	  /* its demand, and a share of what nobody needs */
	MEMORY_BECAUSE_SHARES,	  /* scarcity: its share */
	MEMORY_BECAUSE_SAVINGS,	  /* scarcity: more than that, which it had left to others */
	MEMORY_BECAUSE_MINIMUM,	  /* scarcity: the guaranteed minimum */
	MEMORY_BECAUSE_MAXIMUM,	  /* all it can have */
	MEMORY_BECAUSE_CREDIT,	  /* more is due, and waits for what others give back */
	MEMORY_BECAUSE_DEADBAND,  /* the change is too small to be worth it */
	MEMORY_BECAUSE_UNNEEDED,  /* it could do with less, and nobody needs that */
	MEMORY_BECAUSE_TURN,	  /* it moved the other way a moment ago */
	MEMORY_BECAUSE_URGENT,	  /* it stalls: served at once */
	MEMORY_BECAUSE_EMERGENCY, /* the host runs short */
	MEMORY_BECAUSE_SILENCE,	  /* stale or dead: left as it is */
	MEMORY_BECAUSE_STUCK,
	MEMORY_BECAUSE_FIXED,
};

enum memory_trend { MEMORY_STEADY, MEMORY_GROWS, MEMORY_SHRINKS };

struct memory_decision {
	uint64_t target_bytes;	/* m <= target <= M */
	uint64_t demand_bytes;	/* D */
	uint64_t due_bytes;	/* the allocation, before calm and ledger */
	uint64_t charged_bytes; /* what the ledger counts it with */
	uint64_t limit_bytes;	/* memory.high for the VM's cgroup; 0: none */
	uint64_t reclaim_bytes; /* to be asked of the guest in this step; 0: nothing */
	bool ready;		/* may be started: what it starts with is there */
	bool pause;		/* the last resort: stop it until the host recovers */
	enum memory_state state;
	enum memory_reason reason;
	double pressure; /* PSI "some" fraction between the last two samples */
	bool futile;	 /* growing has not helped it lately */
};

struct memory_totals {
	uint64_t budget_bytes; /* B */
	uint64_t reserve_bytes;
	uint64_t demand_bytes; /* of all VMs */
	uint64_t charged_bytes;
	uint64_t lent_bytes; /* of what VMs may have, charged to none of them */
	uint64_t minimum_bytes;
	int emergency; /* 0 none, 1 free memory is taken, 2 cache, 3 the rest, 4 limits, 5 a VM is
			  paused */
};

struct memory_policy;
struct memory_vm;

/* 0 or -ENOMEM. Tuning is copied. Freeing a policy frees its VMs; NULL is allowed. */
int memory_policy_new(const struct memory_tuning *tuning, struct memory_policy **result);
void memory_policy_free(struct memory_policy *policy);

/* Other constants from now on; what was learned with the old ones stays. Copied. */
void memory_policy_tune(struct memory_policy *policy, const struct memory_tuning *tuning);

/* The host's figures: before the first VM is added, and then as often as they are read. */
void memory_policy_host(struct memory_policy *policy, const struct memory_host *host);

/*
 * Admission. 0, or -ENOSPC where the minimums would no longer fit the budget (-EINVAL for a config
 * that breaks its own rules, -ENOMEM). The VM belongs to the policy. Its first decision says the
 * size to start with, less than its maximum where there are not credits for all of it.
 * Start it when its decision is ready: at once, or some steps later, when others have given back
 * its minimum.
 */
int memory_policy_add(struct memory_policy *policy, const struct memory_vm_config *config,
		      uint64_t now_ms, struct memory_vm **result);

/*
 * A VM that runs already is not refused. Its first observation is its target until a step says
 * otherwise: carry no decision out before it, and the first one at once, so that who was still on
 * the way to another target stops. -EINVAL, -ENOMEM.
 */
int memory_policy_adopt(struct memory_policy *policy, const struct memory_vm_config *config,
			uint64_t now_ms, struct memory_vm **result);

/* Change what its owner has set (the name stays). -EINVAL, -ENOSPC; then nothing has changed. */
int memory_policy_configure(struct memory_policy *policy, struct memory_vm *vm,
			    const struct memory_vm_config *config);
void memory_policy_remove(struct memory_policy *policy, struct memory_vm *vm);

/* Samples and observations in the order of their times; one older than the last is ignored. */
void memory_vm_sample(struct memory_policy *policy, struct memory_vm *vm,
		      const struct memory_sample *sample);
void memory_vm_observe(struct memory_policy *policy, struct memory_vm *vm,
		       const struct memory_observation *observation);

/*
 * An urgent frame: the guest stalls, or is below its mark. Pass the sample that came with it first.
 * The next step serves it before the others. Without effect where the sample says that it has free
 * memory, and while growing is futile.
 */
void memory_vm_urgent(struct memory_policy *policy, struct memory_vm *vm, uint64_t now_ms);

/* A new decision for every VM. O(VMs). Call it every second, and at once after an urgent frame. */
void memory_policy_step(struct memory_policy *policy, uint64_t now_ms);

/* Both are valid until the policy is called again. */
const struct memory_decision *memory_vm_decision(const struct memory_vm *vm);
const struct memory_totals *memory_policy_totals(const struct memory_policy *policy);

const char *memory_state_name(enum memory_state state);
enum memory_trend memory_vm_trend(const struct memory_vm *vm);

/*
 * The last decision in plain words, for `lodge memory --why`: a few lines, cut to size with a final
 * 0. Returns the length that it would need (as snprintf does).
 */
int memory_vm_explain(const struct memory_policy *policy, const struct memory_vm *vm, char *text,
		      size_t size);

#endif
