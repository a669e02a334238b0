/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gpu.h"

#include "lib.h"

#define MAX_REQUEST 128

bool gpu_start(struct gpu *gpu)
{
	if (!virtio_find(&gpu->device, VIRTIO_ID_GPU, 0) ||
	    !virtio_negotiate(&gpu->device, FEATURE(VIRTIO_GPU_F_EDID)) ||
	    !virtqueue_start(&gpu->control, &gpu->device, GPU_CONTROL) ||
	    !virtqueue_start(&gpu->cursor, &gpu->device, GPU_CURSOR))
		return false;
	gpu->answer = allocate(sizeof(struct virtio_gpu_resp_edid), 16);
	virtio_driver_ok(&gpu->device);
	return true;
}

uint32_t gpu_do(struct gpu *gpu, const void *request, uint32_t length)
{
	void *copy = allocate(MAX_REQUEST, 16);
	struct buffer buffers[] = {{copy, length, false},
				   {gpu->answer, sizeof(struct virtio_gpu_resp_edid), true}};

	memcpy(copy, request, length);
	memset(gpu->answer, 0, sizeof(struct virtio_gpu_resp_edid));
	if (virtqueue_add(&gpu->control, buffers, 2) < 0 ||
	    virtqueue_exchange(&gpu->control, NULL) < 0)
		return 0;
	return ((volatile struct virtio_gpu_ctrl_hdr *)gpu->answer)->type;
}

bool gpu_do_cursor(struct gpu *gpu, const struct virtio_gpu_update_cursor *request)
{
	struct virtio_gpu_update_cursor *copy = allocate(sizeof(*copy), 16);
	struct buffer buffer = {copy, sizeof(*copy), false};

	memcpy(copy, request, sizeof(*copy));
	return virtqueue_add(&gpu->cursor, &buffer, 1) >= 0 &&
	       virtqueue_exchange(&gpu->cursor, NULL) >= 0;
}

bool gpu_mode(struct gpu *gpu, unsigned head, struct virtio_gpu_display_one *mode)
{
	struct virtio_gpu_ctrl_hdr request = {.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO};

	if (gpu_do(gpu, &request, sizeof(request)) != VIRTIO_GPU_RESP_OK_DISPLAY_INFO)
		return false;
	*mode = ((struct virtio_gpu_resp_display_info *)gpu->answer)->pmodes[head];
	return true;
}

uint32_t gpu_create(struct gpu *gpu, uint32_t id, uint32_t width, uint32_t height)
{
	struct virtio_gpu_resource_create_2d request = {.hdr.type =
								VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
							.resource_id = id,
							.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
							.width = width,
							.height = height};

	return gpu_do(gpu, &request, sizeof(request));
}

uint32_t gpu_attach_halves(struct gpu *gpu, uint32_t id, void *pixels, uint32_t bytes)
{
	struct {
		struct virtio_gpu_resource_attach_backing head;
		struct virtio_gpu_mem_entry entry[2];
	} request = {
		.head = {.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
			 .resource_id = id,
			 .nr_entries = 2},
		.entry = {{.addr = (uint64_t)pixels + bytes / 2, .length = bytes / 2},
			  {.addr = (uint64_t)pixels, .length = bytes / 2}},
	};

	return gpu_do(gpu, &request, sizeof(request));
}

uint32_t gpu_show(struct gpu *gpu, uint32_t head, uint32_t id, uint32_t width, uint32_t height)
{
	struct virtio_gpu_set_scanout request = {.hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
						 .r = {0, 0, width, height},
						 .scanout_id = head,
						 .resource_id = id};

	return gpu_do(gpu, &request, sizeof(request));
}

uint32_t gpu_flush(struct gpu *gpu, uint32_t id, uint32_t width, uint32_t height)
{
	struct virtio_gpu_transfer_to_host_2d transfer = {
		.hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
		.r = {0, 0, width, height},
		.resource_id = id};
	struct virtio_gpu_resource_flush flush = {.hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
						  .r = {0, 0, width, height},
						  .resource_id = id};
	uint32_t answer = gpu_do(gpu, &transfer, sizeof(transfer));

	return answer == VIRTIO_GPU_RESP_OK_NODATA ? gpu_do(gpu, &flush, sizeof(flush)) : answer;
}
