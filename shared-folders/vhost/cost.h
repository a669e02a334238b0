/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cost - how long small requests take, of late
 *
 * A request that is answered from memory takes about a microsecond, and to hand it to another
 * thread takes more; one that waits for a disk takes as long as many such. Which it will be cannot
 * be seen from the request, but the last ones tell. Any thread may note and ask: a word that two
 * threads' haste loses is one of many.
 */
#ifndef LODGE_SHARED_FOLDERS_VHOST_COST_H
#define LODGE_SHARED_FOLDERS_VHOST_COST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What it takes to hand a request over, and to wake who gets it. */
#define COST_HAND_OVER_NS 10000
/* The last one counts for one part of so many. */
#define COST_PARTS 8
/* No more than this counts, so that one that took a second is forgotten after some fifty. */
#define COST_MAX_NS 10000000

struct cost {
	_Atomic uint64_t mean_ns;
};

static inline void cost_note(struct cost *cost, uint64_t took_ns)
{
	uint64_t mean = atomic_load_explicit(&cost->mean_ns, memory_order_relaxed);

	if (took_ns > COST_MAX_NS)
		took_ns = COST_MAX_NS;
	mean = (mean * (COST_PARTS - 1) + took_ns) / COST_PARTS;
	atomic_store_explicit(&cost->mean_ns, mean, memory_order_relaxed);
}

static inline bool cost_is_worth_a_helper(const struct cost *cost)
{
	return atomic_load_explicit(&cost->mean_ns, memory_order_relaxed) > COST_HAND_OVER_NS;
}

#endif
