/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/gpu_resource.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"

#include <linux/virtio_gpu.h>

#define BYTES_A_PIXEL	4
#define ENTRIES_AT_ONCE 256
#define FIRST_EXTENTS	16

static uint64_t size_of(const struct gpu_resource *resource)
{
	return (uint64_t)resource->width * resource->height * BYTES_A_PIXEL;
}

static bool is_format(uint32_t format)
{
	switch (format) {
	case VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM:
	case VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM:
	case VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM:
	case VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM:
	case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
	case VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM:
	case VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM:
	case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
		return true;
	default:
		return false;
	}
}

struct gpu_resource *gpu_resource_find(struct gpu_resources *resources, uint32_t id)
{
	for (unsigned int i = 0; i < resources->count; i++)
		if (resources->resource[i]->id == id)
			return resources->resource[i];
	return NULL;
}

uint32_t gpu_resource_create(struct gpu_resources *resources, uint32_t id, uint32_t format,
			     uint32_t width, uint32_t height)
{
	struct gpu_resource *resource;

	if (id == 0 || gpu_resource_find(resources, id))
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!is_format(format) || width == 0 || height == 0 || width > GPU_MAX_RESOURCE_SIZE ||
	    height > GPU_MAX_RESOURCE_SIZE)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (resources->count == GPU_MAX_RESOURCES ||
	    (uint64_t)width * height * BYTES_A_PIXEL > GPU_MAX_RESOURCE_BYTES - resources->bytes)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	resource = calloc(1, sizeof(*resource));
	if (!resource)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	resource->id = id;
	resource->format = format;
	resource->width = width;
	resource->height = height;
	resources->bytes += size_of(resource);
	resources->resource[resources->count++] = resource;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static void drop_backing(struct gpu_resources *resources, struct gpu_resource *resource)
{
	resources->extents -= resource->extents;
	free(resource->extent);
	resource->extent = NULL;
	resource->extents = 0;
	resource->backed_bytes = 0;
	resource->attached = false;
}

void gpu_resource_destroy(struct gpu_resources *resources, struct gpu_resource *resource)
{
	drop_backing(resources, resource);
	resources->bytes -= size_of(resource);
	for (unsigned int i = 0; i < resources->count; i++) {
		if (resources->resource[i] != resource)
			continue;
		resources->resource[i] = resources->resource[--resources->count];
		break;
	}
	free(resource);
}

void gpu_resource_destroy_all(struct gpu_resources *resources)
{
	while (resources->count > 0)
		gpu_resource_destroy(resources, resources->resource[resources->count - 1]);
}

/* --- Backing ------------------------------------------------------------------------------------
 */

static uint32_t add_extent(struct gpu_resources *resources, struct gpu_resource *resource,
			   uint32_t *room, const struct channel_extent *more)
{
	struct channel_extent *last;

	/* At most 65536 entries of 4 GiB: far from where it would wrap. */
	resource->backed_bytes += more->length;
	if (resource->extents > 0) {
		last = &resource->extent[resource->extents - 1];
		if (last->offset + last->length == more->offset) {
			last->length += more->length;
			return VIRTIO_GPU_RESP_OK_NODATA;
		}
	}
	if (resources->extents == GPU_MAX_EXTENTS)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	if (resource->extents == *room) {
		uint32_t wanted = *room ? 2 * *room : FIRST_EXTENTS;
		void *grown = realloc(resource->extent, wanted * sizeof(*more));

		if (!grown)
			return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
		resource->extent = grown;
		*room = wanted;
	}
	resource->extent[resource->extents++] = *more;
	resources->extents++;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t add_entry(struct gpu_resources *resources, struct gpu_resource *resource,
			  uint32_t *room, const struct display *display,
			  const struct guestmem *memory, const uint8_t *entry)
{
	uint64_t address = load_le64(entry + offsetof(struct virtio_gpu_mem_entry, addr));
	uint32_t length = load_le32(entry + offsetof(struct virtio_gpu_mem_entry, length));
	void *host = guestmem_ptr(memory, address, length);
	struct channel_extent extent = {.length = length};

	if (!host || length == 0)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	extent.offset = display_ram_offset(display, host);
	return add_extent(resources, resource, room, &extent);
}

uint32_t gpu_resource_attach(struct gpu_resources *resources, struct gpu_resource *resource,
			     const struct display *display, const struct guestmem *memory,
			     const struct iovec *iov, unsigned int pieces, size_t offset,
			     uint32_t entries)
{
	uint8_t batch[ENTRIES_AT_ONCE * sizeof(struct virtio_gpu_mem_entry)];
	uint32_t result = VIRTIO_GPU_RESP_OK_NODATA, room = 0;

	if (resource->attached)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (entries == 0)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (entries > GPU_MAX_BACKING)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	for (uint32_t done = 0; done < entries && result == VIRTIO_GPU_RESP_OK_NODATA;) {
		uint32_t now = MIN(entries - done, ENTRIES_AT_ONCE);
		size_t bytes = now * sizeof(struct virtio_gpu_mem_entry);

		if (iov_read(iov, pieces, offset, batch, bytes) != bytes)
			result = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
		for (uint32_t i = 0; i < now && result == VIRTIO_GPU_RESP_OK_NODATA; i++)
			result = add_entry(resources, resource, &room, display, memory,
					   batch + i * sizeof(struct virtio_gpu_mem_entry));
		offset += bytes;
		done += now;
	}
	resource->attached = result == VIRTIO_GPU_RESP_OK_NODATA;
	if (!resource->attached)
		drop_backing(resources, resource);
	return result;
}

uint32_t gpu_resource_detach(struct gpu_resources *resources, struct gpu_resource *resource)
{
	if (!resource->attached)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	drop_backing(resources, resource);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* --- Parts --------------------------------------------------------------------------------------
 */

bool gpu_resource_holds(const struct gpu_resource *resource, uint32_t x, uint32_t y, uint32_t width,
			uint32_t height)
{
	return width > 0 && height > 0 && x < resource->width && y < resource->height &&
	       width <= resource->width - x && height <= resource->height - y;
}

uint32_t gpu_resource_slice(const struct gpu_resource *resource, uint64_t offset, uint64_t bytes,
			    struct channel_extent *extent)
{
	uint32_t taken = 0;

	if (offset > resource->backed_bytes || bytes > resource->backed_bytes - offset)
		return 0;
	for (uint32_t i = 0; i < resource->extents && bytes > 0; i++) {
		struct channel_extent piece = resource->extent[i];

		if (offset >= piece.length) {
			offset -= piece.length;
			continue;
		}
		piece.offset += offset;
		piece.length = MIN(piece.length - offset, bytes);
		bytes -= piece.length;
		offset = 0;
		extent[taken++] = piece;
	}
	return taken;
}
