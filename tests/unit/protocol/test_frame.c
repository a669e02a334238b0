/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/frame.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <errno.h>

/* Headers that no peer may send. */
static const uint8_t bad_headers[][FRAME_HEADER_SIZE] = {
	{0},				      /* no type */
	{13},				      /* a type that is not known */
	{7, 2, 0, 0, 1, 0, 0, 0, 1},	      /* a flag that is not known */
	{5, 1, 0, 0, 1, 0, 0, 0, 0},	      /* CANCEL in pieces */
	{7, 0, 3, 0, 1, 0, 0, 0, 1},	      /* channel 3 */
	{2, 0, 1, 0, 1, 0, 0, 0, 9},	      /* a channel where none belongs */
	{7, 0, 0, 1, 1, 0, 0, 0, 1},	      /* zero is not zero */
	{7, 0, 0, 0, 0, 0, 0, 0, 1},	      /* DATA without a stream */
	{11, 0, 0, 0, 1, 0, 0, 0, 8},	      /* PING on a stream */
	{7, 0, 0, 0, 1, 0, 0, 0, 0},	      /* DATA without a byte */
	{7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1},    /* 65537 bytes */
	{7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1}, /* 16 MiB */
	{1, 0, 0, 0, 1, 0, 0, 0, 1},	      /* HELLO on a stream */
	{1, 1, 0, 0, 0, 0, 0, 0, 1},	      /* HELLO in pieces */
	{1, 0, 0, 0, 0, 0, 0, 0, 1, 8},	      /* a HELLO of 2049 bytes */
	{5, 0, 0, 0, 1, 0, 0, 0, 1},	      /* CANCEL with a payload */
	{9, 0, 0, 0, 1, 0, 0, 0, 5},	      /* CREDIT of 5 bytes */
	{9, 0, 0, 0, 1, 0, 0, 0, 3},	      /* CREDIT of 3 bytes */
	{11, 0, 0, 0, 0, 0, 0, 0, 9},	      /* PING of 9 bytes */
};

START_TEST(bad_headers_are_refused)
{
	struct frame_header header = {.type = 99};

	ck_assert_int_eq(frame_header_decode(bad_headers[_i], &header), -EBADMSG);
	ck_assert_uint_eq(header.type, 99);
}
END_TEST

/* The sync word is found wherever it stands, and nothing that only resembles it. */
START_TEST(the_sync_word_is_found_at_every_offset)
{
	uint8_t bytes[64];

	for (size_t at = 0; at + SYNC_WORD_SIZE <= sizeof(bytes); at++) {
		memset(bytes, sync_word[0], sizeof(bytes));
		memcpy(bytes + at, sync_word, SYNC_WORD_SIZE);
		ck_assert_uint_eq(frame_find_sync(bytes, sizeof(bytes)), at);
		ck_assert_uint_eq(frame_find_sync(bytes, at + SYNC_WORD_SIZE - 1),
				  at + SYNC_WORD_SIZE - 1);
		bytes[at + 3] ^= 1;
		ck_assert_uint_eq(frame_find_sync(bytes, sizeof(bytes)), sizeof(bytes));
	}
	ck_assert_uint_eq(frame_find_sync(bytes, 0), 0);
}
END_TEST

/* What the argument in frame.h rests on. */
START_TEST(no_header_can_touch_the_sync_word)
{
	struct frame_header header = {
		.type = FRAME_DATA,
		.flags = FRAME_MORE,
		.channel = FRAME_CHANNELS - 1,
		.stream = UINT32_MAX,
		.length = FRAME_MAX_PAYLOAD,
	};
	uint8_t bytes[FRAME_HEADER_SIZE];

	frame_header_encode(&header, bytes);
	ck_assert_uint_lt(bytes[0], 0x20);
	ck_assert_uint_lt(bytes[3], 0x20);
	ck_assert_uint_lt(bytes[FRAME_HEADER_SIZE - 1], 0x20);
	for (size_t i = 0; i < SYNC_WORD_SIZE; i++)
		ck_assert_uint_ge(sync_word[i], 0x20);
	ck_assert_uint_ge(SYNC_WORD_SIZE, 8);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("frame");

	tcase_add_loop_test(tc, bad_headers_are_refused, 0, ARRAY_SIZE(bad_headers));
	tcase_add_test(tc, the_sync_word_is_found_at_every_offset);
	tcase_add_test(tc, no_header_can_touch_the_sync_word);
	return suite_run_case("frame", tc);
}
