/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rng.h"

bool rng_start(struct rng *rng)
{
	if (!virtio_find(&rng->device, VIRTIO_ID_RNG, 0) || !virtio_negotiate(&rng->device, 0) ||
	    !virtqueue_start(&rng->queue, &rng->device, 0))
		return false;
	virtio_driver_ok(&rng->device);
	return true;
}

uint32_t rng_fill(struct rng *rng, void *to, uint32_t length)
{
	struct buffer buffer = {to, length, true};
	uint32_t got = 0;

	if (virtqueue_add(&rng->queue, &buffer, 1) < 0 || virtqueue_exchange(&rng->queue, &got) < 0)
		return 0;
	return got;
}
