/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *said, *shown;
} texts[] = {
	{"plain", "plain"},
	{"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8f\xa0", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8f\xa0"},
	{"\033]0;title\a", "?]0;title?"},
	{"a\nb\tc\rd", "a?b?c?d"},
	{"\x7f", "?"},
	{"\xc2\x9b"
	 "31m",
	 "?31m"}, /* C1 in UTF-8: CSI */
	{"\x9b"
	 "31m",
	 "?31m"}, /* and raw */
	{"a\xe2\x80\xae"
	 "txt.exe",
	 "a?txt.exe"},		      /* right-to-left override */
	{"\xc0\xaf", "??"},	      /* overlong */
	{"\xed\xa0\x80", "???"},      /* surrogate */
	{"\xf4\x90\x80\x80", "????"}, /* beyond Unicode */
	{"cut \xe2\x82", "cut ??"},
};

START_TEST(guests_cannot_drive_the_terminal)
{
	char clean[64];

	ck_assert_str_eq(text_clean_into(slice_of(texts[_i].said), clean, sizeof(clean)),
			 texts[_i].shown);
}
END_TEST

START_TEST(a_nul_does_not_end_the_text)
{
	char clean[8];

	text_clean_into((struct slice){(const uint8_t *)"a\0b", 3}, clean, sizeof(clean));
	ck_assert_str_eq(clean, "a?b");
}
END_TEST

START_TEST(what_does_not_fit_is_cut_between_characters)
{
	char clean[6];

	text_clean_into(slice_of("abcd\xc3\xbc"), clean, sizeof(clean));
	ck_assert_str_eq(clean, "abcd");
}
END_TEST

START_TEST(width_counts_characters)
{
	ck_assert_uint_eq(text_width("gr\xc3\xbc\xc3\x9f"), 4);
	ck_assert_uint_eq(text_width(""), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, guests_cannot_drive_the_terminal, 0, ARRAY_SIZE(texts));
	tcase_add_test(tc, a_nul_does_not_end_the_text);
	tcase_add_test(tc, what_does_not_fit_is_cut_between_characters);
	tcase_add_test(tc, width_counts_characters);
	return suite_run_case("text", tc);
}
