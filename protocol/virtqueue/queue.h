/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtqueue - the device's side of a split ring (virtio 1.2, 2.7)
 *
 * A queue lives in guest memory, and the guest can change it at any time. So every index and every
 * descriptor is copied once, then checked, then used; a chain that virtqueue_pop() hands out is
 * pointers that are inside guest memory and lengths that will not change. What breaks the rules
 * stops the queue for good: it gives out nothing, and puts nothing into guest memory, until it is
 * started anew.
 *
 * A queue belongs to one thread.
 */
#ifndef LODGE_VIRTQUEUE_QUEUE_H
#define LODGE_VIRTQUEUE_QUEUE_H

#include "protocol/virtqueue/guestmem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* The largest queue that there may be, hence the longest chain: that of QEMU's vhost-user devices.
 */
#define VIRTQUEUE_MAX_SIZE 1024

/* Where the guest put a queue, as it wrote it into the registers. */
struct virtqueue_layout {
	uint16_t size; /* power of two, at most VIRTQUEUE_MAX_SIZE: the registers allow no other */
	uint64_t descriptors, available, used; /* guest-physical */
};

struct virtqueue {
	const struct guestmem *memory;
	uint16_t size; /* 0: not started, or broken */
	bool event_index, indirect;
	bool spares_wild; /* set after start: buffers outside memory are not held against the guest
			   */
	uint8_t *descriptors, *available, *used; /* checked views of guest memory */
	uint16_t next_available;		 /* free-running, as all indices of the ring */
	uint16_t next_used;
	uint16_t signalled;    /* next_used when it was last decided whether to interrupt */
	uint16_t in_flight;    /* chains handed out and not yet given back */
	const char *violation; /* what the guest did wrong, a constant; NULL: nothing */
};

/*
 * What the device reads comes first, then what it writes. Pointers are good until virtqueue_stop().
 *
 * A guest can have memory that a device cannot reach: a window of another device (DAX), into which
 * a program of no rights reads a file. Where the queue spares them, such pieces come out without an
 * address, and the device fails that request alone, or has another way to reach them.
 */
struct virtqueue_chain {
	uint16_t head;
	bool wild;			 /* some have NULL for an address: gpa has theirs */
	unsigned int readable, writable; /* pieces */
	uint32_t readable_bytes, writable_bytes;
	struct iovec iov[VIRTQUEUE_MAX_SIZE];
	uint64_t gpa[VIRTQUEUE_MAX_SIZE]; /* guest-physical */
};

static inline struct iovec *virtqueue_chain_writable(struct virtqueue_chain *chain)
{
	return chain->iov + chain->readable;
}

/**
 * virtqueue_start() - begin to use a queue
 * @memory:	must outlive the queue
 * @features:	what was negotiated: VIRTIO_F_RING_EVENT_IDX and _INDIRECT_DESC matter
 *
 * Return: 0; -EFAULT if the rings are not wholly in guest memory or are misaligned; the queue is
 * stopped then, with its violation set.
 */
int virtqueue_start(struct virtqueue *queue, const struct guestmem *memory,
		    const struct virtqueue_layout *layout, uint64_t features);

/**
 * virtqueue_continue() - go on with a ring that was in use, right after virtqueue_start()
 * @next_available:	as it was when the queue was stopped
 *
 * What was given back last is read from the ring (queue->next_used). Who still owes chains adds
 * them to queue->in_flight.
 */
void virtqueue_continue(struct virtqueue *queue, uint16_t next_available);

/* Touch guest memory no more. A stopped queue is empty, and giving back to it does nothing. */
void virtqueue_stop(struct virtqueue *queue);

/**
 * virtqueue_pop() - take the next chain that the guest made available
 *
 * Return: 1 and the chain; 0 if there is none (or the queue is stopped); -EPROTO if the guest broke
 * the rules: the queue is stopped and queue->violation says why.
 */
int virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain);

/* How many chains wait to be popped, as the guest says: a hint, for any thread. */
uint16_t virtqueue_waiting(const struct virtqueue *queue);

/* Put the last @count chains back as if they had never been popped; newest first, none pushed. */
void virtqueue_unpop(struct virtqueue *queue, uint16_t count);

/* Give a chain back. @written: bytes written to its writable part, from its beginning. */
void virtqueue_push(struct virtqueue *queue, uint16_t head, uint32_t written);

/**
 * virtqueue_fill() / virtqueue_publish() - give back several chains that the guest sees at once
 * @nth:	0 for the first since the last publish, 1 for the next ...
 */
void virtqueue_fill(struct virtqueue *queue, uint16_t nth, uint16_t head, uint32_t written);
void virtqueue_publish(struct virtqueue *queue, uint16_t count);

/* Whether the guest wants an interrupt for what was pushed since the last call. */
bool virtqueue_should_notify(struct virtqueue *queue);

/**
 * virtqueue_disable_kicks() / virtqueue_enable_kicks() - whether the guest is to tell of new chains
 *
 * A hint: kicks may come nevertheless. Kicks are enabled for chains that come after those that are
 * there.
 *
 * Return of virtqueue_enable_kicks(): true if chains are there, for which there may be no kick.
 */
void virtqueue_disable_kicks(struct virtqueue *queue);
bool virtqueue_enable_kicks(struct virtqueue *queue);

#endif
