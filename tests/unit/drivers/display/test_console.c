/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/display/console.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

START_TEST(the_kernels_way_to_write_a_size)
{
	uint32_t width, height;

	ck_assert_int_eq(console_parse_size("1280,800\n", &width, &height), 0);
	ck_assert_uint_eq(width, 1280);
	ck_assert_uint_eq(height, 800);
	ck_assert_int_eq(console_parse_size("", &width, &height), -EBADMSG);
	ck_assert_int_eq(console_parse_size("1280", &width, &height), -EBADMSG);
	ck_assert_int_eq(console_parse_size("1280,", &width, &height), -EBADMSG);
	ck_assert_int_eq(console_parse_size("0,800", &width, &height), -EBADMSG);
	ck_assert_int_eq(console_parse_size("-1,800", &width, &height), -EBADMSG);
	ck_assert_int_eq(console_parse_size("99999,800", &width, &height), -EBADMSG);
}
END_TEST

START_TEST(only_whole_characters_count)
{
	const struct winsize grid = console_grid(1366, 768, 8, 16);
	const struct winsize least = console_grid(4, 4, 8, 16);

	ck_assert_uint_eq(grid.ws_col, 170);
	ck_assert_uint_eq(grid.ws_row, 48);
	ck_assert_uint_eq(least.ws_col, 1);
	ck_assert_uint_eq(least.ws_row, 1);
	ck_assert_uint_eq(console_grid(UINT32_MAX, 16, 1, 16).ws_col, 32767);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("console");

	tcase_add_test(tc, the_kernels_way_to_write_a_size);
	tcase_add_test(tc, only_whole_characters_count);
	return suite_run_case("console", tc);
}
