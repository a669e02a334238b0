/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/gpu.h"

#include "host/vmm/virtio/gpu_edid.h"
#include "host/vmm/virtio/gpu_resource.h"
#include "host/vmm/virtio/iov.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>
#include <stdio.h>

/* A list of 65,536 pages lies in 256 pages itself, and is part of a chain. */
#define QUEUE_SIZE	  512
#define BUDGET		  64 /* commands before other descriptors have their turn */
#define PCI_CLASS_DISPLAY 0x038000
#define BYTES_A_PIXEL	  4

/* What a head shows, as the guest asked for it; whether it can be shown depends on the backing. */
struct scanout {
	uint32_t resource; /* 0: none */
	uint32_t x, y, width, height;
	struct display_cursor cursor;
};

struct gpu {
	struct virtio_device device;
	struct display *display;
	unsigned int heads;
	struct gpu_resources resources;
	struct scanout scanout[CHANNEL_MAX_HEADS];
	struct channel_extent *extent; /* of the picture that is being set */
	_Atomic uint32_t events;       /* VIRTIO_GPU_EVENT_DISPLAY */
};

/* A command while it is executed; fixed fields were copied. */
struct command {
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

struct rectangle {
	uint32_t x, y, width, height;
};

static struct gpu *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct gpu, device);
}

static struct gpu_resource *find(struct command *command, __le32 id)
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

static void show_nothing(struct gpu *gpu, unsigned int head)
{
	display_set_picture(gpu->display, head, NULL);
}

/* Tell of the rows that are seen, and no more of the resource. */
static void show(struct gpu *gpu, unsigned int head)
{
	const struct scanout *scanout = &gpu->scanout[head];
	const struct gpu_resource *resource = gpu_resource_find(&gpu->resources, scanout->resource);
	struct display_picture picture;
	uint64_t stride, first, bytes;

	if (!resource || !resource->attached) {
		show_nothing(gpu, head);
		return;
	}
	stride = (uint64_t)resource->width * BYTES_A_PIXEL;
	first = scanout->y * stride;
	bytes = (scanout->height - 1) * stride +
		((uint64_t)scanout->x + scanout->width) * BYTES_A_PIXEL;
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
		show_nothing(gpu, head);
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
		show_nothing(gpu, i);
	}
}

/* --- Commands (5.7.6.8) -------------------------------------------------------------------------
 */

static uint32_t get_display_info(struct command *command)
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

static uint32_t get_edid(struct command *command)
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

static uint32_t create_2d(struct command *command)
{
	const struct virtio_gpu_resource_create_2d *create = &command->in.create;

	return gpu_resource_create(&command->gpu->resources, le32toh(create->resource_id),
				   le32toh(create->format), le32toh(create->width),
				   le32toh(create->height));
}

