/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop - one thread waiting for many descriptors
 *
 * A thin layer over epoll. Each thread that waits has a loop of its own; sources belong to the
 * thread that runs the loop. From other threads only loop_post(), loop_call() and loop_stop() are
 * allowed. There are no timers: a timerfd is a descriptor.
 */
#ifndef LODGE_VMM_LOOP_H
#define LODGE_VMM_LOOP_H

#include <stdint.h>

struct loop;
struct loop_source;

/* @events: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as they are ready. */
typedef void (*loop_handler)(void *owner, uint32_t events);
typedef void (*loop_task)(void *argument);

/* Return: the loop, freed by loop_free(); NULL without memory or descriptors (errno is set). */
struct loop *loop_new(void);

/* Sources that are still there go with it; their descriptors stay open. Posted tasks that were not
 * run are dropped. NULL is fine. */
void loop_free(struct loop *loop);

/**
 * loop_add_fd() - watch a descriptor
 * @fd:		stays the caller's; must stay open until loop_remove()
 * @events:	EPOLLIN, EPOLLOUT, EPOLLET or 0 (hang-up and errors are always reported)
 * @handler:	called in the loop's thread, never after loop_remove()
 * @source:	set on success, to modify or remove the source
 *
 * In the loop's thread, or before it runs. Return: 0 or negative errno.
 */
int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_handler handler, void *owner,
		struct loop_source **source);

/* Replace the events waited for. Return: 0 or negative errno. */
int loop_modify(struct loop_source *source, uint32_t events);

/* Watch no more. May be called in any handler of the same loop, its own included. NULL is fine. */
void loop_remove(struct loop_source *source);

/* Dispatch until loop_stop(). Return: 0, or negative errno if waiting failed. */
int loop_run(struct loop *loop);

/* loop_run() returns soon; if it does not run yet, at once when it does. Any thread. */
void loop_stop(struct loop *loop);

/* Run @task in the loop's thread, after what was posted before. Any thread. -ENOMEM. */
int loop_post(struct loop *loop, loop_task task, void *argument);

/**
 * loop_call() - run @task in the loop's thread and wait until it has returned
 *
 * In the loop's own thread, or while no thread runs the loop: run right here. The caller must hold
 * nothing that a handler of that loop may wait for. A loop that is being stopped still runs it.
 */
void loop_call(struct loop *loop, loop_task task, void *argument);

#endif
