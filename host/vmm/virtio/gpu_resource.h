/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gpu_resource - the pictures that a guest has made, and where in its memory their pixels are
 *
 * A resource is a size, a format and a list of extents: pixels are never held here. What a guest
 * can make us remember has a bound: so many resources, so many extents of all of them; and as a
 * host that does hold pixels would, so many bytes.
 */
#ifndef LODGE_VMM_VIRTIO_GPU_RESOURCE_H
#define LODGE_VMM_VIRTIO_GPU_RESOURCE_H

#include "host/vmm/display.h"
#include "protocol/virtqueue/guestmem.h"

#include <sys/uio.h>

#define GPU_MAX_RESOURCES      1024
#define GPU_MAX_RESOURCE_SIZE  16384 /* each way: a desktop over several heads */
#define GPU_MAX_RESOURCE_BYTES (4ULL << 30)
#define GPU_MAX_BACKING	       65536 /* entries of a command */
#define GPU_MAX_EXTENTS	       (8 * GPU_MAX_BACKING)

struct gpu_resource {
	uint32_t id; /* 0: unused */
	uint32_t format, width, height;
	bool attached;
	struct channel_extent *extent;
	uint32_t extents;
	uint64_t backed_bytes; /* of the extents */
};

struct gpu_resources {
	struct gpu_resource *resource[GPU_MAX_RESOURCES];
	unsigned int count;
	uint64_t bytes;
	uint32_t extents;
};

/* All of these return an enum virtio_gpu_ctrl_type: VIRTIO_GPU_RESP_OK_NODATA or an error. */

uint32_t gpu_resource_create(struct gpu_resources *resources, uint32_t id, uint32_t format,
			     uint32_t width, uint32_t height);

/**
 * gpu_resource_attach() - say where its pixels are
 * @display:	knows RAM's offsets
 * @memory:	each entry must be inside of it
 * @iov, @pieces, @offset:	the entries (struct virtio_gpu_mem_entry), in guest memory
 * @entries:	their number as the guest says; that many are there, if it is not above the limit
 */
uint32_t gpu_resource_attach(struct gpu_resources *resources, struct gpu_resource *resource,
			     const struct display *display, const struct guestmem *memory,
			     const struct iovec *iov, unsigned int pieces, size_t offset,
			     uint32_t entries);
uint32_t gpu_resource_detach(struct gpu_resources *resources, struct gpu_resource *resource);

/* --- */

/* Return: the resource; NULL if there is none. */
struct gpu_resource *gpu_resource_find(struct gpu_resources *resources, uint32_t id);
void gpu_resource_destroy(struct gpu_resources *resources, struct gpu_resource *resource);
void gpu_resource_destroy_all(struct gpu_resources *resources);

/* Whether a rectangle lies in it, and has an area. */
bool gpu_resource_holds(const struct gpu_resource *resource, uint32_t x, uint32_t y, uint32_t width,
			uint32_t height);

/**
 * gpu_resource_slice() - the extents of a part of its bytes
 * @extent:	room for as many as the resource has
 *
 * Return: their number; 0 if the backing does not reach so far.
 */
uint32_t gpu_resource_slice(const struct gpu_resource *resource, uint64_t offset, uint64_t bytes,
			    struct channel_extent *extent);

#endif