static uint32_t unref(struct command *command)
{
	struct gpu_resource *resource = find(command, command->in.unref.resource_id);

	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	show_no_more(command->gpu, resource->id);
	gpu_resource_destroy(&command->gpu->resources, resource);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t set_scanout(struct command *command)
{
	const struct virtio_gpu_set_scanout *set = &command->in.set_scanout;
	uint32_t head = le32toh(set->scanout_id);
	struct rectangle r = rectangle_of(&set->r);
	struct gpu_resource *resource;
	struct scanout *scanout;

	if (head >= command->gpu->heads)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	scanout = &command->gpu->scanout[head];
	if (set->resource_id == 0) {
		scanout->resource = 0;
		show_nothing(command->gpu, head);
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
	const struct scanout *scanout = &gpu->scanout[head];
	uint32_t left = MAX(r->x, scanout->x), top = MAX(r->y, scanout->y);
	uint32_t right = MIN(r->x + r->width, scanout->x + scanout->width);
	uint32_t bottom = MIN(r->y + r->height, scanout->y + scanout->height);

	if (left < right && top < bottom)
		display_damage(gpu->display, head, left - scanout->x, top - scanout->y,
			       right - left, bottom - top);
}

static uint32_t flush(struct command *command)
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
static uint32_t transfer(struct command *command)
{
	struct gpu_resource *resource = find(command, command->in.transfer.resource_id);
	struct rectangle r = rectangle_of(&command->in.transfer.r);

	if (!resource)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!resource->attached)
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	if (!gpu_resource_holds(resource, r.x, r.y, r.width, r.height) ||
	    le64toh(command->in.transfer.offset) !=
		    ((uint64_t)r.y * resource->width + r.x) * BYTES_A_PIXEL)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t attach(struct command *command)
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

static uint32_t detach(struct command *command)
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
static uint32_t get_capset_info(struct command *command)
{
	(void)command;
	return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
}

/* --- The cursor ---------------------------------------------------------------------------------
 */

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
		uint32_t pieces =
			gpu_resource_slice(resource, (uint64_t)y * resource->width * BYTES_A_PIXEL,
					   bytes, gpu->extent);

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

static uint32_t update_cursor(struct command *command)
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
static uint32_t move_cursor(struct command *command)
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

/* --- Queues -------------------------------------------------------------------------------------
 */

static const struct {
	uint32_t type;
	unsigned int queue;
	size_t in_size;
	uint32_t (*execute)(struct command *command);
} table[] = {
	{VIRTIO_GPU_CMD_GET_DISPLAY_INFO, VIRTIO_GPU_CONTROL, sizeof(struct virtio_gpu_ctrl_hdr),
	 get_display_info},
	{VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_create_2d), create_2d},
	{VIRTIO_GPU_CMD_RESOURCE_UNREF, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_unref), unref},
	{VIRTIO_GPU_CMD_SET_SCANOUT, VIRTIO_GPU_CONTROL, sizeof(struct virtio_gpu_set_scanout),
	 set_scanout},
	{VIRTIO_GPU_CMD_RESOURCE_FLUSH, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_flush), flush},
	{VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_transfer_to_host_2d), transfer},
	{VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_attach_backing), attach},
	{VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_detach_backing), detach},
	{VIRTIO_GPU_CMD_GET_CAPSET_INFO, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_get_capset_info), get_capset_info},
	{VIRTIO_GPU_CMD_GET_EDID, VIRTIO_GPU_CONTROL, sizeof(struct virtio_gpu_cmd_get_edid),
	 get_edid},
	{VIRTIO_GPU_CMD_UPDATE_CURSOR, VIRTIO_GPU_CURSOR, sizeof(struct virtio_gpu_update_cursor),
	 update_cursor},
	{VIRTIO_GPU_CMD_MOVE_CURSOR, VIRTIO_GPU_CURSOR, sizeof(struct virtio_gpu_update_cursor),
	 move_cursor},
};

static uint32_t execute(struct command *command, unsigned int queue, size_t in_size)
{
	uint32_t type = le32toh(command->in.header.type);

	if (in_size < sizeof(command->in.header))
		return VIRTIO_GPU_RESP_ERR_UNSPEC;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].type != type || table[i].queue != queue)
			continue;
		if (in_size < table[i].in_size)
			return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
		return table[i].execute(command);
	}
	return VIRTIO_GPU_RESP_ERR_UNSPEC;
}

/* Return: bytes of the answer that were written; a guest that has less room for it gets less. */
static uint32_t handle(struct gpu *gpu, unsigned int queue, struct virtqueue_chain *chain)
{
	struct command command = {
		.gpu = gpu, .chain = chain, .out_size = sizeof(struct virtio_gpu_ctrl_hdr)};
	size_t in_size = iov_read(chain->iov, chain->readable, 0, &command.in, sizeof(command.in));
	struct virtio_gpu_ctrl_hdr *in = &command.in.header, *out = &command.out.header;
	uint32_t type = execute(&command, queue, in_size);

	out->type = htole32(type);
	if (le32toh(in->flags) & VIRTIO_GPU_FLAG_FENCE) {
		out->flags = htole32(VIRTIO_GPU_FLAG_FENCE);
		out->fence_id = in->fence_id;
		out->ctx_id = in->ctx_id;
	}
	return (uint32_t)iov_write(virtqueue_chain_writable(chain), chain->writable, 0,
				   &command.out, command.out_size);
}

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	struct virtqueue *queue = virtio_queue(device, index);
	unsigned int budget = BUDGET;
	struct virtqueue_chain chain;

	virtqueue_disable_kicks(queue);
	while (budget > 0 && virtio_pop(device, index, &chain)) {
		budget--;
		virtqueue_push(queue, chain.head, handle(of(device), index, &chain));
	}
	if (budget == 0 || virtqueue_enable_kicks(queue))
		virtio_kick(device, index);
	virtio_notify(device, index);
}

