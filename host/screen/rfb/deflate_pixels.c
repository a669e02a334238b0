/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where three bytes were last is kept by their hash, and behind it where they were before that. The
 * longest of the first few is taken at once. Tokens, of bytes and of matches, are gathered until a
 * block is full, which gets codes of its own.
 */
#include "host/screen/rfb/deflate_pixels.h"

#include "host/screen/rfb/huffman.h"

#include <errno.h>

#define HASH_BITS    15U
#define WINDOW	     (32U << 10)
#define BLOCK_TOKENS (32U << 10)
#define MIN_MATCH    3U
#define MAX_MATCH    258U
#define LITERALS     286U
#define DISTANCES    30U
#define LENGTH_CODES 19U
#define END_OF_BLOCK 256U
#define FIRST_LENGTH 257U
#define TOKEN_BYTES  6U	  /* at most: 15 + 5 + 15 + 13 bits */
#define HEADER_BYTES 512U /* more than it can be */

struct work {
	uint32_t head[1U << HASH_BITS]; /* where, + 1; 0: nowhere */
	uint32_t before[WINDOW];
	uint32_t token[BLOCK_TOKENS]; /* distance << 8 | length - MIN_MATCH; or a byte */
};
_Static_assert(sizeof(struct work) <= DEFLATE_PIXELS_MEMORY, "as its header says");

struct block {
	unsigned int tokens;
	uint32_t literals[LITERALS], distances[DISTANCES]; /* how often each */
};

/* --- Symbols (3.2.5) -------------------------------------------------------------------------- */

struct symbol {
	unsigned int code, extra; /* so many bits of the value follow */
};

static inline unsigned int highest_bit(unsigned int value)
{
	return 31U - (unsigned int)__builtin_clz(value);
}

/* @length: less MIN_MATCH. */
static inline struct symbol symbol_of_length(unsigned int length)
{
	unsigned int extra;

	if (length < 8)
		return (struct symbol){FIRST_LENGTH + length, 0};
	if (length == MAX_MATCH - MIN_MATCH)
		return (struct symbol){LITERALS - 1, 0};
	extra = highest_bit(length) - 2;
	return (struct symbol){FIRST_LENGTH + 4 * extra + (length >> extra), extra};
}

/* @distance: less 1. */
static inline struct symbol symbol_of_distance(unsigned int distance)
{
	unsigned int extra;

	if (distance < 4)
		return (struct symbol){distance, 0};
	extra = highest_bit(distance) - 1;
	return (struct symbol){2 * extra + (distance >> extra), extra};
}

/* --- Writing ---------------------------------------------------------------------------------- */

struct bits {
	uint8_t *at;
	uint64_t held;
	unsigned int count; /* of bits that are held */
};

/* At most 48 bits between two calls of bits_flush(). */
static inline void bits_put(struct bits *bits, uint32_t value, unsigned int count)
{
	bits->held |= (uint64_t)value << bits->count;
	bits->count += count;
}

static inline void bits_put_code(struct bits *bits, struct huffman_code code)
{
	bits_put(bits, code.bits, code.length);
}

/* Eight bytes are written, of which those that are not whole are written again. */
static inline void bits_flush(struct bits *bits)
{
	store_le64(bits->at, bits->held);
	bits->at += bits->count / 8;
	bits->held >>= bits->count / 8 * 8;
	bits->count %= 8;
}

/* Lengths of codes, those that repeat as repetitions (3.2.7). Return: how many symbols. */
static unsigned int pack_lengths(const uint8_t *length, unsigned int count, uint8_t *symbol,
				 uint8_t *extra)
{
	unsigned int made = 0;

	for (unsigned int i = 0; i < count;) {
		unsigned int run = 1, most = length[i] ? 6 : 138;

		while (i + run < count && length[i + run] == length[i] &&
		       run < most + (length[i] != 0))
			run++;
		extra[made] = 0;
		if (!length[i] && run >= 3) {
			symbol[made] = run <= 10 ? 17 : 18;
			extra[made++] = (uint8_t)(run - (run <= 10 ? 3 : 11));
		} else if (length[i] && run >= 4) {
			symbol[made++] = length[i];
			symbol[made] = 16;
			extra[made++] = (uint8_t)(run - 4);
		} else {
			symbol[made++] = length[i];
			run = 1;
		}
		i += run;
	}
	return made;
}

static void put_lengths(struct bits *bits, const struct huffman_code *literals,
			const struct huffman_code *distances)
{
	static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
						    11, 4,  12, 3, 13, 2, 14, 1, 15};
	uint8_t length[LITERALS + DISTANCES], symbol[LITERALS + DISTANCES],
		extra[LITERALS + DISTANCES];
	struct huffman_code code[LENGTH_CODES];
	uint32_t often[LENGTH_CODES] = {0};
	unsigned int made, sent = LENGTH_CODES;

	for (unsigned int i = 0; i < LITERALS; i++)
		length[i] = (uint8_t)literals[i].length;
	for (unsigned int i = 0; i < DISTANCES; i++)
		length[LITERALS + i] = (uint8_t)distances[i].length;
	made = pack_lengths(length, LITERALS + DISTANCES, symbol, extra);
	for (unsigned int i = 0; i < made; i++)
		often[symbol[i]]++;
	huffman_make(often, LENGTH_CODES, 7, code);
	while (sent > 4 && !code[order[sent - 1]].length)
		sent--;
	bits_put(bits, LITERALS - 257, 5);
	bits_put(bits, DISTANCES - 1, 5);
	bits_put(bits, sent - 4, 4);
	bits_flush(bits);
	for (unsigned int i = 0; i < sent; i++) {
		bits_put(bits, code[order[i]].length, 3);
		bits_flush(bits);
	}
	for (unsigned int i = 0; i < made; i++) {
		bits_put_code(bits, code[symbol[i]]);
		if (symbol[i] >= 16)
			bits_put(bits, extra[i], symbol[i] == 16 ? 2 : symbol[i] == 17 ? 3 : 7);
		bits_flush(bits);
	}
}

