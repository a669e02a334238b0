/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rng - a virtio entropy device (virtio 1.2, 5.4) */
#ifndef BARE_RNG_H
#define BARE_RNG_H

#include "virtio.h"

struct rng {
	struct virtio device;
	struct virtqueue queue;
};

bool rng_start(struct rng *rng);
/* Return: bytes written to @to; 0 if none came. */
uint32_t rng_fill(struct rng *rng, void *to, uint32_t length);

#endif
