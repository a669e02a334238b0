/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ZRLE (RFC 6143, 7.7.6): tiles of 64 x 64, each solid, palette, runs or raw, whatever is shortest,
 * and all of it compressed.
 */
#include "host/screen/rfb/encoder.h"

#include "host/screen/rfb/palette.h"

#include <errno.h>

#define TILE	    64U
#define MAX_PALETTE 127U
#define MAX_PACKED  16U /* colours of a palette without runs */

#define LEVEL_SMALL  5
#define LEVEL_PIXELS 2
#define MIN_PIXELS   8192U /* bytes */
#define LOOKS	     4

enum {
	TILE_RAW = 0,
	TILE_SOLID = 1,
	TILE_RUNS = 128,
	TILE_PALETTE_RUNS = 128,
};

struct tile {
	const uint32_t *values;
	uint32_t width, height, count;
	unsigned int bytes; /* of a pixel */
	struct palette palette;
	uint8_t index[TILE * TILE + 8];	   /* of each value, while there are few; and put_index() */
	uint32_t runs, singles, run_bytes; /* of lengths above 255 */
};

/* Behind the last of the same values from @i on. */
static uint32_t run_end(const struct tile *tile, uint32_t i)
{
	const uint32_t *values = tile->values;
	uint32_t value = values[i++];

	/* Long ones are common. */
	while (i + 4 <= tile->count && !((values[i] ^ value) | (values[i + 1] ^ value) |
					 (values[i + 2] ^ value) | (values[i + 3] ^ value)))
		i += 4;
	while (i < tile->count && values[i] == value)
		i++;
	return i;
}

/* Eight at once, of which those behind @end are written again. */
static void put_index(struct tile *tile, uint32_t start, uint32_t end, uint8_t number)
{
	uint64_t eight = number * 0x0101010101010101ULL;

	for (uint32_t i = start; i < end; i += 8)
		memcpy(tile->index + i, &eight, 8);
}

static void look(struct tile *tile)
{
	unsigned int number = 0;
	uint32_t i = 0;

	palette_clear(&tile->palette);
	tile->runs = tile->singles = tile->run_bytes = 0;
	while (i < tile->count) {
		uint32_t value = tile->values[i], start = i;

		i = run_end(tile, i);
		tile->singles += i - start == 1;
		tile->runs++;
		tile->run_bytes += (i - start - 1) / 255 + 1;
		if (tile->palette.count <= MAX_PALETTE) {
			number = palette_number(&tile->palette, value);
			put_index(tile, start, i, (uint8_t)number);
		}
	}
}

static uint8_t *put_value(uint8_t *at, const struct tile *tile, uint32_t value)
{
	return pixels_store(at, tile->bytes, &value, 1);
}

static uint8_t *put_length(uint8_t *at, uint32_t length)
{
	for (length--; length >= 255; length -= 255)
		*at++ = 255;
	*at++ = (uint8_t)length;
	return at;
}

static uint8_t *put_palette(uint8_t *at, const struct tile *tile)
{
	return pixels_store(at, tile->bytes, tile->palette.value, tile->palette.count);
}

static unsigned int packed_bits(unsigned int colours)
{
	return colours <= 2 ? 1 : colours <= 4 ? 2 : 4;
}

static uint32_t packed_bytes(const struct tile *tile)
{
	unsigned int colours = tile->palette.count;

	return colours * tile->bytes + (tile->width * packed_bits(colours) + 7) / 8 * tile->height;
}

/* @each numbers in a byte. */
static uint8_t pack(const uint8_t *index, const uint8_t *place, unsigned int each)
{
	unsigned int byte = 0;

	switch (each) {
	case 2:
		return (uint8_t)(place[index[0]] << 4 | place[index[1]]);
	case 4:
		return (uint8_t)(place[index[0]] << 6 | place[index[1]] << 4 |
				 place[index[2]] << 2 | place[index[3]]);
	default:
		for (unsigned int i = 0; i < 8; i++)
			byte = byte << 1 | place[index[i]];
		return (uint8_t)byte;
	}
}

