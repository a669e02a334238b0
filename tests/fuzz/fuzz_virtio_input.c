/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/* A guest that takes events as it likes, and events that come as they like. */
#include "host/vmm/virtio/input.h"
#include "tests/fuzz/virtio_guest.h"

#include <linux/input-event-codes.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void status(struct guest *guest, const uint8_t *command)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT + 0x1000, command[3] % 16 + 1U, false};

	memcpy(guest_at(guest, GUEST_BUFFERS_AT + 0x1000), command + 4, 8);
	if (guest->queue[VIRTIO_INPUT_STATUS].size == 0)
		return;
	guest_add(guest, VIRTIO_INPUT_STATUS, &buffer, 1);
	guest_kick(guest, VIRTIO_INPUT_STATUS);
}

static void buffers(struct guest *guest, unsigned int count)
{
	struct guest_buffer buffer = {GUEST_BUFFERS_AT + 0x2000, 8, true};

	for (unsigned int i = 0; i < count && guest->queue[VIRTIO_INPUT_EVENTS].size > 0; i++)
		guest_add(guest, VIRTIO_INPUT_EVENTS, &buffer, 1);
	guest_run_rounds(guest, 2);
}

static void special(struct guest *guest, const uint8_t *command)
{
	uint32_t value = load_le32(command + 4);

	switch (command[2] % 7) {
	case 0:
		virtio_input_key(guest->device, value % (KEY_CNT + 2), command[3] & 1);
		break;
	case 1:
		virtio_input_move_to(guest->device, value, load_le32(command + 8));
		break;
	case 2:
		virtio_input_move_by(guest->device, (int32_t)value, command[3]);
		break;
	case 3:
		virtio_input_turn(guest->device, command[3], (int32_t)value);
		break;
	case 4:
		virtio_input_release_all(guest->device);
		break;
	case 5:
		/* Many: more than wait. */
		for (unsigned int i = 0; i < command[3] * 4U; i++)
			virtio_input_key(guest->device, BTN_LEFT + i % 2, i & 2);
		for (unsigned int i = 0; i < command[3] * 4U; i++)
			virtio_input_key(guest->device, KEY_A + i % 2, i & 2);
		buffers(guest, command[4] % 64);
		break;
	default:
		status(guest, command);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct virtio_device *device;
	struct guest guest;

	guest_init(&guest);
	if (virtio_input_new(&guest.memory, size > 0 ? bytes[0] % VIRTIO_INPUT_KINDS : 0, NULL,
			     NULL, &device) < 0)
		abort();
	fuzz_run(&guest, device, device->offered_features, special, bytes, size);
	return 0;
}