static void put_tokens(struct bits *bits, const uint32_t *token, unsigned int count,
		       const struct huffman_code *literals, const struct huffman_code *distances)
{
	struct bits put = *bits;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int length = token[i] & 0xff, distance = token[i] >> 8;
		struct symbol symbol;

		if (!distance) {
			bits_put_code(&put, literals[length]);
			bits_flush(&put);
			continue;
		}
		symbol = symbol_of_length(length);
		bits_put_code(&put, literals[symbol.code]);
		bits_put(&put, length & ((1U << symbol.extra) - 1), symbol.extra);
		symbol = symbol_of_distance(--distance);
		bits_put_code(&put, distances[symbol.code]);
		bits_put(&put, distance & ((1U << symbol.extra) - 1), symbol.extra);
		bits_flush(&put);
	}
	*bits = put;
}

/* Bits that were left of the block before go first. 0 or -ENOMEM. */
static int put_block(struct bits *bits, struct work *work, struct block *block, struct wire *out)
{
	struct huffman_code literals[LITERALS], distances[DISTANCES];

	bits->at = wire_room(out, HEADER_BYTES + (size_t)block->tokens * TOKEN_BYTES);
	if (!bits->at)
		return -ENOMEM;
	block->literals[END_OF_BLOCK]++;
	huffman_make(block->literals, LITERALS, HUFFMAN_MAX_BITS, literals);
	huffman_make(block->distances, DISTANCES, HUFFMAN_MAX_BITS, distances);
	bits_put(bits, 2 << 1, 3); /* codes of its own, not the last */
	put_lengths(bits, literals, distances);
	put_tokens(bits, work->token, block->tokens, literals, distances);
	bits_put_code(bits, literals[END_OF_BLOCK]);
	bits_flush(bits);
	wire_filled(out, (size_t)(bits->at - (out->bytes + out->length)));
	*block = (struct block){0};
	return 0;
}

/* An empty block of bytes as they are. */
static int put_sync(struct bits *bits, struct wire *out)
{
	bits->at = wire_room(out, 16);
	if (!bits->at)
		return -ENOMEM;
	bits_put(bits, 0, 3);
	bits->count = (bits->count + 7) / 8 * 8;
	bits_flush(bits);
	bits_put(bits, 0xffff0000U, 32);
	bits_flush(bits);
	wire_filled(out, (size_t)(bits->at - (out->bytes + out->length)));
	return 0;
}

/* --- Matches ---------------------------------------------------------------------------------- */

static inline uint32_t hash_of(uint32_t three)
{
	return ((three << 8) * 0x9e3779b1U) >> (32 - HASH_BITS);
}

/* Return: where those three were before, + 1. */
static inline uint32_t insert(struct work *work, const uint8_t *bytes, uint32_t at)
{
	uint32_t hash = hash_of(load_le32(bytes + at)), last = work->head[hash];

	work->before[at % WINDOW] = last;
	work->head[hash] = at + 1;
	return last;
}

static inline unsigned int same(const uint8_t *a, const uint8_t *b, unsigned int most)
{
	unsigned int length = 0;

	for (; length + 8 <= most; length += 8) {
		uint64_t other = load_le64(a + length) ^ load_le64(b + length);

		if (other)
			return length + (unsigned int)__builtin_ctzll(other) / 8;
	}
	while (length < most && a[length] == b[length])
		length++;
	return length;
}

/* @place: + 1, as the tables have it. Return: its length, or less than MIN_MATCH. */
static inline unsigned int longest(const struct work *work, const uint8_t *bytes, uint32_t at,
				   uint32_t place, unsigned int looks, unsigned int most,
				   uint32_t *distance)
{
	uint32_t three = load_le32(bytes + at) << 8;
	unsigned int best = 0;

	for (unsigned int i = 0; i < looks && place && at - (place - 1) < WINDOW; i++) {
		uint32_t other = place - 1;

		if (load_le32(bytes + other) << 8 == three) {
			unsigned int length = same(bytes + other, bytes + at, most);

			if (length > best) {
				best = length;
				*distance = at - other;
			}
		}
		place = work->before[other % WINDOW];
	}
	return best;
}

int deflate_pixels(const uint8_t *bytes, size_t length, unsigned int looks, void *memory,
		   struct wire *out)
{
	struct work *work = memory;
	struct block block = {0};
	struct bits bits = {0};
	uint32_t at = 0, end = (uint32_t)length;
	int result;

	memset(work->head, 0, sizeof(work->head));
	while (at < end) {
		uint32_t distance = 0;
		unsigned int found = 0;

		if (end - at >= 4) /* as much is read for a hash */
			found = longest(work, bytes, at, insert(work, bytes, at), looks,
					MIN(MAX_MATCH, end - at), &distance);
		if (found < MIN_MATCH) {
			work->token[block.tokens++] = bytes[at];
			block.literals[bytes[at++]]++;
		} else {
			uint32_t next = at + found;

			work->token[block.tokens++] = distance << 8 | (found - MIN_MATCH);
			block.literals[symbol_of_length(found - MIN_MATCH).code]++;
			block.distances[symbol_of_distance(distance - 1).code]++;
			while (++at < next) {
				if (end - at >= 4)
					insert(work, bytes, at);
			}
		}
		if (block.tokens == BLOCK_TOKENS || at == end) {
			result = put_block(&bits, work, &block, out);
			if (result < 0)
				return result;
		}
	}
	return put_sync(&bits, out);
}