static uint8_t *put_packed(uint8_t *at, struct tile *tile, struct palette_order *order)
{
	unsigned int bits = packed_bits(tile->palette.count), each = 8 / bits;
	uint32_t whole = tile->width / each, left = tile->width % each;
	const uint8_t *index = tile->index;
	uint8_t place[PALETTE_ORDER_MAX];

	*at++ = (uint8_t)tile->palette.count;
	palette_order(order, &tile->palette, place);
	at = put_palette(at, tile);
	for (uint32_t y = 0; y < tile->height; y++) {
		unsigned int byte = 0;

		for (uint32_t i = 0; i < whole; i++, index += each)
			*at++ = pack(index, place, each);
		for (uint32_t i = 0; i < left; i++)
			byte = byte << bits | place[*index++];
		if (left)
			*at++ = (uint8_t)(byte << (each - left) * bits);
	}
	return at;
}

static uint8_t *put_runs(uint8_t *at, struct tile *tile, bool with_palette)
{
	uint32_t i = 0;

	*at++ = (uint8_t)(with_palette ? TILE_PALETTE_RUNS + tile->palette.count : TILE_RUNS);
	if (with_palette)
		at = put_palette(at, tile);
	while (i < tile->count) {
		uint32_t value = tile->values[i], start = i;

		while (++i < tile->count && tile->values[i] == value)
			;
		if (!with_palette) {
			at = put_value(at, tile, value);
			at = put_length(at, i - start);
		} else if (i - start == 1) {
			*at++ = tile->index[start];
		} else {
			*at++ = (uint8_t)(tile->index[start] | 128U);
			at = put_length(at, i - start);
		}
	}
	return at;
}

/* A palette without runs, where it may be, is not always the shortest, but deflate finds more in
 * it. Return: behind its last byte; at most 1 + pixels * bytes were written. */
static uint8_t *put_tile(uint8_t *at, struct tile *tile, struct palette_order *order)
{
	unsigned int colours = tile->palette.count;
	uint32_t raw = tile->count * tile->bytes;
	uint32_t runs = tile->runs * tile->bytes + tile->run_bytes;
	uint32_t palette_runs = UINT32_MAX, best;

	if (colours == 1) {
		*at++ = TILE_SOLID;
		return put_value(at, tile, tile->values[0]);
	}
	if (colours <= MAX_PACKED && packed_bytes(tile) < raw)
		return put_packed(at, tile, order);
	if (colours <= MAX_PALETTE)
		palette_runs = colours * tile->bytes + tile->runs - tile->singles + tile->run_bytes;
	best = MIN(MIN(raw, runs), palette_runs);
	if (best == palette_runs)
		return put_runs(at, tile, true);
	if (best == runs)
		return put_runs(at, tile, false);
	*at++ = TILE_RAW;
	return pixels_store(at, tile->bytes, tile->values, tile->count);
}

/* At levels at which the bytes are no more than other servers', at less work: palettes and runs are
 * little, and worth more of it than pixels. */
static int put_compressed(struct encoder *encoder, size_t pixels, size_t bytes, struct wire *out)
{
	int level = MAX(encoder->compression, bytes <= pixels ? LEVEL_SMALL : LEVEL_PIXELS);

	if (encoder->compression >= 0 && encoder->compression < DEFLATE_NO_WISH)
		level = DEFLATE_FAST;
	/* Short ones are not worth codes of their own. */
	if (level == LEVEL_PIXELS && bytes >= MIN_PIXELS)
		return deflate_append_pixels(&encoder->zrle, encoder->scratch, bytes, LOOKS,
					     encoder->values, out);
	return deflate_append(&encoder->zrle, level, encoder->scratch, bytes, out);
}

int encode_zrle(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	uint32_t width = piece->place.width, height = piece->place.height;
	struct tile tile = {.values = encoder->values, .bytes = encoder->compact.bytes};
	uint8_t *at = encoder->scratch;
	size_t length_at, length;
	int result;

	for (uint32_t y = 0; y < height; y += TILE) {
		for (uint32_t x = 0; x < width; x += TILE) {
			tile.width = MIN(TILE, width - x);
			tile.height = MIN(TILE, height - y);
			tile.count = tile.width * tile.height;
			pixels_convert_area(
				&encoder->compact, piece->pixels + y * piece->stride + x * 4UL,
				piece->stride, tile.width, tile.height, encoder->values);
			look(&tile);
			at = put_tile(at, &tile, &encoder->zrle_order);
		}
	}
	encode_header(out, &piece->place, RFB_ZRLE);
	length_at = out->length;
	wire_put32(out, 0);
	length = (size_t)(at - encoder->scratch);
	result = put_compressed(encoder, (size_t)width * height, length, out);
	if (result < 0)
		return result;
	if (out->failed)
		return -ENOMEM;
	store_be32(out->bytes + length_at, (uint32_t)(out->length - length_at - 4));
	return 1;
}
