/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/* A guest that plugs memory in and out as it likes. What is given back must be blocks of the
 * region, and no more may be plugged in than was ever requested. */
#include "host/vmm/virtio/mem.h"
#include "tests/fuzz/virtio_guest.h"

#include <linux/virtio_mem.h>

#define REGION (4 * VIRTIO_MEM_STEP_BYTES)
#define AT     0x100000000ULL

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct host {
	uint64_t reachable, most_requested, told;
};

static int give_back(void *owner, uint64_t offset, uint64_t length)
{
	(void)owner;
	if (length == 0 || (offset | length) % VIRTIO_MEM_BLOCK_BYTES != 0 || offset > REGION ||
	    length > REGION - offset)
		abort();
	return 0;
}

static int reach(void *owner, uint64_t bytes)
{
	struct host *host = owner;

	if (bytes > REGION || bytes % VIRTIO_MEM_STEP_BYTES != 0)
		abort();
	host->reachable = bytes;
	return 0;
}

static void plugged(void *owner, uint64_t bytes)
{
	((struct host *)owner)->told = bytes;
}

static const struct virtio_mem_ops ops = {give_back, reach, plugged};

static struct host host;

static void request(struct guest *guest, const uint8_t *command)
{
	struct virtio_mem_req request = {
		.type = htole16(command[3] % 5U),
		.u.plug = {.addr = htole64(AT +
					   (load_le32(command + 4) % 300) * VIRTIO_MEM_BLOCK_BYTES),
			   .nb_blocks = load_le16(command + 8)},
	};
	struct guest_buffer buffers[] = {
		{GUEST_BUFFERS_AT, sizeof(request), false},
		{GUEST_BUFFERS_AT + 64, sizeof(struct virtio_mem_resp), true},
	};

	if (guest->queue[0].size == 0)
		return;
	if (command[10] % 2)
		request.u.plug.nb_blocks %= htole16(16);
	memcpy(guest_at(guest, GUEST_BUFFERS_AT), &request, sizeof(request));
	guest_add(guest, 0, buffers, 2);
	guest_kick(guest, 0);
}

static void host_requests(struct guest *guest, const uint8_t *command)
{
	uint64_t bytes = load_le64(command + 4) % (REGION + VIRTIO_MEM_STEP_BYTES);

	if (virtio_mem_request(guest->device, bytes) == 0)
		host.most_requested = MAX(host.most_requested, bytes + VIRTIO_MEM_BLOCK_BYTES - 1);
}

static void special(struct guest *guest, const uint8_t *command)
{
	struct virtio_mem_state state;

	switch (command[2] % 8) {
	case 0:
		host_requests(guest, command);
		break;
	case 1:
		guest_set_status(guest, 0);
		virtio_mem_restart(guest->device);
		break;
	case 2:
		virtio_mem_seen(guest->device);
		break;
	default:
		request(guest, command);
	}
	virtio_mem_read(guest->device, &state);
	if (state.plugged_bytes != host.told || state.plugged_bytes > host.most_requested ||
	    state.plugged_bytes > state.usable_bytes || state.usable_bytes != host.reachable)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct virtio_mem_setup setup = {NULL, AT, REGION, &ops, &host};
	struct virtio_device *device;
	struct guest guest;

	host = (struct host){0};
	guest_init(&guest);
	setup.memory = &guest.memory;
	if (virtio_mem_new(&setup, &device) < 0)
		abort();
	fuzz_run(&guest, device, device->offered_features, special, bytes, size);
	return 0;
}
