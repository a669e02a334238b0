/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest whose driver is made of the fuzzer's bytes
 *
 * The input is a list of commands of a fixed size: write a register, put bytes into a ring or a
 * buffer, add a chain, kick, reset, wait. Half of them follow the rules so that the device is
 * reached behind its ring; the other half do anything.
 */
#ifndef LODGE_FUZZ_VIRTIO_GUEST_H
#define LODGE_FUZZ_VIRTIO_GUEST_H

#include "protocol/base/log.h"
#include "tests/unit/host/vmm/virtio/guest.h"

#define FUZZ_COMMAND_BYTES 12
#define FUZZ_MAX_COMMANDS  200

enum fuzz_command {
	FUZZ_REGISTER_WRITE,
	FUZZ_REGISTER_READ,
	FUZZ_RING_BYTES,
	FUZZ_BUFFER_BYTES,
	FUZZ_CHAIN,
	FUZZ_KICK,
	FUZZ_BRING_UP,
	FUZZ_SPECIAL, /* the target's own */
	FUZZ_COMMANDS,
};

/* A target's own commands, such as bytes from the other side. */
typedef void (*fuzz_special)(struct guest *guest, const uint8_t command[FUZZ_COMMAND_BYTES]);

/* A chain of up to four pieces: lengths and directions from the input; its beginning is at the
 * first buffer, where FUZZ_BUFFER_BYTES writes, so that headers are the input's, too. */
static inline void fuzz_chain(struct guest *guest, unsigned int queue, const uint8_t *bytes)
{
	static const uint32_t lengths[] = {1, 7, 8, 12, 16, 60, 512, 4096};
	unsigned int count = 1 + bytes[0] % 4;
	struct guest_buffer buffers[4];

	for (unsigned int i = 0; i < count; i++) {
		uint8_t shape = bytes[1 + i];

		buffers[i] = (struct guest_buffer){
			.gpa = GUEST_BUFFERS_AT + (shape & 0x80 ? 0x4000U * i : 64U * i),
			.length = lengths[shape % ARRAY_SIZE(lengths)],
			.writable = shape & 0x40,
		};
	}
	guest_add(guest, queue, buffers, count);
}

static inline void fuzz_execute(struct guest *guest, const uint8_t command[FUZZ_COMMAND_BYTES],
				uint64_t features, fuzz_special special)
{
	static const unsigned int widths[] = {1, 2, 4, 8};
	unsigned int queue = command[1] % guest->device->queues;
	unsigned int width = widths[command[1] % ARRAY_SIZE(widths)];
	uint64_t offset = load_le16(command + 2), value = load_le64(command + 4);

	switch (command[0] % FUZZ_COMMANDS) {
	case FUZZ_REGISTER_WRITE:
		guest_write(guest, offset % (VIRTIO_BAR_BYTES - 8), width, value);
		break;
	case FUZZ_REGISTER_READ:
		guest_read(guest, offset % (VIRTIO_BAR_BYTES - 8), width);
		break;
	case FUZZ_RING_BYTES:
		memcpy(guest->ram + queue * GUEST_QUEUE_BYTES + offset % (GUEST_QUEUE_BYTES - 8),
		       command + 4, 8);
		break;
	case FUZZ_BUFFER_BYTES:
		memcpy((uint8_t *)guest_at(guest, GUEST_BUFFERS_AT) + offset % 256, command + 4, 8);
		break;
	case FUZZ_CHAIN:
		if (guest->queue[queue].size > 0)
			fuzz_chain(guest, queue, command + 4);
		break;
	case FUZZ_KICK:
		guest_write(guest, VIRTIO_BAR_NOTIFY + queue * VIRTIO_BAR_NOTIFY_MULTIPLIER, 2,
			    queue);
		guest_run_rounds(guest, 2);
		break;
	case FUZZ_BRING_UP:
		guest_bring_up(guest, features & value);
		break;
	case FUZZ_SPECIAL:
		if (special)
			special(guest, command);
		break;
	}
}

/* @features: what a driver may negotiate. The device becomes the guest's. */
static inline void fuzz_run(struct guest *guest, struct virtio_device *device, uint64_t features,
			    fuzz_special special, const uint8_t *bytes, size_t size)
{
	log_setup("fuzz", LOG_LEVEL_ERROR);
	guest_plug(guest, device);
	features |= VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
		    VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX);
	guest_bring_up(guest, features);
	for (int i = 0; i < FUZZ_MAX_COMMANDS && size >= FUZZ_COMMAND_BYTES; i++) {
		fuzz_execute(guest, bytes, features, special);
		bytes += FUZZ_COMMAND_BYTES;
		size -= FUZZ_COMMAND_BYTES;
	}
	guest_run_rounds(guest, 2);
	guest_free(guest);
}

#endif
