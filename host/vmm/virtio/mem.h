/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio memory device (virtio 1.2, 5.15): RAM that is plugged in and out while the guest runs
 *
 * There is a region of the guest's address space, in blocks. The host requests a size and the
 * driver plugs blocks in, or out, until as much is plugged; which ones is the driver's choice. A
 * block that is plugged out is given back to the host.
 *
 * What the guest can reach of the region (usable) grows with what the host requests, and shrinks
 * when the machine restarts. A reset by the guest changes nothing; a restart of the machine plugs
 * all out, and the driver that comes then finds the same request.
 *
 * Host calls are for the main thread.
 */
#ifndef LODGE_VMM_VIRTIO_MEM_H
#define LODGE_VMM_VIRTIO_MEM_H

#include "host/vmm/virtio/device.h"

/* What is plugged in or out at once: a huge page. */
#define VIRTIO_MEM_BLOCK_BYTES (2ULL << 20)

/* Linux adds and removes memory in steps of so much, on machines below 64 GiB; sizes and places of
 * regions are multiples of it. */
#define VIRTIO_MEM_STEP_BYTES (128ULL << 20)

/* What the device needs of the machine. */
struct virtio_mem_ops {
	/* A piece of the region, in bytes from its beginning, is the host's again and reads as
	 * zero. In the device's thread. Return: 0; -EBUSY; or another negative errno. */
	int (*give_back)(void *owner, uint64_t offset, uint64_t length);

	/* Let the guest reach so many bytes from the region's beginning, and no more. In the main
	 * thread. Return: 0; or negative errno, and all is as it was. */
	int (*reach)(void *owner, uint64_t bytes);

	/* So many bytes are plugged in now. Any thread. */
	void (*plugged)(void *owner, uint64_t bytes);
};

struct virtio_mem_setup {
	const struct guestmem *memory; /* where the driver's rings and requests may lie */
	uint64_t gpa, size_bytes;      /* of the region: multiples of VIRTIO_MEM_STEP_BYTES */
	const struct virtio_mem_ops *ops;
	void *owner;
};

struct virtio_mem_state {
	uint64_t region_bytes, usable_bytes, requested_bytes, plugged_bytes;
	bool driver; /* one is at work */
};

/* Return: 0 and the device, freed by virtio_device_free(); or negative errno. */
int virtio_mem_new(const struct virtio_mem_setup *setup, struct virtio_device **device);

/* How much is to be plugged in, rounded up to whole blocks. Return: 0; -ERANGE where the region is
 * smaller; what ops->reach said. */
int virtio_mem_request(struct virtio_device *device, uint64_t bytes);

/* The machine restarts; its devices are reset, no vCPU runs. */
void virtio_mem_restart(struct virtio_device *device);

void virtio_mem_read(struct virtio_device *device, struct virtio_mem_state *state);

/* Readable once plugged_bytes has changed since virtio_mem_seen(). */
int virtio_mem_changed_fd(struct virtio_device *device);
void virtio_mem_seen(struct virtio_device *device);

#endif
