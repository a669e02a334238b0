/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/parse.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>

static const struct {
	const char *text;
	int result;
	uint64_t value;
} numbers[] = {
	{"0", 0, 0},	    {"42", 0, 42},	 {"0x10", 0, 16},
	{"100", 0, 100},    {"101", -ERANGE, 0}, {"", -EINVAL, 0},
	{"-1", -EINVAL, 0}, {" 1", -EINVAL, 0},	 {"1 ", -EINVAL, 0},
	{"0x", -EINVAL, 0}, {"1k", -EINVAL, 0},	 {"99999999999999999999", -ERANGE, 0},
};

START_TEST(numbers_are_read_whole)
{
	uint64_t value = 7;

	ck_assert_int_eq(parse_u64(numbers[_i].text, 0, 100, &value), numbers[_i].result);
	ck_assert_uint_eq(value, numbers[_i].result ? 7 : numbers[_i].value);
}
END_TEST

static const struct {
	const char *text;
	int result;
	uint64_t value;
} sizes[] = {
	{"512M", 0, 512ULL << 20}, {"1", 0, 1},		  {"2GiB", 0, 2ULL << 30},
	{"3k", 0, 3072},	   {"1T", 0, 1ULL << 40}, {"4GB", 0, 4ULL << 30},
	{"16777216T", -ERANGE, 0}, {"M", -EINVAL, 0},	  {"1X", -EINVAL, 0},
	{"1MM", -EINVAL, 0},	   {"1.5G", -EINVAL, 0},  {"", -EINVAL, 0},
};

START_TEST(sizes_have_units)
{
	uint64_t value = 7;

	ck_assert_int_eq(parse_size(sizes[_i].text, &value), sizes[_i].result);
	ck_assert_uint_eq(value, sizes[_i].result ? 7 : sizes[_i].value);
}
END_TEST

START_TEST(sizes_are_shown_in_three_digits)
{
	char text[16];

	ck_assert_str_eq(format_size(0, text, sizeof(text)), "0 B");
	ck_assert_str_eq(format_size(1023, text, sizeof(text)), "1023 B");
	ck_assert_str_eq(format_size(1536, text, sizeof(text)), "1.50 KiB");
	ck_assert_str_eq(format_size(1ULL << 20, text, sizeof(text)), "1.00 MiB");
	ck_assert_str_eq(format_size(123ULL << 30, text, sizeof(text)), "123 GiB");
	ck_assert_str_eq(format_size(UINT64_MAX, text, sizeof(text)), "16777216 TiB");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("parse");
	TCase *tc = tcase_create("parse");

	tcase_add_loop_test(tc, numbers_are_read_whole, 0, ARRAY_SIZE(numbers));
	tcase_add_loop_test(tc, sizes_have_units, 0, ARRAY_SIZE(sizes));
	tcase_add_test(tc, sizes_are_shown_in_three_digits);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
