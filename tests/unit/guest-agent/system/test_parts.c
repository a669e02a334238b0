/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/parts.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(names_come_back)
{
	uint8_t bytes[128];

	for (unsigned int parts = 0; parts <= PART_ALL; parts++) {
		struct cbor_writer writer = CBOR_WRITER(bytes);
		unsigned int again;

		parts_put(parts, &writer);
		ck_assert_int_eq(parts_parse(cbor_written(&writer), &again), 0);
		ck_assert_uint_eq(again, parts ? parts : PART_ALL);
	}
}
END_TEST

START_TEST(what_is_no_list_is_refused)
{
	unsigned int parts;

	ck_assert_int_eq(parts_parse((struct slice){(const uint8_t *)"\x05", 1}, &parts), -EBADMSG);
	ck_assert_int_eq(parts_parse((struct slice){(const uint8_t *)"\x81\x05", 2}, &parts),
			 -EBADMSG);
	ck_assert_int_eq(parts_parse((struct slice){(const uint8_t *)"\x81", 1}, &parts), -EBADMSG);
	ck_assert_int_eq(parts_parse((struct slice){0}, &parts), 0);
	ck_assert_uint_eq(parts, PART_ALL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("parts");

	tcase_add_test(tc, names_come_back);
	tcase_add_test(tc, what_is_no_list_is_refused);
	return suite_run_case("parts", tc);
}
