/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio block - a disk (virtio 1.2, 5.2)
 *
 * The disk has a write-back cache, the host's page cache: a write is done when it is there, and a
 * flush is done when all writes that were done before it are on stable storage. A driver that does
 * not negotiate VIRTIO_BLK_F_FLUSH gets every write on stable storage.
 */
#ifndef LODGE_VMM_VIRTIO_BLK_H
#define LODGE_VMM_VIRTIO_BLK_H

#include "host/vmm/block/block.h"
#include "host/vmm/virtio/device.h"

/**
 * virtio_blk_new() - a disk device
 * @block:	becomes the device's if it succeeds
 * @number:	of the disk, for people
 * @serial:	up to 20 bytes that the guest may ask for; "" for none
 * @queues:	1 to 16
 *
 * Return: 0 and the device, freed by virtio_device_free(); or negative errno.
 */
int virtio_blk_new(const struct guestmem *memory, struct block *block, unsigned int number,
		   const char *serial, unsigned int queues, const bool *sandboxed,
		   struct virtio_device **device);

#endif
