/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/screen/display_word.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>

static const struct {
	const char *text;
	uint64_t width, height, scale_milli;
	int result;
} modes[] = {
	{"1920x1080", 1920, 1080, 0, 0},
	{"1920x1080@2", 1920, 1080, 2000, 0},
	{"1366x768@1.25", 1366, 768, 1250, 0},
	{"@1.5", 0, 0, 1500, 0},
	{"64x64@0.25", 64, 64, 250, 0},
	{"8192x8192@8", 8192, 8192, 8000, 0},
	{"63x64", 0, 0, 0, -EINVAL},
	{"8193x64", 0, 0, 0, -EINVAL},
	{"1920", 0, 0, 0, -EINVAL},
	{"", 0, 0, 0, -EINVAL},
	{"@", 0, 0, 0, -EINVAL},
	{"1920x1080@", 0, 0, 0, -EINVAL},
	{"1920x1080@0", 0, 0, 0, -EINVAL},
	{"1920x1080@9", 0, 0, 0, -EINVAL},
	{"1920x1080@1.", 0, 0, 0, -EINVAL},
	{"1920x1080@1.2345", 0, 0, 0, -EINVAL},
	{"1920x1080@-1", 0, 0, 0, -EINVAL},
	{"1920x1080x24", 0, 0, 0, -EINVAL},
	{"+1920x1080", 0, 0, 0, -EINVAL},
};

START_TEST(a_mode_is_a_size_and_a_scale)
{
	uint64_t width, height, scale_milli;

	ck_assert_int_eq(display_word_mode(modes[_i].text, &width, &height, &scale_milli),
			 modes[_i].result);
	if (modes[_i].result)
		return;
	ck_assert_uint_eq(width, modes[_i].width);
	ck_assert_uint_eq(height, modes[_i].height);
	ck_assert_uint_eq(scale_milli, modes[_i].scale_milli);
}
END_TEST

static const struct {
	const char *text;
	int64_t x, y;
	int result;
} places[] = {
	{"+1920+0", 1920, 0, 0},   {"1920,0", 1920, 0, 0},	{"-100+20", -100, 20, 0},
	{"+0-1080", 0, -1080, 0},  {"-1,-2", -1, -2, 0},	{"", 0, 0, -EINVAL},
	{"+1920", 0, 0, -EINVAL},  {"1920 0", 0, 0, -EINVAL},	{"++1+1", 0, 0, -EINVAL},
	{"+1+2+3", 0, 0, -EINVAL}, {"+40000+0", 0, 0, -EINVAL}, {"+-", 0, 0, -EINVAL},
	{"1,", 0, 0, -EINVAL},
};

START_TEST(a_place_is_two_numbers_with_signs)
{
	int64_t x, y;

	ck_assert_int_eq(display_word_place(places[_i].text, &x, &y), places[_i].result);
	if (places[_i].result)
		return;
	ck_assert_int_eq(x, places[_i].x);
	ck_assert_int_eq(y, places[_i].y);
}
END_TEST

START_TEST(scales_are_short)
{
	char text[16];

	display_word_scale(1000, text);
	ck_assert_str_eq(text, "1");
	display_word_scale(1250, text);
	ck_assert_str_eq(text, "1.25");
	display_word_scale(10500, text);
	ck_assert_str_eq(text, "10.5");
	display_word_scale(UINT64_MAX, text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("display_word");

	tcase_add_loop_test(tc, a_mode_is_a_size_and_a_scale, 0, sizeof(modes) / sizeof(modes[0]));
	tcase_add_loop_test(tc, a_place_is_two_numbers_with_signs, 0,
			    sizeof(places) / sizeof(places[0]));
	tcase_add_test(tc, scales_are_short);
	return suite_run_case("display_word", tc);
}
