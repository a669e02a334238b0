/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/clipboard_text.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

static void check_normal(enum text_form form, struct slice text, const char *expected)
{
	_cleanup_free_ uint8_t *result = NULL;
	size_t length;

	ck_assert_int_eq(clipboard_text_normalise(form, text, &result, &length), 0);
	ck_assert_uint_eq(length, strlen(expected));
	ck_assert_mem_eq(result, expected, length);
}

START_TEST(forms_are_known_by_their_names)
{
	ck_assert_int_eq(clipboard_text_form(slice_of("UTF8_STRING")), TEXT_UTF8);
	ck_assert_int_eq(clipboard_text_form(slice_of("text/plain;charset=UTF-8")), TEXT_UTF8);
	ck_assert_int_eq(clipboard_text_form(slice_of("STRING")), TEXT_LATIN1);
	ck_assert_int_eq(clipboard_text_form(slice_of("Text/Plain")), TEXT_ANY);
	ck_assert_int_eq(clipboard_text_form(slice_of("string")), TEXT_NONE);
	ck_assert_int_eq(clipboard_text_form(slice_of("text/html")), TEXT_NONE);
	ck_assert_int_eq(clipboard_text_form(slice_of("text/plain;charset=utf-16")), TEXT_NONE);
	ck_assert_int_eq(clipboard_text_form((struct slice){0}), TEXT_NONE);
}
END_TEST

START_TEST(only_types_of_mime_pass)
{
	char longest[CLIPBOARD_TYPE_MAX + 2] = "image/";

	ck_assert(clipboard_type_passes(slice_of("image/png")));
	ck_assert(!clipboard_type_passes(slice_of("TARGETS")));
	ck_assert(!clipboard_type_passes(slice_of("text/plain")));
	ck_assert(!clipboard_type_passes(slice_of("image/\n")));
	ck_assert(!clipboard_type_passes(slice_of("image/\xc3\xa4")));
	ck_assert(!clipboard_type_passes(slice_of("/png")));
	ck_assert(!clipboard_type_passes((struct slice){0}));
	memset(longest + 6, 'x', sizeof(longest) - 7);
	ck_assert(!clipboard_type_passes(slice_of(longest)));
	longest[CLIPBOARD_TYPE_MAX] = '\0';
	ck_assert(clipboard_type_passes(slice_of(longest)));
}
END_TEST

START_TEST(text_becomes_utf8_with_plain_lines)
{
	check_normal(TEXT_UTF8, slice_of("a\r\nb\rc\nd\r"), "a\nb\nc\nd\n");
	check_normal(TEXT_UTF8, SLICE_LITERAL("with\0NUL\0"), "withNUL");
	check_normal(TEXT_UTF8, slice_of("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"),
		     "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
	check_normal(TEXT_UTF8, slice_of("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");
	check_normal(TEXT_LATIN1, slice_of("gr\xfc\xdf"), "gr\xc3\xbc\xc3\x9f");
	check_normal(TEXT_ANY, slice_of("gr\xfc\xdf"), "gr\xc3\xbc\xc3\x9f");
	check_normal(TEXT_ANY, slice_of("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
	check_normal(TEXT_UTF8, (struct slice){0}, "");
}
END_TEST

START_TEST(text_becomes_latin1_and_crlf)
{
	_cleanup_free_ uint8_t *latin1 = NULL, *crlf = NULL;
	size_t length;

	ck_assert_int_eq(
		clipboard_text_to_latin1(slice_of("\xc3\xbc\xe2\x82\xac\xff"), &latin1, &length),
		0);
	ck_assert_uint_eq(length, 3);
	ck_assert_mem_eq(latin1, "\xfc??", 3);
	ck_assert_int_eq(clipboard_text_to_crlf(slice_of("a\n\nb"), &crlf, &length), 0);
	ck_assert_uint_eq(length, 6);
	ck_assert_str_eq((char *)crlf, "a\r\n\r\nb");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("clipboard_text");

	tcase_add_test(tc, forms_are_known_by_their_names);
	tcase_add_test(tc, only_types_of_mime_pass);
	tcase_add_test(tc, text_becomes_utf8_with_plain_lines);
	tcase_add_test(tc, text_becomes_latin1_and_crlf);
	return suite_run_case("clipboard_text", tc);
}
