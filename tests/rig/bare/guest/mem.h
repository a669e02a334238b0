/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mem - a virtio memory device (virtio 1.2, 5.15) */
#ifndef BARE_MEM_H
#define BARE_MEM_H

#include "virtio.h"

#include <linux/virtio_mem.h>

struct mem {
	struct virtio device;
	struct virtqueue queue;
	struct virtio_mem_req *request;
	struct virtio_mem_resp *response;
};

bool mem_start(struct mem *mem);
/* A field of the configuration, by its offset: 64 bits. */
uint64_t mem_config(const struct mem *mem, uint64_t offset);
#define MEM_CONFIG(mem, field) mem_config(mem, offsetof(struct virtio_mem_config, field))

/* Return: the type of the response; -1 without one. The rest is in mem->response. */
int mem_ask(struct mem *mem, uint16_t type, uint64_t address, uint16_t blocks);

#endif
