/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sim - a host and its VMs, in steps of 250 ms, to compare ways to share memory
 *
 * Deterministic: a seed gives the mix of workloads, and every controller gets the same. Sizes are
 * bytes, as doubles; times are milliseconds. What is assumed of machines stands in machine.h and
 * nowhere else.
 */
#ifndef LODGE_SIM_H
#define LODGE_SIM_H

#include "host/daemon/memory/policy.h"

#define STEP_MS	   250
#define STEP_S	   0.25
#define MAX_VMS	   32
#define MIB	   1048576.0
#define GIB	   (1024 * MIB)
#define PAGE_BYTES 4096.0

enum workload_kind {
	WORKLOAD_IDLE,
	WORKLOAD_DATABASE,
	WORKLOAD_WEB,
	WORKLOAD_CROWD,
	WORKLOAD_BATCH,
	WORKLOAD_SCAN,
	WORKLOAD_LEAK,
	WORKLOAD_BOOT,
	WORKLOAD_DEAD,
	WORKLOAD_LIAR,
	WORKLOAD_KINDS,
};

/* A generator of numbers of its own for everything that is random: no controller can disturb it. */
struct random {
	uint64_t state;
};

double random_between(struct random *random, double low, double high);

struct workload {
	enum workload_kind kind;
	struct random random;
	double base, peak, file; /* sizes that the seed chose */
	double period_ms, phase_ms;
	double until_ms; /* of what goes on now */
	double ramp;	 /* bytes a second towards goal */
	double goal;
	double silent_after_ms; /* the dead guest */
	/* What the VM needs at this moment. */
	double anonymous;      /* memory that cannot be dropped */
	double files;	       /* files it reads again and again */
	double anonymous_rate; /* bytes a second that it touches of each */
	double file_rate;
	double stream_rate; /* read once, or in a circle too large for any cache */
};

struct sim_vm {
	double maximum, minimum;
	uint32_t shares;
	struct workload workload;

	/* The controller's wish, and what has come of it. */
	double target;
	double actual;

	/* Inside the guest. */
	double resident, swapped;		/* of its anonymous memory */
	double cached, seen;			/* of its files; seen: what was cached once */
	double streamed;			/* cache that will never be read again */
	double stall;				/* fraction of this step */
	double stall_us, refaulted, swapped_in; /* counters */
	double down_until_ms;

	/* Figures. */
	double stall_sum, stall_steps;
	double faults, moved, starved_s, satisfaction;
	unsigned int flips, ooms;
	int direction;
	double last_target;
	double ideal; /* what the oracle would give it now */
	double last_need, jump_since_ms;
	double recent[4]; /* stall of the last second */
};

struct sim {
	double total, other;
	struct sim_vm vm[MAX_VMS];
	size_t count;
	double now_ms;
	double shock_at_ms, shock_until_ms;
	double host_swapped, host_swap_peak;
	unsigned int host_ooms;
	double jump_s;
	unsigned int jumps;
	double windows[20000]; /* stall of each VM in each 10 s, for the 99th percentile */
	size_t window_count;
	double window_sum[MAX_VMS];
};

struct controller {
	const char *name;
	void *(*start)(struct sim *sim); /* sets the first targets; NULL: no memory */
	void (*step)(void *state, struct sim *sim);
	void (*stop)(void *state);
};

extern const struct controller controller_static, controller_mom, controller_proxmox,
	controller_lodge, controller_oracle;

/* workload.c */
void workload_start(struct workload *workload, enum workload_kind kind, uint64_t seed);
void workload_step(struct workload *workload, double now_ms);
const char *workload_name(enum workload_kind kind);

/* guest.c */
double guest_free(const struct sim_vm *vm);
double guest_available(const struct sim_vm *vm);
double guest_resident(
	const struct sim_vm *vm); /* on the host: free pages are reported, and not resident */
double guest_need(const struct sim_vm *vm); /* with which it would not stall at all */
void guest_step(struct sim_vm *vm, double now_ms, double host_swapped_part);
/* Asked for its coldest memory. */
void guest_reclaim(struct sim_vm *vm, double bytes);
void guest_restart(struct sim_vm *vm, double now_ms);

/* oracle.c: the weighted max-min of what all need, into ideal. */
void oracle_divide(struct sim *sim);

/* What a run of a mix came to. */
struct figures {
	double stall, worst, p99; /* fractions: of all VMs, of the worst VM, of 10 s of a VM */
	double faults, moved_bytes, starved_s, jump_s, jain, host_swap_bytes, step_us;
	double flips, guest_ooms, host_ooms;
};

/* Run RUN_MS of @count VMs of the seed's mix. -ENOMEM. */
int sim_run(const struct controller *controller, uint64_t seed, size_t count,
	    struct figures *figures);

/* CPU time that the policy takes for a second of 1,000 VMs. 0 or -ENOMEM. */
int cost_run(double *ms_a_second);

/* The host that a rule divides, and its guests, which are alike. */
struct rule_host {
	size_t vms;
	double total_bytes, maximum_bytes, minimum_bytes;
};

/* Drive what standard input tells of (rule.c). 0; -ENOMEM; -EBADMSG: that is no sample. */
int rule_run(const struct controller *controller, const struct rule_host *host);

void sim_equal_parts(struct sim *sim);
double sim_resident(const struct sim *sim);
double sim_host_free(const struct sim *sim);

#endif
