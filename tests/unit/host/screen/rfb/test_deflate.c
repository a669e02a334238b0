/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What any of the three has packed, in turns in one stream, zlib unpacks, at once after each. */
#include "host/screen/rfb/deflate.h"
#include "host/screen/rfb/deflate_pixels.h"

#include "host/screen/rfb/huffman.h"
#include "tests/unit/suite.h"

#include <check.h>

#define MOST (400U << 10)

static uint32_t next_of(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Noise; one value; pixels that come again; values of which each is half as frequent as the one
 * before, which wants the longest codes; slow changes with grain. */
static void fill(uint8_t *bytes, size_t length, unsigned int kind, uint32_t *state)
{
	for (size_t i = 0; i < length; i++) {
		uint32_t value = next_of(state);

		switch (kind) {
		case 0:
			bytes[i] = (uint8_t)value;
			break;
		case 1:
			bytes[i] = 7;
			break;
		case 2:
			bytes[i] = (uint8_t)(i < 3 || value % 8 == 0
						     ? value >> 8
						     : bytes[i - 3 - value % 40 * 3 % (i - 2)]);
			break;
		case 3:
			bytes[i] = (uint8_t)(40 + __builtin_clz(value | 1) * 3);
			break;
		default:
			bytes[i] = (uint8_t)(i / 3 % 192 / 4 + i / 576 + i % 3 * 30 + value % 5);
			break;
		}
	}
}

struct pair {
	struct deflate_stream packed;
	z_stream unpacked;
	struct wire out;
	uint8_t *bytes, *back, *memory;
};

static void begin(struct pair *pair)
{
	*pair = (struct pair){.bytes = malloc(MOST),
			      .back = malloc(MOST + 1),
			      .memory = malloc(DEFLATE_PIXELS_MEMORY)};
	ck_assert_int_eq(inflateInit(&pair->unpacked), Z_OK);
	memset(pair->memory, 0xee, DEFLATE_PIXELS_MEMORY);
}

static void end(struct pair *pair)
{
	inflateEnd(&pair->unpacked);
	deflate_free(&pair->packed);
	wire_free(&pair->out);
	free(pair->bytes);
	free(pair->back);
	free(pair->memory);
}

/* @way: 0: the one for pixels; else a level. Return: packed bytes. */
static size_t turn(struct pair *pair, int way, size_t length)
{
	z_stream *zlib = &pair->unpacked;
	int result;

	pair->out.length = 0;
	if (way == 0)
		result = deflate_append_pixels(&pair->packed, pair->bytes, length, 3, pair->memory,
					       &pair->out);
	else
		result = deflate_append(&pair->packed, way, pair->bytes, length, &pair->out);
	ck_assert_int_eq(result, 0);
	zlib->next_in = pair->out.bytes;
	zlib->avail_in = (uInt)pair->out.length;
	zlib->next_out = pair->back;
	zlib->avail_out = MOST + 1;
	result = inflate(zlib, Z_SYNC_FLUSH);
	ck_assert_msg(result == Z_OK, "%s", zlib->msg ? zlib->msg : "");
	ck_assert_uint_eq(zlib->avail_in, 0);
	ck_assert_uint_eq(MOST + 1 - zlib->avail_out, length);
	ck_assert_int_eq(memcmp(pair->bytes, pair->back, length), 0);
	return pair->out.length;
}

START_TEST(test_all_come_back)
{
	static const int ways[] = {0, 0, 1, 0, 5, 5, 0, 1, 2};
	uint32_t state = 4711;
	struct pair pair;

	begin(&pair);
	for (unsigned int i = 0; i < 180; i++) {
		size_t length = i < 20 ? i + 1 : 1 + next_of(&state) % (i % 7 ? 20000 : MOST);

		fill(pair.bytes, length, i % 5, &state);
		turn(&pair, ways[i % ARRAY_SIZE(ways)], length);
	}
	end(&pair);
}
END_TEST

/* Noise grows by next to nothing, one value goes, and pixels are packed as zlib would. */
START_TEST(test_sizes)
{
	uint32_t state = 4711;
	struct pair pair, other;

	begin(&pair);
	begin(&other);
	for (unsigned int kind = 0; kind < 5; kind++) {
		size_t ours, theirs;

		fill(pair.bytes, MOST, kind, &state);
		memcpy(other.bytes, pair.bytes, MOST);
		ours = turn(&pair, 0, MOST);
		theirs = turn(&other, 2, MOST);
		ck_assert_uint_le(ours, theirs + theirs / 50 + 500);
	}
	end(&pair);
	end(&other);
}
END_TEST

/* None is longer than it may be, what comes more often has no longer one, and no place is left. */
START_TEST(test_codes_are_cut)
{
	static const unsigned int limits[] = {7, 9, 15};
	uint32_t often[HUFFMAN_MAX_SYMBOLS] = {0};
	struct huffman_code code[HUFFMAN_MAX_SYMBOLS];

	often[0] = often[1] = 1;
	for (unsigned int i = 2; i < 26; i++) /* as bad as can be */
		often[i] = often[i - 1] + often[i - 2];
	for (unsigned int i = 0; i < ARRAY_SIZE(limits); i++) {
		uint32_t places = 0;

		huffman_make(often, HUFFMAN_MAX_SYMBOLS, limits[i], code);
		for (unsigned int j = 0; j < HUFFMAN_MAX_SYMBOLS; j++) {
			ck_assert_uint_eq(code[j].length != 0, j < 26);
			ck_assert_uint_le(code[j].length, limits[i]);
			if (j > 0 && j < 26)
				ck_assert_uint_le(code[j].length, code[j - 1].length);
			if (code[j].length)
				places += 1U << (limits[i] - code[j].length);
		}
		ck_assert_uint_eq(places, 1U << limits[i]);
	}
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("deflate");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, test_all_come_back);
	tcase_add_test(tcase, test_sizes);
	tcase_add_test(tcase, test_codes_are_cut);
	return suite_run_case("deflate", tcase);
}
