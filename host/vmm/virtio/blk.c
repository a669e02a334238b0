/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A chain is: header (16 bytes, readable), data, status (1 byte, the last writable one); where one
 * descriptor ends and the next begins means nothing. A chain becomes a request in one of the
 * queue's slots, of which there are as many as the queue has descriptors.
 */
#include "host/vmm/virtio/blk.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"

#include <assert.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stdio.h>

#define QUEUE_SIZE		128
#define MAX_QUEUES		16
#define SECTOR_BYTES		512
#define PCI_CLASS_STORAGE_OTHER 0x018000

/* A chain is at most the queue long; two of it are header and status. */
#define MAX_SEGMENTS (QUEUE_SIZE - 2)

/* One discard or write-zeroes request covers at most this much, in one piece: 1 GiB. */
#define MAX_RANGE_SECTORS (1U << 21)

#define HEADER_BYTES sizeof(struct virtio_blk_outhdr)
#define RANGE_BYTES  sizeof(struct virtio_blk_discard_write_zeroes)

struct blk;

/* A request on its way. */
struct slot {
	struct block_request request;
	struct blk *blk;
	unsigned int queue;
	uint16_t head;
	uint32_t read_bytes;  /* what a successful request writes before the status */
	uint32_t moved_bytes; /* to be counted */
	uint8_t *status;      /* guest memory */
	struct slot *next_free;
	struct iovec iov[QUEUE_SIZE];
};

struct blk {
	struct virtio_device device;
	struct virtio_blk_config config;
	struct block *block;
	const bool *sandboxed;
	char serial[VIRTIO_BLK_ID_BYTES];
	/* Slots that were never used are not touched, so that they cost no memory. */
	struct slot *slots, *free_slots;
	unsigned int slots_touched;
};

/* The header, checked as far as it can be without the data. */
struct command {
	uint32_t type;
	uint64_t sector;
};

static struct blk *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct blk, device);
}

static void give_back(struct blk *blk, struct slot *slot)
{
	slot->next_free = blk->free_slots;
	blk->free_slots = slot;
}

/* The chain is answered. Guest memory is not touched if the queue was stopped meanwhile. */
static void answer(struct slot *slot, uint8_t status)
{
	struct blk *blk = slot->blk;
	struct virtqueue *queue = virtio_queue(&blk->device, slot->queue);

	if (queue->size > 0) {
		*slot->status = status;
		virtqueue_push(queue, slot->head,
			       1 + (status == VIRTIO_BLK_S_OK ? slot->read_bytes : 0));
	}
	give_back(blk, slot);
}

