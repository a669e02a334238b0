/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mem_blocks - which blocks of a region of memory are plugged in
 */
#ifndef LODGE_VMM_VIRTIO_MEM_BLOCKS_H
#define LODGE_VMM_VIRTIO_MEM_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem_blocks {
	uint64_t *bits; /* bit N: block N is plugged in */
	size_t count;
	size_t plugged; /* bits set */
};

/* None is plugged in. Return: 0 or -ENOMEM. */
int mem_blocks_init(struct mem_blocks *blocks, size_t count);
void mem_blocks_free(struct mem_blocks *blocks);

/* Ranges lie inside. */

/* Whether all of them are plugged in (@plugged), or all of them are not. */
bool mem_blocks_all(const struct mem_blocks *blocks, size_t first, size_t count, bool plugged);
void mem_blocks_set(struct mem_blocks *blocks, size_t first, size_t count, bool plugged);

#endif
