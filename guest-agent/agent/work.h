/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * work - what may block runs on a thread, so that the loop never does
 *
 * Threads exist only while there is something to do: one is started when no idle one is left, and
 * ends a second after its last work. Unlike a pool of fixed size, a few works that hang for good
 * (a dead file server) delay nobody else. At most WORKERS_MAX run at once; more wait in a queue.
 */
#ifndef LODGE_AGENT_WORK_H
#define LODGE_AGENT_WORK_H

#include <stdbool.h>
#include <uv.h>

#define WORKERS_MAX 128

struct workers;

/* Part of the struct that holds what the work needs. */
struct work {
	void (*run)(struct work *work);	 /* on a thread; may block */
	void (*done)(struct work *work); /* on the loop, after run; may free the work */
	struct work *next;		 /* used inside */
};

/* Return: 0 or negative errno. */
int workers_new(uv_loop_t *loop, struct workers **workers);

/* Works that have not ended will not be `done`. Memory goes with the last thread. NULL is fine. */
void workers_free(struct workers *workers);

/* All threads are taken: a new operation should better be refused (EBUSY) than wait. */
bool workers_busy(struct workers *workers);

/* Run @work, whose `run` and `done` are set. It must not be submitted again before `done`. */
void workers_submit(struct workers *workers, struct work *work);

/* Are works under way whose `done` has not been called? */
bool workers_pending(const struct workers *workers);

#endif
