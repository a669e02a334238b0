/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gpu - a virtio graphics adapter, 2D (virtio 1.2, 5.7), one command at a time */
#ifndef BARE_GPU_H
#define BARE_GPU_H

#include "virtio.h"

#include <linux/virtio_gpu.h>

#define GPU_CONTROL 0
#define GPU_CURSOR  1

struct gpu {
	struct virtio device;
	struct virtqueue control, cursor;
	void *answer; /* room for the largest */
};

bool gpu_start(struct gpu *gpu);

/* Return: type of the answer; 0 if none came. */
uint32_t gpu_do(struct gpu *gpu, const void *request, uint32_t length);
/* The same on the cursor queue; whether it came back. */
bool gpu_do_cursor(struct gpu *gpu, const struct virtio_gpu_update_cursor *request);

/* What a head's monitor is; false without an answer. */
bool gpu_mode(struct gpu *gpu, unsigned head, struct virtio_gpu_display_one *mode);

uint32_t gpu_create(struct gpu *gpu, uint32_t id, uint32_t width, uint32_t height);
/* @pixels in two pieces: the second half of the picture lies first. */
uint32_t gpu_attach_halves(struct gpu *gpu, uint32_t id, void *pixels, uint32_t bytes);
uint32_t gpu_show(struct gpu *gpu, uint32_t head, uint32_t id, uint32_t width, uint32_t height);
uint32_t gpu_flush(struct gpu *gpu, uint32_t id, uint32_t width, uint32_t height);

#endif
