/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of a queue, shared by queue.c (which the front end drives) and queue_thread.c (which
 * serves the guest).
 */
#ifndef LODGE_SHARED_FOLDERS_VHOST_QUEUE_INTERNAL_H
#define LODGE_SHARED_FOLDERS_VHOST_QUEUE_INTERNAL_H

#include "protocol/virtqueue/queue.h"
#include "shared-folders/vhost/bounce.h"
#include "shared-folders/vhost/cost.h"
#include "shared-folders/vhost/pace.h"
#include "shared-folders/vhost/queue.h"

#include <pthread.h>
#include <stdatomic.h>

struct vhost_queue {
	unsigned int index;
	const struct vhost_service *service;

	/* Of the front end. */
	uint16_t size;
	uint16_t base;	   /* the next entry of the available ring, while the queue is stopped */
	uint16_t used_was; /* the used ring's index when it was stopped */
	struct vhost_user_vring_address address;
	bool has_address, enabled;
	int kick, error;

	pthread_t thread;
	bool running;
	atomic_bool stopping;
	int wake; /* eventfd: look at `stopping` */
	struct pace pace;
	struct cost cost;
	struct virtqueue_chain chain; /* the thread's, on its way into a request */

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t quiet; /* `serving` became 0 */
	struct virtqueue ring;
	int call;
	struct vhost_memory *memory;
	unsigned int serving;	  /* requests that server_call() has not returned from */
	unsigned int outstanding; /* requests taken out and not given back */
	unsigned int generation;  /* of the ring: requests of an earlier one are forgotten */
	bool stopped;
	struct vhost_request *late; /* done while the queue was stopped */
};

struct vhost_request {
	struct pool_work work;
	struct server_call call;
	struct vhost_queue *queue;
	struct vhost_memory *memory;
	struct vhost_request *next;
	unsigned int generation;
	uint32_t length;
	uint16_t head;
	bool is_timed; /* how long it takes is noted */
	uint64_t *gpa; /* of its pieces, if some have no address; else NULL */
	struct vhost_bounce bounce;
	struct iovec iov[];
};

/* The queue's thread. @queue: running, with its ring in order. */
void *vhost_queue_run(void *queue);

/* Locked. The request goes back into the ring. Return: whether the guest wants to hear of it. */
bool vhost_queue_give_back(struct vhost_queue *queue, const struct vhost_request *request);

/* An event of the front end's or the guest's; negative: nobody listens. */
void vhost_queue_signal(int fd);

#endif
