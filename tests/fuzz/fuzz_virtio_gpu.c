/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/* Commands to the graphics adapter, and packets of a lodge-screen that is none. */
#include "host/vmm/virtio/gpu.h"
#include "tests/fuzz/virtio_guest.h"
#include "tests/unit/host/vmm/display_rig.h"

#include <linux/virtio_gpu.h>

#define ENTRIES	 (GUEST_BUFFERS_AT + 0x1000)
#define RESPONSE (GUEST_BUFFERS_AT + 0x2000)
#define HEADS	 3

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct display_rig rig;
static struct display_client client;

/* Sizes and places at which something may go wrong. */
static uint32_t number(uint8_t byte)
{
	static const uint32_t edges[] = {64, 63, 1024, 8192, 8193, 16384, 65536, UINT32_MAX};

	return byte < 248 ? byte % 72 : edges[byte - 248];
}

static void write_entries(struct guest *guest, const uint8_t *command)
{
	for (unsigned int i = 0; i < 4; i++) {
		uint8_t *entry = (uint8_t *)guest_at(guest, ENTRIES) + 16 * (size_t)i;

		store_le64(entry, GUEST_RAM_AT + load_le16(command + 4) * 16ULL * (i + 1));
		store_le32(entry + 8, number(command[6]) * (command[7] + 1U));
	}
}

/* A command that looks like one: its type, then fields of which many are alike in all commands:
 * id, format or rectangle. */
static void issue(struct guest *guest, const uint8_t *command)
{
	static const uint16_t types[] = {
		VIRTIO_GPU_CMD_GET_DISPLAY_INFO,	VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		VIRTIO_GPU_CMD_RESOURCE_UNREF,		VIRTIO_GPU_CMD_SET_SCANOUT,
		VIRTIO_GPU_CMD_RESOURCE_FLUSH,		VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
		VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING,
		VIRTIO_GPU_CMD_GET_CAPSET_INFO,		VIRTIO_GPU_CMD_GET_EDID,
		VIRTIO_GPU_CMD_UPDATE_CURSOR,		VIRTIO_GPU_CMD_MOVE_CURSOR,
	};
	static const uint8_t formats[] = {1, 2, 3, 4, 67, 68, 121, 134, 5};
	uint16_t type = types[command[2] % ARRAY_SIZE(types)];
	unsigned int queue = type >= VIRTIO_GPU_CMD_UPDATE_CURSOR;
	uint8_t *request = guest_at(guest, GUEST_BUFFERS_AT), *fields = request + 24;
	uint32_t id = command[3] % 8;
	struct guest_buffer buffers[] = {
		{GUEST_BUFFERS_AT, 56, false}, {ENTRIES, 64, false}, {RESPONSE, 1056, true}};

	memset(request, 0, 64);
	store_le32(request, type);
	store_le32(request + 4, command[2] >> 7);
	switch (type) {
	case VIRTIO_GPU_CMD_RESOURCE_CREATE_2D:
		store_le32(fields, id);
		store_le32(fields + 4, formats[command[4] % ARRAY_SIZE(formats)]);
		store_le32(fields + 8, number(command[5]));
		store_le32(fields + 12, number(command[6]));
		break;
	case VIRTIO_GPU_CMD_SET_SCANOUT:
	case VIRTIO_GPU_CMD_RESOURCE_FLUSH:
	case VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D:
		for (unsigned int i = 0; i < 4; i++)
			store_le32(fields + 4 * (size_t)i, number(command[4 + i]));
		store_le32(fields + 16, type == VIRTIO_GPU_CMD_SET_SCANOUT ? command[8] % 4U : id);
		store_le32(fields + 20, id);
		store_le32(fields + 24, id);
		break;
	case VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING:
		store_le32(fields, id);
		store_le32(fields + 4, number(command[8]) % 72 % 6);
		buffers[0].length = 32;
		write_entries(guest, command);
		break;
	case VIRTIO_GPU_CMD_UPDATE_CURSOR:
	case VIRTIO_GPU_CMD_MOVE_CURSOR:
		store_le32(fields, command[4] % 4);
		store_le32(fields + 4, number(command[5]));
		store_le32(fields + 8, number(command[6]));
		store_le32(fields + 16, id);
		store_le32(fields + 20, number(command[7]));
		store_le32(fields + 24, number(command[8]));
		break;
	default:
		store_le32(fields, id);
	}
	if (guest->queue[queue].size == 0)
		return;
	guest_add(guest, queue, buffers, 3);
	guest_kick(guest, queue);
}

static void talk(const uint8_t *command)
{
	uint32_t packet[16] = {command[2] % 24U, command[3] % 4U, command[4],
			       number(command[5]) * 64, number(command[6]) * 64};
	static const size_t sizes[] = {8, 12, 36, 24, 4, 64, 1, 16};

	display_client_send(&client, packet, sizes[command[7] % ARRAY_SIZE(sizes)]);
	display_rig_turn(&rig);
}

static void special(struct guest *guest, const uint8_t *command)
{
	uint32_t packet[16];

	if (command[1] % 8 == 7)
		talk(command);
	else if (command[1] % 8 == 6)
		display_client_next(&client, &rig, command[2] % HEADS);
	else
		issue(guest, command);
	while (command[1] % 8 > 4 && display_client_receive(&client, packet, sizeof(packet)) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct virtio_device *device;
	struct guest guest;

	guest_init(&guest);
	display_rig_open(&rig, guest.ram, GUEST_RAM_BYTES, HEADS);
	if (!display_client_open(&client, &rig) ||
	    virtio_gpu_new(&guest.memory, rig.display, &device) < 0)
		abort();
	fuzz_run(&guest, device, device->offered_features, special, bytes, size);
	display_client_close(&client);
	display_rig_close(&rig);
	return 0;
}
