/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fuse/cutter.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdlib.h>

static void put(uint8_t *bytes, uint32_t length, uint8_t fill)
{
	memset(bytes, fill, length);
	store_le32(bytes, length);
}

/* Two messages, in pieces of every size. */
START_TEST(messages_come_out_whole)
{
	uint8_t bytes[48];

	put(bytes, 16, 1);
	put(bytes + 16, 32, 2);
	for (size_t piece = 1; piece <= sizeof(bytes); piece++) {
		struct cutter cutter = CUTTER(16, 32);
		unsigned int count = 0;

		for (size_t at = 0; at < sizeof(bytes); at += piece) {
			struct slice slice = {bytes + at, MIN(piece, sizeof(bytes) - at)};
			uint8_t *message;
			size_t length;

			while (cutter_take(&cutter, &slice, &message, &length) > 0) {
				ck_assert_uint_eq(length, count ? 32 : 16);
				ck_assert_uint_eq(message[length - 1], count ? 2 : 1);
				free(message);
				count++;
			}
			ck_assert_uint_eq(slice.length, 0);
		}
		ck_assert_uint_eq(count, 2);
	}
}
END_TEST

START_TEST(a_length_that_cannot_be_is_refused)
{
	static const uint32_t lengths[] = {0, 3, 15, 33, UINT32_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct cutter cutter = CUTTER(16, 32);
		uint8_t bytes[4], *message;
		struct slice slice = {bytes, sizeof(bytes)};
		size_t length;

		store_le32(bytes, lengths[i]);
		ck_assert_int_eq(cutter_take(&cutter, &slice, &message, &length), -EPROTO);
		cutter_clear(&cutter);
	}
}
END_TEST

START_TEST(what_was_cleared_is_forgotten)
{
	struct cutter cutter = CUTTER(16, 32);
	uint8_t bytes[16], *message;
	struct slice slice = {bytes, 10};
	size_t length;

	put(bytes, 16, 7);
	ck_assert_int_eq(cutter_take(&cutter, &slice, &message, &length), 0);
	cutter_clear(&cutter);
	slice = (struct slice){bytes, 16};
	ck_assert_int_eq(cutter_take(&cutter, &slice, &message, &length), 1);
	ck_assert_mem_eq(message, bytes, 16);
	free(message);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("cutter");

	tcase_add_test(tests, messages_come_out_whole);
	tcase_add_test(tests, a_length_that_cannot_be_is_refused);
	tcase_add_test(tests, what_was_cleared_is_forgotten);
	return suite_run_case("cutter", tests);
}
