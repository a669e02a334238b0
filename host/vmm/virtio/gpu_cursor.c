/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/gpu_internal.h"
#include "protocol/base/bytes.h"

/* A pixel in memory, to one whose bytes are B G R A. */
static uint32_t to_argb(uint32_t format, uint32_t pixel)
{
	uint32_t swapped = (pixel & 0xff00ff00) | (pixel & 0xff) << 16 | (pixel >> 16 & 0xff);

	switch (format) {
	case VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM:
		return pixel;
	case VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM:
		return pixel | 0xff000000;
	case VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM:
		return __builtin_bswap32(pixel);
	case VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM:
		return __builtin_bswap32(pixel) | 0xff000000;
	case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
		return swapped;
	case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
		return swapped | 0xff000000;
	case VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM:
		return pixel >> 8 | pixel << 24;
	default:
		return pixel >> 8 | 0xff000000;
	}
}

/* Copy the image, or its upper left corner, out of guest memory. Return: false if the backing does
 * not reach so far. */
static bool read_image(const struct gpu *gpu, const struct gpu_resource *resource,
		       uint32_t pixels[CHANNEL_CURSOR_SIZE * CHANNEL_CURSOR_SIZE])
{
	uint32_t width = MIN(resource->width, CHANNEL_CURSOR_SIZE);
	uint32_t height = MIN(resource->height, CHANNEL_CURSOR_SIZE);

	memset(pixels, 0, CHANNEL_CURSOR_SIZE * CHANNEL_CURSOR_SIZE * sizeof(*pixels));
	for (uint32_t y = 0; y < height; y++) {
		uint32_t *row = pixels + (size_t)y * CHANNEL_CURSOR_SIZE, bytes = width * 4, at = 0;
		uint32_t pieces = gpu_resource_slice(
			resource, (uint64_t)y * resource->width * GPU_BYTES_A_PIXEL, bytes,
			gpu->extent);

		if (pieces == 0)
			return false;
		for (uint32_t i = 0; i < pieces; i++) {
			memcpy((uint8_t *)row + at,
			       display_ram(gpu->display, gpu->extent[i].offset),
			       gpu->extent[i].length);
			at += (uint32_t)gpu->extent[i].length;
		}
		for (uint32_t x = 0; x < width; x++)
			row[x] = to_argb(resource->format, row[x]);
	}
	return true;
}

uint32_t gpu_update_cursor(struct gpu_command *command)
{
	const struct virtio_gpu_update_cursor *update = &command->in.cursor;
	uint32_t pixels[CHANNEL_CURSOR_SIZE * CHANNEL_CURSOR_SIZE];
	uint32_t head = le32toh(update->pos.scanout_id), id = le32toh(update->resource_id);
	struct gpu *gpu = command->gpu;
	struct display_cursor *cursor;
	struct gpu_resource *resource;

	if (head >= gpu->heads)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	cursor = &gpu->scanout[head].cursor;
	resource = gpu_resource_find(&gpu->resources, id);
	if (id != 0 && !resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (resource && !read_image(gpu, resource, pixels))
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	cursor->visible = resource != NULL;
	cursor->hot_x = MIN(le32toh(update->hot_x), CHANNEL_CURSOR_SIZE - 1);
	cursor->hot_y = MIN(le32toh(update->hot_y), CHANNEL_CURSOR_SIZE - 1);
	cursor->x = (int32_t)(le32toh(update->pos.x) + cursor->hot_x);
	cursor->y = (int32_t)(le32toh(update->pos.y) + cursor->hot_y);
	display_set_cursor(gpu->display, head, cursor, resource ? pixels : NULL);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* The guest says where the image's corner is; it may be left of the head, or above. */
uint32_t gpu_move_cursor(struct gpu_command *command)
{
	const struct virtio_gpu_cursor_pos *pos = &command->in.cursor.pos;
	uint32_t head = le32toh(pos->scanout_id);
	struct display_cursor *cursor;

	if (head >= command->gpu->heads)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	cursor = &command->gpu->scanout[head].cursor;
	cursor->x = (int32_t)(le32toh(pos->x) + cursor->hot_x);
	cursor->y = (int32_t)(le32toh(pos->y) + cursor->hot_y);
	display_set_cursor(command->gpu->display, head, cursor, NULL);
	return VIRTIO_GPU_RESP_OK_NODATA;
}
