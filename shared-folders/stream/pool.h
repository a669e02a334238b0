/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pool - a few threads for what may block, in the order in which it came
 *
 * Threads are started when there is work and none of them is idle, and stay.
 */
#ifndef LODGE_SHARED_FOLDERS_POOL_H
#define LODGE_SHARED_FOLDERS_POOL_H

struct pool;

/* Part of the struct that holds what the work needs. */
struct pool_work {
	void (*run)(struct pool_work *work); /* on a thread; may free it */
	struct pool_work *next;		     /* used inside */
};

/* @threads: at most so many, at least 1. Return: 0; -ENOMEM. */
int pool_new(unsigned int threads, struct pool **pool);

/* Return: 0; negative errno: no thread could be started, and @work was not taken. */
int pool_submit(struct pool *pool, struct pool_work *work);

/* Waits until all that was submitted has been run. */
void pool_finish(struct pool *pool);

/* After a pool_finish() of its own. NULL is fine. */
void pool_free(struct pool *pool);

#endif
