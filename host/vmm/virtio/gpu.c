/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/gpu_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"

#include <linux/virtio_ids.h>
#include <stdio.h>

/* A list of 65,536 pages lies in 256 pages itself, and is part of a chain. */
#define QUEUE_SIZE	  512
#define BUDGET		  64 /* commands before other descriptors have their turn */
#define PCI_CLASS_DISPLAY 0x038000
static struct gpu *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct gpu, device);
}

/* --- Queues -------------------------------------------------------------------------------------
 */

static const struct {
	uint32_t type;
	unsigned int queue;
	size_t in_size;
	uint32_t (*execute)(struct gpu_command *command);
} table[] = {
	{VIRTIO_GPU_CMD_GET_DISPLAY_INFO, VIRTIO_GPU_CONTROL, sizeof(struct virtio_gpu_ctrl_hdr),
	 gpu_get_display_info},
	{VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_create_2d), gpu_create_2d},
	{VIRTIO_GPU_CMD_RESOURCE_UNREF, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_unref), gpu_unref},
	{VIRTIO_GPU_CMD_SET_SCANOUT, VIRTIO_GPU_CONTROL, sizeof(struct virtio_gpu_set_scanout),
	 gpu_set_scanout},
	{VIRTIO_GPU_CMD_RESOURCE_FLUSH, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_flush), gpu_flush},
	{VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_transfer_to_host_2d), gpu_transfer},
	{VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_attach_backing), gpu_attach},
	{VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_resource_detach_backing), gpu_detach},
	{VIRTIO_GPU_CMD_GET_CAPSET_INFO, VIRTIO_GPU_CONTROL,
	 sizeof(struct virtio_gpu_get_capset_info), gpu_get_capset_info},
	{VIRTIO_GPU_CMD_GET_EDID, VIRTIO_GPU_CONTROL, sizeof(struct virtio_gpu_cmd_get_edid),
	 gpu_get_edid},
	{VIRTIO_GPU_CMD_UPDATE_CURSOR, VIRTIO_GPU_CURSOR, sizeof(struct virtio_gpu_update_cursor),
	 gpu_update_cursor},
	{VIRTIO_GPU_CMD_MOVE_CURSOR, VIRTIO_GPU_CURSOR, sizeof(struct virtio_gpu_update_cursor),
	 gpu_move_cursor},
};

static uint32_t execute(struct gpu_command *command, unsigned int queue, size_t in_size)
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
	struct gpu_command command = {
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

		gpu->scanout[i] = (struct gpu_scanout){0};
		gpu_show_nothing(gpu, i);
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
