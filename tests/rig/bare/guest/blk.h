/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk - a virtio disk (virtio 1.2, 5.2), one request at a time or many */
#ifndef BARE_BLK_H
#define BARE_BLK_H

#include "virtio.h"

#include <linux/virtio_blk.h>

#define BLK_SECTOR     512
#define BLK_MAX_QUEUES 16

/* What the rig's machine has: disk 0 is written to, disk 1 is read-only and nobody's victim. */
#define BLK_DISK	   0
#define BLK_BYSTANDER	   1
#define BLK_DISK_SERIAL	   "bare-disk"
#define BLK_BYSTANDER_TEXT "lodge-bystander"

struct blk {
	struct virtio device;
	struct virtqueue queue[BLK_MAX_QUEUES];
	uint16_t queues;
};

/* One request's parts that the device reads and writes beside the data. */
struct blk_request {
	struct virtio_blk_outhdr header;
	uint8_t status;
};

/* Finds the @nth disk, negotiates what of @features it has, starts all its queues. */
bool blk_start(struct blk *blk, unsigned nth, uint64_t features);
/* The same for a device that is already found. */
bool blk_restart(struct blk *blk, uint64_t features);

/* Makes a request available on @queue; no notification. Return: head or -1. */
int blk_submit(struct virtqueue *queue, struct blk_request *request, uint32_t type, uint64_t sector,
	       void *data, uint32_t length);
/* Submit, notify, wait. Return: the status byte, or -1 if no answer came. */
int blk_do(struct virtqueue *queue, uint32_t type, uint64_t sector, void *data, uint32_t length);

bool blk_read(struct blk *blk, uint64_t sector, void *data, uint32_t length);
bool blk_write(struct blk *blk, uint64_t sector, void *data, uint32_t length);
uint64_t blk_capacity(const struct blk *blk);

#endif
