/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/gpu_edid.h"
#include "host/vmm/virtio/gpu_internal.h"
#include "protocol/base/bytes.h"

struct rectangle {
	uint32_t x, y, width, height;
};

static struct gpu_resource *find(struct gpu_command *command, __le32 id)
{
	return gpu_resource_find(&command->gpu->resources, le32toh(id));
}

static struct rectangle rectangle_of(const struct virtio_gpu_rect *rect)
{
	return (struct rectangle){le32toh(rect->x), le32toh(rect->y), le32toh(rect->width),
				  le32toh(rect->height)};
}

/* --- What heads show ----------------------------------------------------------------------------
 */

void gpu_show_nothing(struct gpu *gpu, unsigned int head)
{
	display_set_picture(gpu->display, head, NULL);
}

/* Tell of the rows that are seen, and no more of the resource. */
static void show(struct gpu *gpu, unsigned int head)
{
	const struct gpu_scanout *scanout = &gpu->scanout[head];
	const struct gpu_resource *resource = gpu_resource_find(&gpu->resources, scanout->resource);
	struct display_picture picture;
	uint64_t stride, first, bytes;

	if (!resource || !resource->attached) {
		gpu_show_nothing(gpu, head);
		return;
	}
	stride = (uint64_t)resource->width * GPU_BYTES_A_PIXEL;
	first = scanout->y * stride;
	bytes = (scanout->height - 1) * stride +
		((uint64_t)scanout->x + scanout->width) * GPU_BYTES_A_PIXEL;
	picture = (struct display_picture){
		.format = resource->format,
		.stride = (uint32_t)stride,
		.x = scanout->x,
		.width = scanout->width,
		.height = scanout->height,
		.extent = gpu->extent,
		.extents = gpu_resource_slice(resource, first, bytes, gpu->extent),
	};
	if (picture.extents > 0)
		display_set_picture(gpu->display, head, &picture);
	else
		gpu_show_nothing(gpu, head);
}

static void show_again(struct gpu *gpu, uint32_t resource)
{
	for (unsigned int i = 0; i < gpu->heads; i++)
		if (gpu->scanout[i].resource == resource)
			show(gpu, i);
}

static void show_no_more(struct gpu *gpu, uint32_t resource)
{
	for (unsigned int i = 0; i < gpu->heads; i++) {
		if (gpu->scanout[i].resource != resource)
			continue;
		gpu->scanout[i].resource = 0;
		gpu_show_nothing(gpu, i);
	}
}

/* --- Commands (5.7.6.8) -------------------------------------------------------------------------
 */

uint32_t gpu_get_display_info(struct gpu_command *command)
{
	struct virtio_gpu_resp_display_info *info = &command->out.display_info;

	for (unsigned int i = 0; i < command->gpu->heads; i++) {
		struct display_mode mode = display_mode(command->gpu->display, i);

		if (!mode.enabled)
			continue;
		info->pmodes[i].enabled = htole32(1);
		info->pmodes[i].r.x = htole32(mode.x);
		info->pmodes[i].r.y = htole32(mode.y);
		info->pmodes[i].r.width = htole32(mode.width);
		info->pmodes[i].r.height = htole32(mode.height);
	}
	command->out_size = sizeof(*info);
	return VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
}

uint32_t gpu_get_edid(struct gpu_command *command)
{
	struct virtio_gpu_resp_edid *answer = &command->out.edid;
	uint32_t head = le32toh(command->in.get_edid.scanout);
	struct display_mode mode;

	if (!virtio_has(&command->gpu->device, VIRTIO_GPU_F_EDID))
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (head >= command->gpu->heads)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	mode = display_mode(command->gpu->display, head);
	answer->size = htole32((uint32_t)gpu_edid_write(head, &mode, answer->edid));
	command->out_size = sizeof(*answer);
	return VIRTIO_GPU_RESP_OK_EDID;
}

uint32_t gpu_create_2d(struct gpu_command *command)
{
	const struct virtio_gpu_resource_create_2d *create = &command->in.create;

	return gpu_resource_create(&command->gpu->resources, le32toh(create->resource_id),
				   le32toh(create->format), le32toh(create->width),
				   le32toh(create->height));
}

