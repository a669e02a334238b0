/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Symbols in order of how often they come, and two queues: of those, and of nodes made of the two
 * rarest, which come out in order by themselves. Codes that are too long are cut, and others made
 * longer in their place.
 */
#include "host/screen/rfb/huffman.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOL_BITS 9U

static int compare(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* How often, then the symbol. Return: how many. */
static unsigned int sort(const uint32_t *often, unsigned int count, uint32_t *sorted)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (often[i])
			sorted[used++] = often[i] << SYMBOL_BITS | i;
	}
	for (unsigned int i = 0; used < 2; i++) {
		if (!often[i])
			sorted[used++] = 1U << SYMBOL_BITS | i;
	}
	qsort(sorted, used, sizeof(*sorted), compare);
	return used;
}

/* How many symbols have codes of each length, those beyond @limit as if they had just that. */
static void count_lengths(const uint32_t *sorted, unsigned int used, unsigned int limit,
			  unsigned int lengths[HUFFMAN_MAX_BITS + 1])
{
	uint32_t weight[HUFFMAN_MAX_SYMBOLS];
	uint16_t parent[2 * HUFFMAN_MAX_SYMBOLS];
	uint16_t depth[HUFFMAN_MAX_SYMBOLS];
	unsigned int leaf = 0, node = 0;

	for (unsigned int made = 0; made + 1 < used; made++) {
		weight[made] = 0;
		for (unsigned int i = 0; i < 2; i++) {
			if (leaf < used &&
			    (node == made || sorted[leaf] >> SYMBOL_BITS <= weight[node])) {
				weight[made] += sorted[leaf] >> SYMBOL_BITS;
				parent[leaf++] = (uint16_t)made;
			} else {
				weight[made] += weight[node];
				parent[HUFFMAN_MAX_SYMBOLS + node++] = (uint16_t)made;
			}
		}
	}
	memset(lengths, 0, (HUFFMAN_MAX_BITS + 1) * sizeof(*lengths));
	depth[used - 2] = 0;
	for (unsigned int i = used - 2; i-- > 0;)
		depth[i] = (uint16_t)(depth[parent[HUFFMAN_MAX_SYMBOLS + i]] + 1);
	for (unsigned int i = 0; i < used; i++) {
		unsigned int length = depth[parent[i]] + 1U;

		lengths[length < limit ? length : limit]++;
	}
}

/* All codes together are as many as there may be: 1 of no bits, or 2 of one. */
static void fit(unsigned int lengths[HUFFMAN_MAX_BITS + 1], unsigned int limit)
{
	uint32_t total = 0;

	for (unsigned int i = 1; i <= limit; i++)
		total += (uint32_t)lengths[i] << (limit - i);
	for (; total > 1U << limit; total--) {
		unsigned int longer = limit - 1;

		while (!lengths[longer])
			longer--;
		/* One of the longest takes a place beside that one. */
		lengths[longer]--;
		lengths[longer + 1] += 2;
		lengths[limit]--;
	}
}

static uint16_t reversed(unsigned int code, unsigned int length)
{
	unsigned int result = 0;

	for (; length; length--, code >>= 1)
		result = result << 1 | (code & 1);
	return (uint16_t)result;
}

void huffman_make(const uint32_t *often, unsigned int count, unsigned int limit,
		  struct huffman_code *code)
{
	unsigned int lengths[HUFFMAN_MAX_BITS + 1], next[HUFFMAN_MAX_BITS + 1];
	uint32_t sorted[HUFFMAN_MAX_SYMBOLS];
	unsigned int used = sort(often, count, sorted), at = 0, first = 0;

	count_lengths(sorted, used, limit, lengths);
	fit(lengths, limit);
	memset(code, 0, count * sizeof(*code));
	/* The rarest first. */
	for (unsigned int length = limit; length; length--) {
		for (unsigned int i = 0; i < lengths[length]; i++)
			code[sorted[at++] & ((1U << SYMBOL_BITS) - 1)].length = (uint16_t)length;
	}
	for (unsigned int length = 1; length <= limit; length++) {
		next[length] = first;
		first = (first + lengths[length]) << 1;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (code[i].length)
			code[i].bits = reversed(next[code[i].length]++, code[i].length);
	}
}
