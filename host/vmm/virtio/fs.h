/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio file system (virtio 1.2, 5.11): files that a vhost-user back end serves (lodge-fsd)
 *
 * Queue 0 has high priority, the others carry requests; all are read by the back end alone. Here
 * are the registers, the DAX window, and what becomes of it when the back end goes: the device
 * needs a reset (DEVICE_NEEDS_RESET), the machine runs on. What was mapped in the window stays
 * until then. A back end that listens on its socket again is connected to at once, and serves the
 * guest's driver after its next reset: a new one knows nothing of the files that the old one had
 * open.
 */
#ifndef LODGE_VMM_VIRTIO_FS_H
#define LODGE_VMM_VIRTIO_FS_H

#include "host/vmm/connector.h"
#include "host/vmm/dax_window.h"
#include "host/vmm/guest_memory.h"
#include "host/vmm/options.h"
#include "host/vmm/virtio/device.h"

struct kvm;

/* Request queues, unless the options say how many. */
#define VIRTIO_FS_DEFAULT_QUEUES 4

struct virtio_fs_setup {
	const struct options_fs *options;
	unsigned int default_queues;   /* of requests, at most */
	const struct guestmem *memory; /* guest RAM, which lies in @ram */
	const struct guest_memory *ram;
	struct dax_window *window; /* outlives the device; NULL: none */
	int window_timer_fd;	   /* dax_faults_watch() */
	struct kvm *kvm;	   /* NULL where there is none */
	unsigned int number;	   /* of the device, and of its window */
	struct vhost_sockets sockets;
	struct connector connector;
};

/**
 * virtio_fs_new() - make the device, and get to know its back end
 * @setup:	copied; sockets and connector are taken over, whatever the result
 * @device:	set on success
 *
 * Return: 0; or negative errno, after a line about it.
 */
int virtio_fs_new(struct virtio_fs_setup *setup, struct virtio_device **device);

#endif
