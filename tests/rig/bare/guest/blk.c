/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "blk.h"

#include "io.h"
#include "lib.h"

bool blk_restart(struct blk *blk, uint64_t features)
{
	if (!virtio_negotiate(&blk->device, features | FEATURE(VIRTIO_BLK_F_MQ)))
		return false;
	blk->queues = 1;
	if (blk->device.features & FEATURE(VIRTIO_BLK_F_MQ))
		blk->queues = mmio_read16(blk->device.config +
					  offsetof(struct virtio_blk_config, num_queues));
	if (blk->queues > BLK_MAX_QUEUES)
		blk->queues = BLK_MAX_QUEUES;
	for (uint16_t i = 0; i < blk->queues; i++) {
		if (!virtqueue_start(&blk->queue[i], &blk->device, i))
			return false;
	}
	virtio_driver_ok(&blk->device);
	return true;
}

bool blk_start(struct blk *blk, unsigned nth, uint64_t features)
{
	return virtio_find(&blk->device, VIRTIO_ID_BLOCK, nth) && blk_restart(blk, features);
}

int blk_submit(struct virtqueue *queue, struct blk_request *request, uint32_t type, uint64_t sector,
	       void *data, uint32_t length)
{
	struct buffer buffers[3] = {{&request->header, sizeof(request->header), false}};
	unsigned count = 1;

	request->header = (struct virtio_blk_outhdr){.type = type, .sector = sector};
	request->status = UINT8_MAX;
	if (length > 0)
		buffers[count++] = (struct buffer){
			data, length, type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID};
	buffers[count++] = (struct buffer){&request->status, 1, true};
	return virtqueue_add(queue, buffers, count);
}

int blk_do(struct virtqueue *queue, uint32_t type, uint64_t sector, void *data, uint32_t length)
{
	struct blk_request *request = allocate(sizeof(*request), 16);

	if (blk_submit(queue, request, type, sector, data, length) < 0 ||
	    virtqueue_exchange(queue, NULL) < 0)
		return -1;
	return *(volatile uint8_t *)&request->status;
}

bool blk_read(struct blk *blk, uint64_t sector, void *data, uint32_t length)
{
	return blk_do(&blk->queue[0], VIRTIO_BLK_T_IN, sector, data, length) == VIRTIO_BLK_S_OK;
}

bool blk_write(struct blk *blk, uint64_t sector, void *data, uint32_t length)
{
	return blk_do(&blk->queue[0], VIRTIO_BLK_T_OUT, sector, data, length) == VIRTIO_BLK_S_OK;
}

uint64_t blk_capacity(const struct blk *blk)
{
	uint64_t at = blk->device.config + offsetof(struct virtio_blk_config, capacity);

	return mmio_read32(at) | (uint64_t)mmio_read32(at + 4) << 32;
}