static void done(struct block_request *request, int result)
{
	struct slot *slot = CONTAINER_OF(request, struct slot, request);
	struct blk *blk = slot->blk;
	unsigned int queue = slot->queue;

	if (result == 0 && slot->moved_bytes)
		virtio_count(&blk->device, slot->read_bytes ? VIRTIO_TO_GUEST : VIRTIO_FROM_GUEST,
			     slot->moved_bytes);
	answer(slot, result == 0 ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
	virtio_notify(&blk->device, queue);
}

/* --- What a command asks for: each returns a status, and OK means that it is on its way --- */

static bool on_disk(const struct blk *blk, uint64_t sector, uint64_t bytes)
{
	uint64_t sectors = block_geometry(blk->block)->size_bytes / SECTOR_BYTES;

	return bytes % SECTOR_BYTES == 0 && sector <= sectors &&
	       bytes / SECTOR_BYTES <= sectors - sector;
}

static uint8_t transfer(struct slot *slot, const struct virtqueue_chain *chain, uint64_t sector,
			bool write)
{
	struct blk *blk = slot->blk;
	struct block_request *request = &slot->request;
	size_t bytes = write ? chain->readable_bytes - HEADER_BYTES : chain->writable_bytes - 1;

	if (!on_disk(blk, sector, bytes) || bytes == 0)
		return VIRTIO_BLK_S_IOERR;
	if (write && block_geometry(blk->block)->read_only)
		return VIRTIO_BLK_S_IOERR;
	request->operation = write ? BLOCK_WRITE : BLOCK_READ;
	request->offset = sector * SECTOR_BYTES;
	request->length = bytes;
	request->iov = slot->iov;
	request->pieces =
		write ? iov_slice(chain->iov, chain->readable, HEADER_BYTES, bytes, slot->iov)
		      : iov_slice(chain->iov + chain->readable, chain->writable, 0, bytes,
				  slot->iov);
	request->durable = write && !virtio_has(&blk->device, VIRTIO_BLK_F_FLUSH);
	slot->moved_bytes = (uint32_t)bytes;
	slot->read_bytes = write ? 0 : slot->moved_bytes;
	block_submit(blk->block, request);
	return VIRTIO_BLK_S_OK;
}

static uint8_t flush(struct slot *slot)
{
	slot->request.operation = BLOCK_FLUSH;
	slot->request.length = 0;
	block_submit(slot->blk->block, &slot->request);
	return VIRTIO_BLK_S_OK;
}

/* 5.2.6.2: sector, number of sectors and flags, exactly once. */
static uint8_t range(struct slot *slot, const struct virtqueue_chain *chain, bool zeroes)
{
	struct blk *blk = slot->blk;
	struct block_request *request = &slot->request;
	uint8_t copy[RANGE_BYTES];
	uint64_t sector, bytes;
	uint32_t sectors, flags;

	if (block_geometry(blk->block)->read_only)
		return VIRTIO_BLK_S_IOERR;
	if (chain->readable_bytes != HEADER_BYTES + RANGE_BYTES)
		return VIRTIO_BLK_S_UNSUPP;
	iov_read(chain->iov, chain->readable, HEADER_BYTES, copy, sizeof(copy));
	sector = load_le64(copy);
	sectors = load_le32(copy + 8);
	flags = load_le32(copy + 12);
	if (flags & ~(zeroes ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0U))
		return VIRTIO_BLK_S_UNSUPP;
	bytes = (uint64_t)sectors * SECTOR_BYTES;
	if (sectors == 0 || sectors > MAX_RANGE_SECTORS || !on_disk(blk, sector, bytes))
		return VIRTIO_BLK_S_IOERR;
	request->operation = zeroes ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD;
	request->may_unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	request->durable = zeroes && !virtio_has(&blk->device, VIRTIO_BLK_F_FLUSH);
	request->offset = sector * SECTOR_BYTES;
	request->length = bytes;
	request->iov = NULL;
	request->pieces = 0;
	block_submit(blk->block, request);
	return VIRTIO_BLK_S_OK;
}

/* Answered at once. */
static uint8_t get_id(struct slot *slot, struct virtqueue_chain *chain)
{
	size_t room = MIN(chain->writable_bytes - 1, sizeof(slot->blk->serial));

	slot->read_bytes = (uint32_t)iov_write(virtqueue_chain_writable(chain), chain->writable, 0,
					       slot->blk->serial, room);
	answer(slot, VIRTIO_BLK_S_OK);
	return VIRTIO_BLK_S_OK;
}

static uint8_t execute(struct slot *slot, struct virtqueue_chain *chain, struct command command)
{
	switch (command.type) {
	case VIRTIO_BLK_T_IN:
		return transfer(slot, chain, command.sector, false);
	case VIRTIO_BLK_T_OUT:
		return transfer(slot, chain, command.sector, true);
	case VIRTIO_BLK_T_FLUSH:
		return flush(slot);
	case VIRTIO_BLK_T_GET_ID:
		return get_id(slot, chain);
	case VIRTIO_BLK_T_DISCARD:
		return range(slot, chain, false);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return range(slot, chain, true);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

static struct slot *take_slot(struct blk *blk, unsigned int queue,
			      const struct virtqueue_chain *chain)
{
	struct slot *slot = blk->free_slots ? blk->free_slots : &blk->slots[blk->slots_touched];
	const struct iovec *last = &chain->iov[chain->readable + chain->writable - 1];

	/* A queue has no more chains in flight than descriptors: there is a slot. */
	if (blk->free_slots)
		blk->free_slots = slot->next_free;
	else
		blk->slots_touched++;
	assert(blk->slots_touched <= blk->device.queues * QUEUE_SIZE);
	slot->blk = blk;
	slot->request.done = done;
	slot->queue = queue;
	slot->head = chain->head;
	slot->read_bytes = slot->moved_bytes = 0;
	slot->status = (uint8_t *)last->iov_base + last->iov_len - 1;
	return slot;
}

static bool handle_chain(struct blk *blk, unsigned int queue, struct virtqueue_chain *chain)
{
	uint8_t header[HEADER_BYTES];
	struct command command;
	struct slot *slot;
	uint8_t status;

	if (iov_read(chain->iov, chain->readable, 0, header, sizeof(header)) != sizeof(header) ||
	    chain->writable_bytes == 0) {
		virtio_break(&blk->device, "a disk request has no room for header or status");
		return false;
	}
	command.type = load_le32(header + offsetof(struct virtio_blk_outhdr, type));
	command.sector = load_le64(header + offsetof(struct virtio_blk_outhdr, sector));
	slot = take_slot(blk, queue, chain);
	status = execute(slot, chain, command);
	if (status != VIRTIO_BLK_S_OK)
		answer(slot, status);
	return true;
}

/* A guest that asks for more and more is served in turns with its other queues. */
static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct blk *blk = of(device);
	struct virtqueue *queue = virtio_queue(device, index);
	unsigned int budget = QUEUE_SIZE;
	struct virtqueue_chain chain;

	virtqueue_disable_kicks(queue);
	while (budget > 0 && virtio_pop(device, index, &chain)) {
		budget--;
		if (!handle_chain(blk, index, &chain))
			break;
	}
	block_commit(blk->block);
	if (virtqueue_enable_kicks(queue))
		virtio_kick(device, index);
	virtio_notify(device, index);
}

/* --- The device --- */

static int start(struct virtio_device *device)
{
	struct blk *blk = of(device);

	return block_start(blk->block, device->loop, *blk->sandboxed);
}

static void drain(struct virtio_device *device)
{
	block_drain(of(device)->block);
}

static void blk_free(struct virtio_device *device)
{
	struct blk *blk = of(device);

	block_drain(blk->block);
	block_free(blk->block);
	virtio_device_release(device);
	free(blk->slots);
	free(blk);
}

static const struct virtio_device_ops ops = {
	.name = "blk",
	.id = VIRTIO_ID_BLOCK,
	.class_code = PCI_CLASS_STORAGE_OTHER,
	.start = start,
	.queue_ready = queue_ready,
	.reset = drain,
	.drain = drain,
	.free = blk_free,
};

static uint64_t features(const struct block_geometry *geometry, unsigned int queues)
{
	uint64_t bits = VIRTIO_FEATURE(VIRTIO_BLK_F_SEG_MAX) |
			VIRTIO_FEATURE(VIRTIO_BLK_F_BLK_SIZE) |
			VIRTIO_FEATURE(VIRTIO_BLK_F_TOPOLOGY) | VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH);

	if (queues > 1)
		bits |= VIRTIO_FEATURE(VIRTIO_BLK_F_MQ);
	if (geometry->read_only)
		bits |= VIRTIO_FEATURE(VIRTIO_BLK_F_RO);
	else
		bits |= VIRTIO_FEATURE(VIRTIO_BLK_F_DISCARD) |
			VIRTIO_FEATURE(VIRTIO_BLK_F_WRITE_ZEROES);
	return bits;
}

static void configure(struct virtio_blk_config *config, const struct block_geometry *geometry,
		      unsigned int queues)
{
	uint32_t ratio = geometry->physical_block_bytes / geometry->logical_block_bytes;

	config->capacity = htole64(geometry->size_bytes / SECTOR_BYTES);
	config->seg_max = htole32(MAX_SEGMENTS);
	config->blk_size = htole32(geometry->logical_block_bytes);
	config->physical_block_exp = (uint8_t)__builtin_ctz(ratio);
	config->min_io_size =
		htole16((uint16_t)MIN(ratio, UINT16_MAX)); /* in logical blocks, as opt_io_size */
	config->num_queues = htole16((uint16_t)queues);
	config->max_discard_sectors = htole32(MAX_RANGE_SECTORS);
	config->max_discard_seg = htole32(1);
	config->discard_sector_alignment =
		htole32(geometry->discard_granularity_bytes / SECTOR_BYTES);
	config->max_write_zeroes_sectors = htole32(MAX_RANGE_SECTORS);
	config->max_write_zeroes_seg = htole32(1);
	config->write_zeroes_may_unmap = 1;
}

int virtio_blk_new(const struct guestmem *memory, struct block *block, unsigned int number,
		   const char *serial, unsigned int queues, const bool *sandboxed,
		   struct virtio_device **device)
{
	const struct block_geometry *geometry = block_geometry(block);
	_cleanup_free_ struct blk *blk = calloc(1, sizeof(*blk));
	_cleanup_free_ struct slot *slots = calloc((size_t)queues * QUEUE_SIZE, sizeof(*slots));
	int result;

	assert(queues >= 1 && queues <= MAX_QUEUES);
	if (!blk || !slots)
		return -ENOMEM;
	blk->block = block;
	blk->sandboxed = sandboxed;
	memcpy(blk->serial, serial, MIN(strlen(serial), sizeof(blk->serial)));
	configure(&blk->config, geometry, queues);
	blk->device.ops = &ops;
	snprintf(blk->device.name, sizeof(blk->device.name), "disk %u", number);
	blk->device.offered_features = features(geometry, queues);
	blk->device.config = &blk->config;
	blk->device.config_size = sizeof(blk->config);
	blk->device.queues = queues;
	result = virtio_device_init(&blk->device, memory, QUEUE_SIZE);
	if (result < 0)
		return result;
	blk->slots = take_ptr(slots);
	*device = &take_ptr(blk)->device;
	return 0;
}