uint32_t gpu_unref(struct gpu_command *command)
{
	struct gpu_resource *resource = find(command, command->in.unref.resource_id);

	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	show_no_more(command->gpu, resource->id);
	gpu_resource_destroy(&command->gpu->resources, resource);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t gpu_set_scanout(struct gpu_command *command)
{
	const struct virtio_gpu_set_scanout *set = &command->in.set_scanout;
	uint32_t head = le32toh(set->scanout_id);
	struct rectangle r = rectangle_of(&set->r);
	struct gpu_resource *resource;
	struct gpu_scanout *scanout;

	if (head >= command->gpu->heads)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	scanout = &command->gpu->scanout[head];
	if (set->resource_id == 0) {
		scanout->resource = 0;
		gpu_show_nothing(command->gpu, head);
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	resource = find(command, set->resource_id);
	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!gpu_resource_holds(resource, r.x, r.y, r.width, r.height) ||
	    r.width > CHANNEL_MAX_SIZE || r.height > CHANNEL_MAX_SIZE)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	scanout->resource = resource->id;
	scanout->x = r.x;
	scanout->y = r.y;
	scanout->width = r.width;
	scanout->height = r.height;
	show(command->gpu, head);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static void damage_head(struct gpu *gpu, unsigned int head, const struct rectangle *r)
{
	const struct gpu_scanout *scanout = &gpu->scanout[head];
	uint32_t left = MAX(r->x, scanout->x), top = MAX(r->y, scanout->y);
	uint32_t right = MIN(r->x + r->width, scanout->x + scanout->width);
	uint32_t bottom = MIN(r->y + r->height, scanout->y + scanout->height);

	if (left < right && top < bottom)
		display_damage(gpu->display, head, left - scanout->x, top - scanout->y,
			       right - left, bottom - top);
}

uint32_t gpu_flush(struct gpu_command *command)
{
	struct gpu_resource *resource = find(command, command->in.flush.resource_id);
	struct rectangle r = rectangle_of(&command->in.flush.r);

	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!gpu_resource_holds(resource, r.x, r.y, r.width, r.height))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	for (unsigned int i = 0; i < command->gpu->heads; i++)
		if (command->gpu->scanout[i].resource == resource->id)
			damage_head(command->gpu, i, &r);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* The backing is what is shown: there is nothing to do, if it lies as the resource does. */
uint32_t gpu_transfer(struct gpu_command *command)
{
	struct gpu_resource *resource = find(command, command->in.transfer.resource_id);
	struct rectangle r = rectangle_of(&command->in.transfer.r);

	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!resource->attached)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (!gpu_resource_holds(resource, r.x, r.y, r.width, r.height) ||
	    le64toh(command->in.transfer.offset) !=
		    ((uint64_t)r.y * resource->width + r.x) * GPU_BYTES_A_PIXEL)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t gpu_attach(struct gpu_command *command)
{
	const struct virtqueue_chain *chain = command->chain;
	struct gpu_resource *resource = find(command, command->in.attach.resource_id);
	struct gpu *gpu = command->gpu;
	uint32_t result;

	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	result = gpu_resource_attach(&gpu->resources, resource, gpu->display, gpu->device.memory,
				     chain->iov, chain->readable, sizeof(command->in.attach),
				     le32toh(command->in.attach.nr_entries));
	if (result == VIRTIO_GPU_RESP_OK_NODATA)
		show_again(gpu, resource->id);
	return result;
}

uint32_t gpu_detach(struct gpu_command *command)
{
	struct gpu_resource *resource = find(command, command->in.detach.resource_id);
	uint32_t result;

	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	result = gpu_resource_detach(&command->gpu->resources, resource);
	show_again(command->gpu, resource->id);
	return result;
}

/* There are no capability sets (num_capsets is 0): no index is one. */
uint32_t gpu_get_capset_info(struct gpu_command *command)
{
	(void)command;
	return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
}