/* --- The device ---------------------------------------------------------------------------------
 */

static void config_read(struct virtio_device *device, size_t offset, void *bytes, size_t size)
{
	struct gpu *gpu = of(device);
	struct virtio_gpu_config config = {
		.events_read = htole32(atomic_load(&gpu->events)),
		.num_scanouts = htole32(gpu->heads),
	};

	memcpy(bytes, (const uint8_t *)&config + offset, size);
}

static void config_write(struct virtio_device *device, size_t offset, const void *bytes,
			 size_t size)
{
	size_t field = offsetof(struct virtio_gpu_config, events_clear);
	uint8_t value[sizeof(struct virtio_gpu_config)] = {0};

	memcpy(value + offset, bytes, size);
	atomic_fetch_and(&of(device)->events, ~load_le32(value + field));
}

static void mode_changed(void *owner)
{
	struct gpu *gpu = owner;

	atomic_fetch_or(&gpu->events, VIRTIO_GPU_EVENT_DISPLAY);
	virtio_config_changed(&gpu->device);
}

static const struct display_ops display_ops = {.mode_changed = mode_changed};

static void activate(struct virtio_device *device)
{
	display_set_driver(of(device)->display, true);
}

static void reset(struct virtio_device *device)
{
	static const struct display_cursor none;
	struct gpu *gpu = of(device);

	for (unsigned int i = 0; i < gpu->heads; i++) {
		bool had_cursor = gpu->scanout[i].cursor.visible;

		gpu->scanout[i] = (struct scanout){0};
		show_nothing(gpu, i);
		if (had_cursor)
			display_set_cursor(gpu->display, i, &none, NULL);
	}
	gpu_resource_destroy_all(&gpu->resources);
	atomic_store(&gpu->events, 0);
	display_set_driver(gpu->display, false);
}

static void gpu_free(struct virtio_device *device)
{
	struct gpu *gpu = of(device);

	gpu_resource_destroy_all(&gpu->resources);
	free(gpu->extent);
	virtio_device_release(device);
	free(gpu);
}

static const struct virtio_device_ops ops = {
	.name = "gpu",
	.id = VIRTIO_ID_GPU,
	.class_code = PCI_CLASS_DISPLAY,
	.config_read = config_read,
	.config_write = config_write,
	.activate = activate,
	.queue_ready = queue_ready,
	.reset = reset,
	.free = gpu_free,
};

static int make(struct gpu *gpu, const struct guestmem *memory)
{
	gpu->device.ops = &ops;
	snprintf(gpu->device.name, sizeof(gpu->device.name), "display");
	gpu->device.offered_features = VIRTIO_FEATURE(VIRTIO_GPU_F_EDID);
	gpu->device.config_size = sizeof(struct virtio_gpu_config);
	gpu->device.queues = 2;
	gpu->extent = calloc(GPU_MAX_BACKING, sizeof(*gpu->extent));
	if (!gpu->extent)
		return -ENOMEM;
	return virtio_device_init(&gpu->device, memory, QUEUE_SIZE);
}

int virtio_gpu_new(const struct guestmem *memory, struct display *display,
		   struct virtio_device **device)
{
	_cleanup_free_ struct gpu *gpu = calloc(1, sizeof(*gpu));
	int result;

	if (!gpu)
		return -ENOMEM;
	gpu->display = display;
	gpu->heads = display_heads(display);
	result = make(gpu, memory);
	if (result < 0) {
		free(gpu->extent);
		return result;
	}
	result = display_add_ops(display, &display_ops, gpu);
	if (result < 0) {
		gpu_free(&gpu->device);
		gpu = NULL;
		return result;
	}
	*device = &take_ptr(gpu)->device;
	return 0;
}
