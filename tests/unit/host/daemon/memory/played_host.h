/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_host - a host with a few guests, a second a turn, for tests of the memory policy
 *
 * Guests follow their targets at a speed and tell their figures; a test sets what they use, and how
 * they misbehave.
 */
#ifndef LODGE_UNIT_PLAYED_HOST_H
#define LODGE_UNIT_PLAYED_HOST_H

#include "host/daemon/memory/internal.h"

#define PLAYED_GUESTS 1024

struct played_guest {
	struct memory_vm *vm;
	double actual;
	double used;	 /* what cannot be dropped */
	double cache;	 /* the cache it would like */
	double pressure; /* PSI "some" fraction, while it has less than used and cache */
	double refaults; /* bytes a second, likewise */
	double speed;	 /* of its balloon, bytes a second */
	bool silent, no_driver;
	bool reports;  /* its free pages: they are not resident */
	double claims; /* not 0: used, as it says, whatever is true */
	struct memory_sample sample;
};

struct played_host {
	struct memory_policy *policy;
	struct memory_host host;
	struct played_guest guest[PLAYED_GUESTS];
	size_t count;
	uint64_t now_ms;
	bool fixed_available; /* the test sets host.available_bytes, not the guests */
};

/* A host of @total bytes with an empty policy; freed by played_host_free(). */
struct played_host *played_host_new(uint64_t total);
void played_host_free(struct played_host *host);

/* A guest that uses half its minimum. It is admitted, or the test fails. */
struct played_guest *played_guest_add(struct played_host *host, uint64_t maximum, uint64_t minimum,
				      uint32_t shares);

/* Seconds go by. What must hold always (minimum, maximum, the ledger) is asserted in each. */
void played_run(struct played_host *host, unsigned int seconds);
/* 0 where that is not known. */
double played_resident(const struct played_guest *guest);
double played_sum(const struct played_host *host);
const struct memory_decision *played_decision(const struct played_guest *guest);

#endif
