/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio entropy - random bytes of the host's kernel (virtio 1.2, 5.4)
 *
 * A guest gets a bounded number of bytes a second, so that it cannot keep a CPU of the host busy.
 */
#ifndef LODGE_VMM_VIRTIO_RNG_H
#define LODGE_VMM_VIRTIO_RNG_H

#include "host/vmm/virtio/device.h"

/* So much at once, and so much again every period. */
#define VIRTIO_RNG_BYTES_A_PERIOD (64U * 1024)
#define VIRTIO_RNG_PERIOD_MS	  100

/* Return: 0 and the device, freed by virtio_device_free(); or negative errno. */
int virtio_rng_new(const struct guestmem *memory, struct virtio_device **device);

#endif
