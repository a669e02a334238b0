/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/clipboard_policy.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

START_TEST(words_and_kinds)
{
	static const struct {
		const char *words, *same;
		unsigned int kinds;
	} known[] = {
		{"off", "off", CLIPBOARD_OFF},
		{"all", "all", CLIPBOARD_ALL},
		{"text", "text", CLIPBOARD_TEXT_ONLY},
		{"files,text", "text,files", CLIPBOARD_TEXT_ONLY | CLIPBOARD_FILES},
		{"text,images,files,text", "text,images,files", CLIPBOARD_ALL & ~CLIPBOARD_OTHER},
	};
	static const char *const wrong[] = {"",	     ",",	 "text,",    ",text", "text,,files",
					    "texts", "text off", "off,text", "ALL"};
	char words[CLIPBOARD_KINDS_BYTES];
	unsigned int kinds;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		ck_assert_int_eq(clipboard_kinds_parse(slice_of(known[i].words), &kinds), 0);
		ck_assert_uint_eq(kinds, known[i].kinds);
		ck_assert_str_eq(clipboard_kinds_format(kinds, words), known[i].same);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		ck_assert_int_eq(clipboard_kinds_parse(slice_of(wrong[i]), &kinds), -EINVAL);
}
END_TEST

START_TEST(a_policy_in_words)
{
	static const struct {
		const char *words, *all;
	} known[] = {
		{"both", "to-guest=all,to-host=text,max=268435456,primary=off"},
		{"off", "to-guest=off,to-host=off,max=268435456,primary=off"},
		{"all", "to-guest=all,to-host=all,max=268435456,primary=off"},
		{"to-guest", "to-guest=all,to-host=off,max=268435456,primary=off"},
		{"to-host", "to-guest=off,to-host=all,max=268435456,primary=off"},
		{"files,text,max=64K",
		 "to-guest=text,files,to-host=text,files,max=65536,primary=off"},
		{"to-host=off", "to-guest=all,to-host=off,max=268435456,primary=off"},
		{"to-guest=text,images,to-host=text,images,files,max=1,primary=on",
		 "to-guest=text,images,to-host=text,images,files,max=1,primary=on"},
		{"off,to-guest=files", "to-guest=files,to-host=off,max=268435456,primary=off"},
		{"max=256M", "to-guest=all,to-host=text,max=268435456,primary=off"},
	};
	static const char *const wrong[] = {
		"",
		",",
		"everything",
		"both,text",
		"to-guest=",
		"to-guest=text,",
		",to-guest=text",
		"to-guest=all,off",
		"max=0",
		"max=257M",
		"max=1,text",
		"max=11111111111111111111111111111111111111111",
		"primary=yes",
		"primary=",
		"=text",
		"to-guest=text;to-host=off",
	};
	char words[CLIPBOARD_POLICY_BYTES];
	struct clipboard_policy policy, again;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		ck_assert_int_eq(clipboard_policy_parse(known[i].words, &policy), 0);
		ck_assert_str_eq(clipboard_policy_format(&policy, words), known[i].all);
		ck_assert_int_eq(clipboard_policy_parse(words, &again), 0);
		ck_assert(clipboard_policy_is_same(&policy, &again));
	}
	again.primary = !again.primary;
	ck_assert(!clipboard_policy_is_same(&policy, &again));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		ck_assert_msg(clipboard_policy_parse(wrong[i], &policy) == -EINVAL, "%s", wrong[i]);
}
END_TEST

START_TEST(types_have_kinds)
{
	ck_assert_int_eq(clipboard_kind_of("text/plain;charset=utf-8"), CLIPBOARD_TEXT_ONLY);
	ck_assert_int_eq(clipboard_kind_of("UTF8_STRING"), CLIPBOARD_TEXT_ONLY);
	ck_assert_int_eq(clipboard_kind_of("image/png"), CLIPBOARD_IMAGES);
	ck_assert_int_eq(clipboard_kind_of("text/uri-list"), CLIPBOARD_FILES);
	ck_assert_int_eq(clipboard_kind_of("x-special/gnome-copied-files"), CLIPBOARD_FILES);
	ck_assert_int_eq(clipboard_kind_of("text/html"), CLIPBOARD_OTHER);
	ck_assert_int_eq(clipboard_kind_of("imagery"), CLIPBOARD_OTHER);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, words_and_kinds);
	tcase_add_test(tcase, a_policy_in_words);
	tcase_add_test(tcase, types_have_kinds);
	return suite_run_case("clipboard policy", tcase);
}
