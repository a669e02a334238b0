/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * queue - one ring of requests, and the thread that serves it
 *
 * The thread takes requests out of the ring and serves them itself: for a guest that asks one thing
 * at a time nobody is faster. When more is waiting, or what is asked may take its time, helpers
 * get it, so that nothing waits for it. Before the thread sleeps it looks for a while
 * whether more comes, for as long as that has paid lately.
 *
 * A stopped queue keeps what has been taken out and waits for others (a lock): it goes back into
 * the ring when the same ring is started again, and is forgotten when it is another.
 *
 * All calls but those of requests come from one thread, the back end's.
 */
#ifndef LODGE_SHARED_FOLDERS_VHOST_QUEUE_H
#define LODGE_SHARED_FOLDERS_VHOST_QUEUE_H

#include "protocol/virtqueue/vhost_user.h"
#include "shared-folders/server/server.h"
#include "shared-folders/stream/pool.h"
#include "shared-folders/vhost/memory.h"
#include "shared-folders/vhost/window.h"

struct vhost_queue;

/* Who serves requests: server_call(), or a test. */
struct vhost_service {
	void (*call)(void *owner, struct server_call *call);
	void *owner;
	struct pool *pool;	     /* NULL: no helpers */
	struct vhost_window *window; /* NULL: none */
};

/* NULL: no memory. @service stays the caller's, outlives the queue. */
struct vhost_queue *vhost_queue_new(unsigned int index, const struct vhost_service *service);

/* It is stopped, and no request of it is with the server any more. */
void vhost_queue_free(struct vhost_queue *queue);

/* --- What the front end says of it; the queue is stopped first where it has to be --- */

int vhost_queue_set_size(struct vhost_queue *queue, uint32_t size);
int vhost_queue_set_base(struct vhost_queue *queue, uint32_t base);
void vhost_queue_set_address(struct vhost_queue *queue,
			     const struct vhost_user_vring_address *address);

/* Descriptors become the queue's; -EBADF: none. */
void vhost_queue_set_kick(struct vhost_queue *queue, int fd);
void vhost_queue_set_call(struct vhost_queue *queue, int fd);
void vhost_queue_set_error(struct vhost_queue *queue, int fd);
void vhost_queue_enable(struct vhost_queue *queue, bool enabled);

/**
 * vhost_queue_start() - serve, if all that takes is there; else nothing happens
 * @memory:	a reference is taken
 * @features:	what was negotiated
 *
 * Return: 0; negative errno: -EFAULT if the ring is outside memory, -EAGAIN if there is no thread.
 */
int vhost_queue_start(struct vhost_queue *queue, struct vhost_memory *memory, uint64_t features);

/* When it returns, what the server had is done, or waits for others. */
void vhost_queue_stop(struct vhost_queue *queue);

/* As GET_VRING_BASE wants it: stop, and forget the kick. Return: where the ring goes on. */
uint32_t vhost_queue_end(struct vhost_queue *queue);

/* Back to what it was at first; requests that wait are forgotten. */
void vhost_queue_reset(struct vhost_queue *queue);

#endif
