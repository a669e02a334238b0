/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * victim - the queues that hostile tests attack, and what has to be true after each attack
 *
 * After an attack other devices work (the read-only disk, and the entropy device unless it is the
 * victim), and the victim works again once it has been reset.
 */
#ifndef BARE_VICTIM_H
#define BARE_VICTIM_H

#include "virtio.h"

struct victim {
	const char *name; /* device and queue: "net.receive" */
	uint16_t type;	  /* VIRTIO_ID_* */
	uint64_t features;
	uint16_t queue;
	/* The device reads the ring when notified; else only when it has something to say. */
	bool prompt;
	/* What a plain buffer is for on this queue. */
	bool device_writes;
	/* Resets and starts the device and uses it. */
	bool (*works)(void);
};

/* One a queue that is attacked; the first of each device stands for the whole device. */
extern const struct victim victims[];
extern const size_t victims_count;
/* True for the first victim of each device. */
bool victim_is_first(const struct victim *victim);

/* The device, with features negotiated and indirect descriptors among them; all queues but the
 * attacked one are started. False if it is not there or refuses. */
bool victim_begin(const struct victim *victim, struct virtio *device);
/* Checks that the VMM and other devices are well and that the victim works after a reset. */
void victim_end(const struct victim *victim);

#endif
