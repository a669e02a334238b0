/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/mem_blocks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define WORD_BITS 64

int mem_blocks_init(struct mem_blocks *blocks, size_t count)
{
	*blocks = (struct mem_blocks){
		.bits = calloc((count + WORD_BITS - 1) / WORD_BITS, sizeof(*blocks->bits)),
		.count = count,
	};
	return blocks->bits ? 0 : -ENOMEM;
}

void mem_blocks_free(struct mem_blocks *blocks)
{
	free(blocks->bits);
	blocks->bits = NULL;
}

static void check(const struct mem_blocks *blocks, size_t first, size_t count)
{
	assert(first <= blocks->count && count <= blocks->count - first);
}

/* The part of a range that lies in the word of its first block. */
static uint64_t mask_of(size_t first, size_t count, size_t *taken)
{
	size_t at = first % WORD_BITS, left = WORD_BITS - at;

	*taken = count < left ? count : left;
	return (*taken == WORD_BITS ? UINT64_MAX : (1ULL << *taken) - 1) << at;
}

bool mem_blocks_all(const struct mem_blocks *blocks, size_t first, size_t count, bool plugged)
{
	check(blocks, first, count);
	for (size_t taken; count > 0; first += taken, count -= taken) {
		uint64_t mask = mask_of(first, count, &taken);

		if ((blocks->bits[first / WORD_BITS] & mask) != (plugged ? mask : 0))
			return false;
	}
	return true;
}

void mem_blocks_set(struct mem_blocks *blocks, size_t first, size_t count, bool plugged)
{
	check(blocks, first, count);
	for (size_t taken; count > 0; first += taken, count -= taken) {
		uint64_t mask = mask_of(first, count, &taken);
		uint64_t *word = &blocks->bits[first / WORD_BITS];

		blocks->plugged -= (size_t)__builtin_popcountll(*word & mask);
		if (plugged)
			blocks->plugged += (size_t)__builtin_popcountll(mask);
		*word = plugged ? *word | mask : *word & ~mask;
	}
}
