/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/vmm/virtio/gpu_rig.h"

#include "protocol/base/bytes.h"

#include <check.h>
#include <string.h>

void gpu_rig_open(struct gpu_rig *gpu)
{
	struct virtio_device *device;

	guest_init(&gpu->guest);
	display_rig_open(&gpu->rig, gpu->guest.ram, GUEST_RAM_BYTES, HEADS);
	ck_assert_int_eq(virtio_gpu_new(&gpu->guest.memory, gpu->rig.display, &device), 0);
	guest_plug(&gpu->guest, device);
	ck_assert(guest_bring_up(&gpu->guest, VIRTIO_FEATURE(VIRTIO_GPU_F_EDID)));
	ck_assert(display_client_open(&gpu->client, &gpu->rig));
}

void gpu_rig_close(struct gpu_rig *gpu)
{
	display_client_close(&gpu->client);
	guest_free(&gpu->guest);
	display_rig_close(&gpu->rig);
}

uint32_t gpu_rig_submit(struct gpu_rig *gpu, unsigned int queue, const void *request, uint32_t size,
			uint32_t entries, uint32_t room)
{
	struct guest_buffer buffers[3] = {{REQUEST, size, false}};
	unsigned int count = 1;
	uint32_t id, written;

	memcpy(guest_at(&gpu->guest, REQUEST), request, size);
	memset(guest_at(&gpu->guest, RESPONSE), 0xee, 2048);
	if (entries)
		buffers[count++] = (struct guest_buffer){ENTRIES, entries * 16, false};
	if (room)
		buffers[count++] = (struct guest_buffer){RESPONSE, room, true};
	guest_add(&gpu->guest, queue, buffers, count);
	guest_kick(&gpu->guest, queue);
	ck_assert(guest_take_used(&gpu->guest, queue, &id, &written));
	return room >= 4 ? load_le32(guest_at(&gpu->guest, RESPONSE)) : written;
}

uint32_t gpu_rig_create(struct gpu_rig *gpu, uint32_t id, uint32_t format, uint32_t width,
			uint32_t height)
{
	return GPU_COMMAND(gpu, virtio_gpu_resource_create_2d, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
			   .resource_id = id, .format = format, .width = width, .height = height);
}

void gpu_rig_set_entry(struct gpu_rig *gpu, unsigned int index, uint64_t address, uint32_t length)
{
	uint8_t *entry = (uint8_t *)guest_at(&gpu->guest, ENTRIES) + 16 * (size_t)index;

	store_le64(entry, address);
	store_le32(entry + 8, length);
}

uint32_t gpu_rig_attach_entries(struct gpu_rig *gpu, uint32_t id, uint32_t claimed, uint32_t there)
{
	struct virtio_gpu_resource_attach_backing request = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = id,
		.nr_entries = claimed};

	return gpu_rig_submit(gpu, VIRTIO_GPU_CONTROL, &request, sizeof(request), there, 24);
}

uint32_t gpu_rig_attach(struct gpu_rig *gpu, uint32_t id, uint64_t address, uint32_t length)
{
	gpu_rig_set_entry(gpu, 0, address, length);
	return gpu_rig_attach_entries(gpu, id, 1, 1);
}

uint32_t gpu_rig_detach(struct gpu_rig *gpu, uint32_t id)
{
	return GPU_COMMAND(gpu, virtio_gpu_resource_detach_backing,
			   VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, .resource_id = id);
}

uint32_t gpu_rig_unref(struct gpu_rig *gpu, uint32_t id)
{
	return GPU_COMMAND(gpu, virtio_gpu_resource_unref, VIRTIO_GPU_CMD_RESOURCE_UNREF,
			   .resource_id = id);
}

uint32_t gpu_rig_scan_out(struct gpu_rig *gpu, uint32_t head, uint32_t id, uint32_t x, uint32_t y,
			  uint32_t width, uint32_t height)
{
	return GPU_COMMAND(gpu, virtio_gpu_set_scanout, VIRTIO_GPU_CMD_SET_SCANOUT,
			   .scanout_id = head, .resource_id = id, .r = {x, y, width, height});
}

uint32_t gpu_rig_flush(struct gpu_rig *gpu, uint32_t id, uint32_t x, uint32_t y, uint32_t width,
		       uint32_t height)
{
	return GPU_COMMAND(gpu, virtio_gpu_resource_flush, VIRTIO_GPU_CMD_RESOURCE_FLUSH,
			   .resource_id = id, .r = {x, y, width, height});
}

uint32_t gpu_rig_transfer(struct gpu_rig *gpu, uint32_t id, uint64_t offset, uint32_t x, uint32_t y,
			  uint32_t width, uint32_t height)
{
	return GPU_COMMAND(gpu, virtio_gpu_transfer_to_host_2d, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
			   .resource_id = id, .offset = offset, .r = {x, y, width, height});
}

uint32_t gpu_rig_cursor(struct gpu_rig *gpu, uint32_t type, uint32_t head, uint32_t id, uint32_t x,
			uint32_t y, uint32_t hot_x, uint32_t hot_y)
{
	struct virtio_gpu_update_cursor request = {.hdr.type = type,
						   .pos = {head, x, y},
						   .resource_id = id,
						   .hot_x = hot_x,
						   .hot_y = hot_y};

	return gpu_rig_submit(gpu, VIRTIO_GPU_CURSOR, &request, sizeof(request), 0, 24);
}

void gpu_rig_show_a_picture(struct gpu_rig *gpu, uint32_t head, uint32_t id)
{
	ck_assert_uint_eq(gpu_rig_create(gpu, id, BGRX, 64, 32), OK);
	ck_assert_uint_eq(gpu_rig_attach(gpu, id, PIXELS, 64 * 32 * 4), OK);
	ck_assert_uint_eq(gpu_rig_scan_out(gpu, head, id, 0, 0, 64, 32), OK);
}

const struct channel_scanout *gpu_rig_shown(struct gpu_rig *gpu, unsigned int head)
{
	return &gpu->client.area->scanout[head];
}

uint32_t gpu_rig_next_packet(struct gpu_rig *gpu, struct channel_damage *packet)
{
	memset(packet, 0, sizeof(*packet));
	display_rig_turn(&gpu->rig);
	return display_client_receive(&gpu->client, packet, sizeof(*packet)) > 0 ? packet->kind : 0;
}

void gpu_rig_forget_packets(struct gpu_rig *gpu)
{
	struct channel_damage packet;

	while (gpu_rig_next_packet(gpu, &packet) != 0)
		;
}

void gpu_rig_set_mode(struct gpu_rig *gpu, uint32_t head, bool enabled, uint32_t width,
		      uint32_t height, int32_t x)
{
	struct channel_mode mode = {CHANNEL_MODE, head, enabled, width, height, 0, 0, x, 0};

	display_client_send(&gpu->client, &mode, sizeof(mode));
	display_rig_turn(&gpu->rig);
}

struct virtio_gpu_display_one gpu_rig_info(struct gpu_rig *gpu, unsigned int head)
{
	const struct virtio_gpu_resp_display_info *info = guest_at(&gpu->guest, RESPONSE);
	struct virtio_gpu_ctrl_hdr request = {.type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO};

	ck_assert_uint_eq(
		gpu_rig_submit(gpu, VIRTIO_GPU_CONTROL, &request, sizeof(request), 0, 1100),
		VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	return info->pmodes[head];
}
