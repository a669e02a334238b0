/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* balloon - a virtio memory balloon (virtio 1.2, 5.5) */
#ifndef BARE_BALLOON_H
#define BARE_BALLOON_H

#include "virtio.h"

#include <linux/virtio_balloon.h>

#define BALLOON_PAGE	   4096ULL
#define BALLOON_INFLATE	   0
#define BALLOON_DEFLATE	   1
#define BALLOON_STATISTICS 2
#define BALLOON_LIST	   256 /* page numbers in a buffer, as Linux has it */

struct balloon {
	struct virtio device;
	struct virtqueue queue[5];
	uint32_t *list;
};

/* Starts the queues of @mask. @poison: written before the device is live, if negotiated. */
bool balloon_start(struct balloon *balloon, uint64_t features, unsigned mask, uint32_t poison);
/* Tells of the pages in the list. False without an answer. */
bool balloon_tell(struct balloon *balloon, unsigned queue, unsigned count);
/* The same for @pages pages from @address on, by as many lists as it takes. */
bool balloon_move(struct balloon *balloon, unsigned queue, const void *address, unsigned pages);
/* A report of free memory. False without an answer. */
bool balloon_report(struct balloon *balloon, unsigned queue, void *address, uint32_t bytes);

/* One of 10 bytes, packed as virtio 1.2, 5.5.6.4 has it: 16 bits of tag, 64 of value. */
void balloon_put_statistic(uint8_t *at, uint16_t tag, uint64_t value);

uint32_t balloon_target(const struct balloon *balloon);
void balloon_set_actual(const struct balloon *balloon, uint32_t pages);

#endif
