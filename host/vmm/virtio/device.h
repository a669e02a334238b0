/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio device - what every device is, whatever bus it hangs on
 *
 * A device is one file that fills in a struct virtio_device and its operations. It runs in a thread
 * of its own, with a loop of its own; all operations are called in that thread or while it waits,
 * but for features_ok, config_read and config_write; and all its queues belong to it. The bus
 * (pci_transport.h) sits between the guest's registers and the calls below.
 *
 * A device that meets nonsense calls virtio_break(): DEVICE_NEEDS_RESET is set, its queues stop,
 * and it waits for the guest to reset it. It never ends the VMM.
 */
#ifndef LODGE_VMM_VIRTIO_DEVICE_H
#define LODGE_VMM_VIRTIO_DEVICE_H

#include "host/vmm/loop.h"
#include "host/vmm/thread.h"
#include "protocol/virtqueue/guestmem.h"
#include "protocol/virtqueue/queue.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A console of 16 ports has the most. */
#define VIRTIO_MAX_QUEUES 34

/* The largest queue that a device may have: the backing of the largest picture (virtio/gpu.h) is a
 * list that lies in 256 pages, with a request before and an answer. */
#define VIRTIO_MAX_QUEUE_SIZE 512

#define VIRTIO_FEATURE(bit) (1ULL << (bit))

struct virtio_device;

struct virtio_device_ops {
	const char *name;    /* of the kind: "blk"; names the thread */
	uint16_t id;	     /* virtio 1.2, 5 */
	uint32_t class_code; /* PCI class of it */

	/* Whether the driver's choice of features makes sense; NULL: any subset does. Called by a
	 * vCPU. */
	bool (*features_ok)(const struct virtio_device *device, uint64_t features);

	/* Device configuration; the range is inside config_size. Called by a vCPU. NULL: reads give
	 * device->config, writes are dropped. */
	void (*config_read)(struct virtio_device *device, size_t offset, void *bytes, size_t size);
	void (*config_write)(struct virtio_device *device, size_t offset, const void *bytes,
			     size_t size);

	/* Once, before the guest runs: watch descriptors. May be NULL. Return: 0 or negative errno.
	 */
	int (*start)(struct virtio_device *device);

	/* The driver is ready: device->features are final, enabled queues are started. May be NULL.
	 */
	void (*activate)(struct virtio_device *device);

	/* The queues are another process's: nothing here reads them or waits for kicks; what the
	 * driver set up is in device->layout at activation. */
	bool served_elsewhere;

	/* The driver chose another vector for a queue of an active device that is served
	 * elsewhere. May be NULL. */
	void (*vector_changed)(struct virtio_device *device, unsigned int index);

	/* The guest sees the device's memory (window_bytes) at @gpa from now on, or no longer.
	 * Called by a vCPU or the main thread. NULL where there is none. */
	void (*window_mapped)(struct virtio_device *device, uint64_t gpa);
	void (*window_unmapped)(struct virtio_device *device);

	/* The guest kicked a queue, or virtio_kick() did. */
	void (*queue_ready)(struct virtio_device *device, unsigned int index);

	/* Queues are stopped. When it returns no guest memory is touched any more; what is in
	 * flight is waited for or cancelled. As after start(). May be NULL. */
	void (*reset)(struct virtio_device *device);

	/* The machine pauses: let nothing be in flight. Called by the main thread, while the
	 * device's own waits. May be NULL. */
	void (*drain)(struct virtio_device *device);

	/* The machine goes on; called as drain() is. May be NULL. */
	void (*resume)(struct virtio_device *device);

	/* The machine ends, the thread has ended, reset() was called: flush, close, free it. */
	void (*free)(struct virtio_device *device);
};

/* What a disk or a network card has moved since the machine started. Counted by the device's thread
 * (virtio_count()), read by any. */
enum virtio_direction {
	VIRTIO_TO_GUEST,   /* read from a disk, received */
	VIRTIO_FROM_GUEST, /* written to a disk, sent */
	VIRTIO_DIRECTIONS,
};

struct virtio_traffic {
	_Atomic uint64_t bytes[VIRTIO_DIRECTIONS];
	_Atomic uint64_t operations[VIRTIO_DIRECTIONS]; /* requests, frames */
};

