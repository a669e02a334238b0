/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/* Requests to a disk of 1 MiB. */
#include "host/vmm/block/raw.h"
#include "host/vmm/virtio/blk.h"
#include "tests/fuzz/virtio_guest.h"

#include <linux/virtio_blk.h>
#include <sys/mman.h>

#define DISK_BYTES (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A request that looks like one: type, sector, and a chain for it. */
static void request(struct guest *guest, const uint8_t *command)
{
	static const uint8_t types[] = {VIRTIO_BLK_T_IN,      VIRTIO_BLK_T_OUT,
					VIRTIO_BLK_T_FLUSH,   VIRTIO_BLK_T_GET_ID,
					VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES};
	uint8_t *header = guest_at(guest, GUEST_BUFFERS_AT);
	bool to_guest = command[3] & 1;
	struct guest_buffer buffers[] = {
		{GUEST_BUFFERS_AT, 16, false},
		{GUEST_BUFFERS_AT + 0x1000, load_le16(command + 4) + 1U, to_guest},
		{GUEST_BUFFERS_AT + 0x20000, 1, true},
	};

	store_le32(header, types[command[2] % ARRAY_SIZE(types)]);
	store_le64(header + 8, load_le32(command + 6) % 4096);
	memcpy(guest_at(guest, GUEST_BUFFERS_AT + 0x1000), command + 4, 8);
	if (guest->queue[0].size == 0)
		return;
	guest_add(guest, 0, buffers, 3);
	guest_kick(guest, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("disk", MFD_CLOEXEC);
	struct virtio_device *device;
	struct block *block;
	struct guest guest;

	guest_init(&guest);
	if (ftruncate(fd, DISK_BYTES) < 0 ||
	    raw_open(fd, size > 0 && bytes[0] & 1, RAW_ENGINE_BEST, &block) < 0 ||
	    virtio_blk_new(&guest.memory, block, 0, "fuzz", 2, &guest.sandboxed, &device) < 0)
		abort();
	fuzz_run(&guest, device, device->offered_features, request, bytes, size);
	return 0;
}
