/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/* A guest that gives pages away, takes them back and tells of its memory as it likes. What is given
 * back must be whole pages of RAM, and the count must be that of the pages inside. */
#include "host/vmm/virtio/balloon.h"
#include "tests/fuzz/virtio_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int give_back(void *owner, uint64_t offset, uint64_t length)
{
	(void)owner;
	if (length == 0 || (offset | length) % BALLOON_PAGE_BYTES != 0 ||
	    offset > GUEST_RAM_BYTES || length > GUEST_RAM_BYTES - offset)
		abort();
	return 0;
}

static void check(struct guest *guest)
{
	struct virtio_balloon_state state;

	virtio_balloon_read(guest->device, &state);
	if (state.balloon_bytes > GUEST_RAM_BYTES || state.actual_bytes > GUEST_RAM_BYTES ||
	    state.statistics.tags >> BALLOON_TAGS)
		abort();
}

/* A list of pages that are RAM, mostly: runs and holes as the input has it. */
static void send_pages(struct guest *guest, unsigned int queue, const uint8_t *command)
{
	uint32_t first = GUEST_RAM_AT / BALLOON_PAGE_BYTES, count = 1 + command[3];
	struct guest_buffer buffer = {GUEST_BUFFERS_AT + 0x8000, 4 * count, false};
	uint8_t *list = guest_at(guest, GUEST_BUFFERS_AT + 0x8000);

	if (guest->queue[queue].size == 0)
		return;
	for (uint32_t i = 0; i < count; i++)
		store_le32(list + 4 * (size_t)i,
			   first + (command[4] + i * command[5]) % (256U + (command[6] == 0)));
	guest_add(guest, queue, &buffer, 1);
	guest_kick(guest, queue);
}

static void report(struct guest *guest, const uint8_t *command)
{
	struct guest_buffer buffer = {GUEST_RAM_AT + load_le32(command + 4) % GUEST_RAM_BYTES,
				      load_le16(command + 8), true};
	unsigned int queue = 2 + command[3] % 3U;

	if (guest->queue[queue].size == 0)
		return;
	guest_add(guest, queue, &buffer, 1);
	guest_kick(guest, queue);
}

static void special(struct guest *guest, const uint8_t *command)
{
	switch (command[2] % 6) {
	case 0:
		send_pages(guest, VIRTIO_BALLOON_INFLATE, command);
		break;
	case 1:
		send_pages(guest, VIRTIO_BALLOON_DEFLATE, command);
		break;
	case 2:
		report(guest, command);
		break;
	case 3:
		(void)virtio_balloon_set_target(guest->device, load_le64(command + 4));
		break;
	case 4:
		virtio_balloon_set_period(guest->device, command[4] % 2U);
		break;
	default:
		virtio_balloon_seen(guest->device);
	}
	check(guest);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct virtio_balloon_setup setup = {.give_back = give_back};
	struct virtio_device *device;
	struct guest guest;

	guest_init(&guest);
	setup.memory = &guest.memory;
	if (virtio_balloon_new(&setup, &device) < 0)
		abort();
	fuzz_run(&guest, device, device->offered_features, special, bytes, size);
	return 0;
}
