/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio graphics adapter, 2D (virtio 1.2, 5.7)
 *
 * Offers EDID. Pictures stay in the guest's memory: what a head shows is told to lodge-screen as
 * places there (host/vmm/display.h), a transfer to the host copies nothing, and a flush is damage.
 * Commands are executed in order, before the next is read, so a fence is done when it is answered.
 */
#ifndef LODGE_VMM_VIRTIO_GPU_H
#define LODGE_VMM_VIRTIO_GPU_H

#include "host/vmm/display.h"
#include "host/vmm/virtio/device.h"

#define VIRTIO_GPU_CONTROL 0
#define VIRTIO_GPU_CURSOR  1

/**
 * virtio_gpu_new() - make the device
 * @display:	must outlive it; its modes are what monitors are, and it is told what they show
 * @device:	set on success
 *
 * Return: 0 or negative errno.
 */
int virtio_gpu_new(const struct guestmem *memory, struct display *display,
		   struct virtio_device **device);

#endif
