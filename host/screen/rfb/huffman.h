/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * huffman - codes for symbols by how often they come, as deflate has them (RFC 1951, 3.2.2)
 */
#ifndef LODGE_SCREEN_RFB_HUFFMAN_H
#define LODGE_SCREEN_RFB_HUFFMAN_H

#include <stdint.h>

#define HUFFMAN_MAX_SYMBOLS 288U
#define HUFFMAN_MAX_BITS    15U

struct huffman_code {
	uint16_t bits; /* the first to be sent is the lowest */
	uint16_t length;
};

/**
 * huffman_make() - codes of at most @limit bits
 * @often:	of each of @count symbols; the sum is at most 2^20
 * @code:	receives a code for each that comes, and for at least two; others have length 0
 */
void huffman_make(const uint32_t *often, unsigned int count, unsigned int limit,
		  struct huffman_code *code);

#endif
