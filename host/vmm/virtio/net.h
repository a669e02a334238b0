/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio network card (virtio 1.2, 5.1) over a backend (net/backend.h)
 *
 * Frames from the guest are copied once; checksums and segmentation that it leaves to its card are
 * done on the copy, unless the backend takes over. No frame is lost for want of room: the backend
 * keeps what the guest has no buffer for, and the guest keeps what the backend cannot take.
 */
#ifndef LODGE_VMM_VIRTIO_NET_H
#define LODGE_VMM_VIRTIO_NET_H

#include "host/vmm/net/backend.h"
#include "host/vmm/virtio/device.h"

#define VIRTIO_NET_RECEIVE  0
#define VIRTIO_NET_TRANSMIT 1

/**
 * virtio_net_new() - a network card
 * @backend:	becomes the device's if it succeeds
 *
 * Return: 0 and the device, freed by virtio_device_free(); or negative errno.
 */
int virtio_net_new(const struct guestmem *memory, struct net_backend *backend, const uint8_t mac[6],
		   struct virtio_device **device);

#endif
