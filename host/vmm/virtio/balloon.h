/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio memory balloon (virtio 1.2, 5.5): the guest gives pages up, and tells how its memory fares
 *
 * The host sets a target and the driver moves towards it; what it has reached is the driver's word
 * (actual_bytes), what it has given up is counted here (balloon_bytes). Free pages that the guest
 * reports (free page reporting) are given back to the host without being in the balloon. Hints of
 * free pages, for migration, are not offered.
 *
 * Queues: 0 inflates, 1 deflates. The spec numbers the others by feature (2 statistics, 4 reports);
 * Linux leaves no gaps, so that its reports come on 2 or 3. It is inferred from the queues that the
 * driver enabled: statistics are on 2 if negotiated, reports on the highest that is left.
 *
 * A reset by the guest empties the balloon; the target and the period stay. All calls are for the
 * main thread, or any other but one at a time.
 */
#ifndef LODGE_VMM_VIRTIO_BALLOON_H
#define LODGE_VMM_VIRTIO_BALLOON_H

#include "host/vmm/virtio/balloon_pages.h"
#include "host/vmm/virtio/balloon_statistics.h"
#include "host/vmm/virtio/device.h"

enum {
	VIRTIO_BALLOON_INFLATE,
	VIRTIO_BALLOON_DEFLATE,
	VIRTIO_BALLOON_STATISTICS,
	VIRTIO_BALLOON_QUEUES = 5,
};

/* Page numbers in one buffer, at most: Linux puts 256 in one. */
#define VIRTIO_BALLOON_MAX_LIST (BALLOON_LIST_PAGES / 2)

struct virtio_balloon_state {
	uint64_t target_bytes;	 /* RAM that the guest is to have */
	uint64_t actual_bytes;	 /* that it has, as its driver says */
	uint64_t balloon_bytes;	 /* that it gave up, as we counted */
	uint64_t reported_bytes; /* given back for reports, since the start: a sum, not a state */
	bool driver;		 /* one is at work */
	bool deflates_on_oom, reports; /* what it negotiated */
	uint32_t period_ms;	       /* of statistics; 0: they are not asked for */
	struct balloon_statistics statistics;
};

struct virtio_balloon_setup {
	const struct guestmem *memory; /* RAM and nothing else */
	balloon_give_back give_back;
	void *owner; /* of give_back */
};

/* Return: 0 and the device, freed by virtio_device_free(); or negative errno. */
int virtio_balloon_new(const struct virtio_balloon_setup *setup, struct virtio_device **device);

/* How much RAM the guest is to have, rounded up to whole pages. -ERANGE if it cannot have as much.
 */
int virtio_balloon_set_target(struct virtio_device *device, uint64_t bytes);

/* How much RAM there is, where not all that the machine may have is there from the start (mem.h).
 * What is there beyond the target belongs into the balloon. Any thread. */
void virtio_balloon_set_ram(struct virtio_device *device, uint64_t bytes);

/* How often the driver is asked for statistics; 0: no longer. */
void virtio_balloon_set_period(struct virtio_device *device, uint32_t period_ms);

void virtio_balloon_read(struct virtio_device *device, struct virtio_balloon_state *state);

/* Readable once actual_bytes has changed since virtio_balloon_seen(); a guest that changes it over
 * and over again wakes nobody twice. */
int virtio_balloon_changed_fd(struct virtio_device *device);
void virtio_balloon_seen(struct virtio_device *device);

#endif
