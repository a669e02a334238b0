/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * statistics - the figures of the host and of every VM (host/statistics/figures.h)
 *
 * Nothing is measured unless somebody asks. A round asks all who know something at once, and ends
 * when they have answered or when its time is up; what a VM did not tell then stays as it was, with
 * the time of when that was. Who asks while a round is under way is answered with it.
 *
 *	statistics.c	rounds
 *	host_figures.c	the host's own, from /proc
 *	manager_figures.c	what the memory manager knows
 *	libvirt_figures.c	what libvirt says of all its domains, in one call
 */
#ifndef LODGE_DAEMON_STATISTICS_H
#define LODGE_DAEMON_STATISTICS_H

#include "host/statistics/figures.h"

#include <stdint.h>

struct lodged;
struct statistics;
struct statistics_round;

#define STATISTICS_LIMIT_MS 2000

struct statistics_waiter {
	struct statistics_waiter *next;
	/* Called once; afterwards the waiter is its owner's again. lodged->statistics and the VMs
	 * have the figures. */
	void (*done)(struct statistics_waiter *waiter);
};

/* NULL without memory. */
struct statistics *statistics_new(struct lodged *lodged);
/* After the VMs: waiters are called. NULL is fine. */
void statistics_free(struct statistics *statistics);

/* Has them read. @waiter->done is called, later. */
void statistics_ask(struct statistics *statistics, struct statistics_waiter *waiter);
/* Nobody waits any more. */
void statistics_forget(struct statistics *statistics, struct statistics_waiter *waiter);

/* The host's, as they were read last. */
const struct figures *statistics_of_host(const struct statistics *statistics);

/* --- For those who answer --------------------------------------------------------------------- */

/* The round is not over before statistics_release(). Returns @round. */
struct statistics_round *statistics_hold(struct statistics_round *round);
void statistics_release(struct statistics_round *round);

/* Nanoseconds of CLOCK_MONOTONIC: VM_TIME. */
uint64_t statistics_now(void);

#endif
