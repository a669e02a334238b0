/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mem.h"

#include "io.h"
#include "lib.h"

bool mem_start(struct mem *mem)
{
	*mem = (struct mem){
		.request = allocate(sizeof(*mem->request), 16),
		.response = allocate(sizeof(*mem->response), 16),
	};
	if (!virtio_find(&mem->device, VIRTIO_ID_MEM, 0) ||
	    !virtio_negotiate(&mem->device, FEATURE(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE)) ||
	    !virtqueue_start(&mem->queue, &mem->device, 0))
		return false;
	virtio_driver_ok(&mem->device);
	return !virtio_needs_reset(&mem->device);
}

uint64_t mem_config(const struct mem *mem, uint64_t offset)
{
	uint64_t low = mmio_read32(mem->device.config + offset);

	return low | (uint64_t)mmio_read32(mem->device.config + offset + 4) << 32;
}

int mem_ask(struct mem *mem, uint16_t type, uint64_t address, uint16_t blocks)
{
	struct buffer buffers[] = {
		{mem->request, sizeof(*mem->request), false},
		{mem->response, sizeof(*mem->response), true},
	};

	*mem->request = (struct virtio_mem_req){.type = type};
	mem->request->u.plug = (struct virtio_mem_req_plug){.addr = address, .nb_blocks = blocks};
	mem->response->type = UINT16_MAX;
	if (virtqueue_add(&mem->queue, buffers, 2) < 0 || virtqueue_exchange(&mem->queue, NULL) < 0)
		return -1;
	return mem->response->type;
}
