/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gpu_internal - what the files of the graphics adapter share
 *
 *	gpu.c		the device and its queues
 *	gpu_command.c	commands about resources, and what heads show of them
 *	gpu_cursor.c	commands about the cursor
 */
#ifndef LODGE_VMM_VIRTIO_GPU_INTERNAL_H
#define LODGE_VMM_VIRTIO_GPU_INTERNAL_H

#include "host/vmm/virtio/gpu.h"
#include "host/vmm/virtio/gpu_resource.h"

#include <linux/virtio_gpu.h>
#include <stdatomic.h>

#define GPU_BYTES_A_PIXEL 4

/* What a head shows, as the guest asked for it; whether it can be shown depends on the backing. */
struct gpu_scanout {
	uint32_t resource; /* 0: none */
	uint32_t x, y, width, height;
	struct display_cursor cursor;
};

struct gpu {
	struct virtio_device device;
	struct display *display;
	unsigned int heads;
	struct gpu_resources resources;
	struct gpu_scanout scanout[CHANNEL_MAX_HEADS];
	struct channel_extent *extent; /* of the picture that is being set */
	_Atomic uint32_t events;       /* VIRTIO_GPU_EVENT_DISPLAY */
};

/* A command while it is executed; fixed fields were copied. */
struct gpu_command {
	struct gpu *gpu;
	const struct virtqueue_chain *chain;
	union {
		struct virtio_gpu_ctrl_hdr header;
		struct virtio_gpu_resource_create_2d create;
		struct virtio_gpu_resource_unref unref;
		struct virtio_gpu_set_scanout set_scanout;
		struct virtio_gpu_resource_flush flush;
		struct virtio_gpu_transfer_to_host_2d transfer;
		struct virtio_gpu_resource_attach_backing attach;
		struct virtio_gpu_resource_detach_backing detach;
		struct virtio_gpu_cmd_get_edid get_edid;
		struct virtio_gpu_update_cursor cursor;
	} in;
	union {
		struct virtio_gpu_ctrl_hdr header;
		struct virtio_gpu_resp_display_info display_info;
		struct virtio_gpu_resp_edid edid;
	} out;
	size_t out_size;
};

/* Commands (5.7.6.8). Return: an enum virtio_gpu_ctrl_type. */
uint32_t gpu_get_display_info(struct gpu_command *command);
uint32_t gpu_get_edid(struct gpu_command *command);
uint32_t gpu_create_2d(struct gpu_command *command);
uint32_t gpu_unref(struct gpu_command *command);
uint32_t gpu_set_scanout(struct gpu_command *command);
uint32_t gpu_flush(struct gpu_command *command);
uint32_t gpu_transfer(struct gpu_command *command);
uint32_t gpu_attach(struct gpu_command *command);
uint32_t gpu_detach(struct gpu_command *command);
uint32_t gpu_get_capset_info(struct gpu_command *command);
uint32_t gpu_update_cursor(struct gpu_command *command);
uint32_t gpu_move_cursor(struct gpu_command *command);

void gpu_show_nothing(struct gpu *gpu, unsigned int head);

#endif
