/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "balloon.h"

#include "io.h"
#include "lib.h"

#include <stddef.h>

static uint64_t config(const struct balloon *balloon, size_t offset)
{
	return balloon->device.config + offset;
}

bool balloon_start(struct balloon *balloon, uint64_t features, unsigned mask, uint32_t poison)
{
	struct virtio *device = &balloon->device;

	*balloon = (struct balloon){0};
	if (!virtio_find(device, VIRTIO_ID_BALLOON, 0) || !virtio_negotiate(device, features))
		return false;
	if (features & FEATURE(VIRTIO_BALLOON_F_PAGE_POISON))
		mmio_write32(config(balloon, offsetof(struct virtio_balloon_config, poison_val)),
			     poison);
	for (unsigned i = 0; i < ARRAY_SIZE(balloon->queue); i++)
		if (mask >> i & 1 && !virtqueue_start(&balloon->queue[i], device, (uint16_t)i))
			return false;
	balloon->list = allocate(BALLOON_LIST * sizeof(uint32_t), 4096);
	virtio_driver_ok(device);
	return !virtio_needs_reset(device);
}

bool balloon_tell(struct balloon *balloon, unsigned queue, unsigned count)
{
	struct buffer buffer = {balloon->list, count * (uint32_t)sizeof(uint32_t), false};

	return virtqueue_add(&balloon->queue[queue], &buffer, 1) >= 0 &&
	       virtqueue_exchange(&balloon->queue[queue], NULL) >= 0;
}

bool balloon_move(struct balloon *balloon, unsigned queue, const void *address, unsigned pages)
{
	uint64_t first = (uint64_t)address / BALLOON_PAGE;

	for (unsigned done = 0; done < pages;) {
		unsigned count = 0;

		while (count < BALLOON_LIST && done < pages)
			balloon->list[count++] = (uint32_t)(first + done++);
		if (!balloon_tell(balloon, queue, count))
			return false;
	}
	return true;
}

bool balloon_report(struct balloon *balloon, unsigned queue, void *address, uint32_t bytes)
{
	struct buffer buffer = {address, bytes, true};

	return virtqueue_add(&balloon->queue[queue], &buffer, 1) >= 0 &&
	       virtqueue_exchange(&balloon->queue[queue], NULL) >= 0;
}

void balloon_put_statistic(uint8_t *at, uint16_t tag, uint64_t value)
{
	memcpy(at, &tag, sizeof(tag));
	memcpy(at + sizeof(tag), &value, sizeof(value));
}

uint32_t balloon_target(const struct balloon *balloon)
{
	return mmio_read32(config(balloon, offsetof(struct virtio_balloon_config, num_pages)));
}

void balloon_set_actual(const struct balloon *balloon, uint32_t pages)
{
	mmio_write32(config(balloon, offsetof(struct virtio_balloon_config, actual)), pages);
}