struct virtio_queue_slot {
	struct virtqueue queue;
	uint16_t max_size; /* set by the device; power of two */
	int kick_fd;	   /* eventfd */
	struct loop_source *source;
	struct virtio_device *device;
};

/* What the bus does for a device, in any thread. */
struct virtio_bus_ops {
	void (*notify_queue)(void *bus, unsigned int index);
	void (*notify_config)(void *bus);
	/* An eventfd that interrupts the guest for a queue; -ENOENT if it wants none. */
	int (*lend_interrupt)(void *bus, unsigned int index);
	/* Those who were given eventfds signal them no more. */
	void (*end_lending)(void *bus);
};

struct virtio_device {
	/* Set by the device. */
	const struct virtio_device_ops *ops;
	char name[32];		    /* for people: "disk 0" */
	uint64_t offered_features;  /* of its type; those of the transport are added */
	uint64_t withheld_features; /* of the transport: what this device cannot do */
	void *window;	       /* shared memory region 0 (4.1.4.7), here; NULL: there is none */
	uint64_t window_bytes; /* of it: a power of two */
	const void *config;
	size_t config_size;
	unsigned int queues;

	/* Set by virtio_device_init(). */
	struct virtio_queue_slot slot[VIRTIO_MAX_QUEUES];
	const struct guestmem *memory;
	struct loop *loop;

	/* Since activation. */
	uint64_t features;				   /* negotiated */
	struct virtqueue_layout layout[VIRTIO_MAX_QUEUES]; /* size 0: not enabled */
	bool active;
	atomic_bool broken;	 /* DEVICE_NEEDS_RESET */
	unsigned int violations; /* that were logged */
	struct virtio_traffic traffic;
	struct virtio_device *next; /* of the machine's; set when it is plugged in */

	const struct virtio_bus_ops *bus_ops;
	void *bus;

	/* The thread: runs the loop, or is parked. Only the main thread moves it. */
	struct thread thread;
	sem_t go, parked;
	bool running, ending;
};

/* --- For devices --- */

/**
 * virtio_device_init() - complete a device whose own fields are set
 * @max_size:	of every queue, a power of two
 *
 * Return: 0 or negative errno. Undone by virtio_device_release() in ops->free.
 */
int virtio_device_init(struct virtio_device *device, const struct guestmem *memory,
		       uint16_t max_size);
void virtio_device_release(struct virtio_device *device);

static inline struct virtqueue *virtio_queue(struct virtio_device *device, unsigned int index)
{
	return &device->slot[index].queue;
}

static inline bool virtio_has(const struct virtio_device *device, unsigned int feature)
{
	return device->features >> feature & 1;
}

/* virtqueue_pop() that breaks the device if the guest broke the rules. True: here is a chain. */
bool virtio_pop(struct virtio_device *device, unsigned int index, struct virtqueue_chain *chain);

/* One request or frame of so many bytes has gone that way. In the device's thread. */
void virtio_count(struct virtio_device *device, enum virtio_direction direction, size_t bytes);

/* Interrupt the guest if it wants to know what was pushed. */
void virtio_notify(struct virtio_device *device, unsigned int index);

/* Have queue_ready() called again, after others had their turn. */
void virtio_kick(struct virtio_device *device, unsigned int index);

/* Configuration has changed: tell the guest, if it runs the device. Any thread. */
void virtio_config_changed(struct virtio_device *device);

/* The guest did what the spec forbids; @what is logged once. */
void virtio_break(struct virtio_device *device, const char *what);

/* The device cannot go on, through no fault of the guest's: DEVICE_NEEDS_RESET. */
void virtio_need_reset(struct virtio_device *device);

/* --- For the bus; in the main thread or a vCPU that holds the bus's lock --- */

int virtio_device_start(struct virtio_device *device, bool sandboxed);
void virtio_device_pause(struct virtio_device *device);
void virtio_device_resume(struct virtio_device *device);
void virtio_device_free(struct virtio_device *device);

/* One layout a queue; size 0: not enabled. Queues that cannot start break the device. */
void virtio_device_activate(struct virtio_device *device, uint64_t features,
			    const struct virtqueue_layout layout[]);

/* When it returns, guest memory is not touched, and the device is not broken. */
void virtio_device_reset(struct virtio_device *device);

#endif
