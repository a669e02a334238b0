/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop_queue - what other threads want done on the uv loop, in their order
 */
#ifndef LODGE_DAEMON_LOOP_QUEUE_H
#define LODGE_DAEMON_LOOP_QUEUE_H

#include <pthread.h>
#include <uv.h>

/* Part of something bigger; its memory is the one's who posts it until `handle` has it. */
struct loop_item {
	struct loop_item *next;
	void (*handle)(struct loop_item *item); /* on the loop, once */
};

struct loop_queue {
	uv_async_t wake;
	pthread_mutex_t lock; /* guards the list */
	struct loop_item *first, **last;
};

/* Does not keep @loop alive. 0 or -errno. */
int loop_queue_init(struct loop_queue *queue, uv_loop_t *loop);
/* From any thread. */
void loop_queue_post(struct loop_queue *queue, struct loop_item *item);
/**
 * loop_queue_close() - nobody posts any more
 * @closed:	called on the loop when @queue is nobody's; wake.data is the caller's to use
 *
 * What was posted is handled first.
 */
void loop_queue_close(struct loop_queue *queue, uv_close_cb closed);

#endif
