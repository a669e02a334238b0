/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inflation - what of a guest's stall its own balloon may have made
 *
 * To give memory back a guest drops cache, and Linux counts who reclaims for that as waiting for
 * memory (PSI "some"), though no task of the guest wants for any. The law would take it for a need:
 * it would grow the guest that it has just asked to shrink. So each MiB that is asked for explains
 * a little stall of the seconds that follow. What is read back afterwards stalls on its own
 * account.
 */
#ifndef LODGE_DAEMON_MEMORY_INFLATION_H
#define LODGE_DAEMON_MEMORY_INFLATION_H

#include <stdbool.h>
#include <stdint.h>

struct inflation {
	uint64_t left_us;  /* of stall that is explained and has not been seen */
	uint64_t until_ms; /* then it is forgotten */
	bool only;	   /* the last stall was that and nothing else */
};

/* The guest is asked for so much more than before. */
void inflation_asked(struct inflation *inflation, uint64_t bytes, uint64_t now_ms);

/* It has stalled for so long since its last figures. Returns what of it is explained. */
uint64_t inflation_explains(struct inflation *inflation, uint64_t stalled_us, uint64_t now_ms);

#endif
