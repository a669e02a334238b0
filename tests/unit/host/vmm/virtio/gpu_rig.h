/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gpu_rig - a GPU in a guest, whose driver is the test, and a screen at its other end
 *
 * Commands return the response's type.
 */
#ifndef LODGE_TEST_GPU_RIG_H
#define LODGE_TEST_GPU_RIG_H

#include "host/vmm/virtio/gpu.h"
#include "tests/unit/host/vmm/display_rig.h"
#include "tests/unit/host/vmm/virtio/guest.h"

#include <linux/virtio_gpu.h>

#define HEADS 2

#define REQUEST	 GUEST_BUFFERS_AT
#define ENTRIES	 (GUEST_BUFFERS_AT + 0x1000)
#define RESPONSE (GUEST_BUFFERS_AT + 0x4000)
#define PIXELS	 (GUEST_RAM_AT + 0x40000)
#define RAM_END	 (GUEST_RAM_AT + GUEST_RAM_BYTES)

#define BGRX VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM
#define OK   VIRTIO_GPU_RESP_OK_NODATA

struct gpu_rig {
	struct guest guest;
	struct display_rig rig;
	struct display_client client;
};

void gpu_rig_open(struct gpu_rig *gpu);
void gpu_rig_close(struct gpu_rig *gpu);

/* --- Commands --- */

/* @request, @entries as they are at ENTRIES, and @room for an answer at RESPONSE. Return: as above;
 * without room what was written. */
uint32_t gpu_rig_submit(struct gpu_rig *gpu, unsigned int queue, const void *request, uint32_t size,
			uint32_t entries, uint32_t room);
#define GPU_COMMAND(gpu, structure, command, ...)                                                  \
	({                                                                                         \
		struct structure request_ = {.hdr.type = (command), ##__VA_ARGS__};                \
                                                                                                   \
		gpu_rig_submit(gpu, VIRTIO_GPU_CONTROL, &request_, sizeof(request_), 0, 1100);     \
	})

uint32_t gpu_rig_create(struct gpu_rig *gpu, uint32_t id, uint32_t format, uint32_t width,
			uint32_t height);
void gpu_rig_set_entry(struct gpu_rig *gpu, unsigned int index, uint64_t address, uint32_t length);
/* Entries as gpu_rig_set_entry() left them. */
uint32_t gpu_rig_attach_entries(struct gpu_rig *gpu, uint32_t id, uint32_t claimed, uint32_t there);
uint32_t gpu_rig_attach(struct gpu_rig *gpu, uint32_t id, uint64_t address, uint32_t length);
uint32_t gpu_rig_detach(struct gpu_rig *gpu, uint32_t id);
uint32_t gpu_rig_unref(struct gpu_rig *gpu, uint32_t id);
uint32_t gpu_rig_scan_out(struct gpu_rig *gpu, uint32_t head, uint32_t id, uint32_t x, uint32_t y,
			  uint32_t width, uint32_t height);
uint32_t gpu_rig_flush(struct gpu_rig *gpu, uint32_t id, uint32_t x, uint32_t y, uint32_t width,
		       uint32_t height);
uint32_t gpu_rig_transfer(struct gpu_rig *gpu, uint32_t id, uint64_t offset, uint32_t x, uint32_t y,
			  uint32_t width, uint32_t height);
uint32_t gpu_rig_cursor(struct gpu_rig *gpu, uint32_t type, uint32_t head, uint32_t id, uint32_t x,
			uint32_t y, uint32_t hot_x, uint32_t hot_y);
/* A picture of 64x32 at PIXELS, on a head. */
void gpu_rig_show_a_picture(struct gpu_rig *gpu, uint32_t head, uint32_t id);
struct virtio_gpu_display_one gpu_rig_info(struct gpu_rig *gpu, unsigned int head);

/* --- The screen --- */

const struct channel_scanout *gpu_rig_shown(struct gpu_rig *gpu, unsigned int head);
/* The next packet, 0 if there is none. */
uint32_t gpu_rig_next_packet(struct gpu_rig *gpu, struct channel_damage *packet);
void gpu_rig_forget_packets(struct gpu_rig *gpu);
void gpu_rig_set_mode(struct gpu_rig *gpu, uint32_t head, bool enabled, uint32_t width,
		      uint32_t height, int32_t x);

#endif
