/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of a file system device: fs.c is the device that the guest sees, fs_back_end.c its
 * connection to the process that serves it.
 */
#ifndef LODGE_VMM_VIRTIO_FS_INTERNAL_H
#define LODGE_VMM_VIRTIO_FS_INTERNAL_H

#include "host/vmm/vhost_frontend.h"
#include "host/vmm/virtio/fs.h"

#include <linux/virtio_fs.h>
#include <linux/virtio_ring.h>

/* Features of rings that a back end may or may not have. */
#define FS_RING_FEATURES                                                                           \
	(VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX))

struct fs {
	struct virtio_device device;
	struct virtio_fs_config config;
	struct virtio_fs_setup setup;
	struct vhost_frontend *back_end; /* NULL: gone */
	struct loop_source *back_end_source, *requests_source;
	struct loop_source *connector_source, *retry_source, *error_source;
	int error_fd; /* eventfd of all rings: the back end found one that breaks the rules */
	struct vhost_ring ring[VIRTIO_MAX_QUEUES];
	bool serving;		     /* rings are with the back end */
	_Atomic uint64_t window_gpa; /* where the guest has it; 0: nowhere */
};

/* The first one. Return: 0, or negative errno with *@problem, of which people are told. */
int fs_meet(struct fs *fs, struct vhost_sockets *sockets, const char **problem);
/* Once it is met, and the device's loop is there. 0 or -ENOMEM. */
int fs_watch(struct fs *fs);

/* It has gone, or has to go: @what happened. The guest learns that the device needs a reset, and
 * another is asked for. Nothing if it has gone before. */
void fs_lose(struct fs *fs, const char *what, int error);
/* The connector's descriptor is readable. */
void fs_on_connector(void *fs, uint32_t events);

/* Without a word. */
void fs_hang_up(struct fs *fs);

#endif
