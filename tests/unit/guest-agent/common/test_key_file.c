/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/common/key_file.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/suite.h"

#include <unistd.h>

START_TEST(values_are_found_by_their_keys)
{
	static const char text[] =
		"# of logind\nUID=1000\nACTIVE_UID=7\nDESKTOP=\"GNOME\"\nEMPTY=\n"
		"QUOTE=\"\nLAST=end";
	char value[16] = "before";

	ck_assert(key_file_value(text, "UID", value, sizeof(value)));
	ck_assert_str_eq(value, "1000");
	ck_assert(key_file_value(text, "DESKTOP", value, sizeof(value)));
	ck_assert_str_eq(value, "GNOME");
	ck_assert(key_file_value(text, "EMPTY", value, sizeof(value)));
	ck_assert_str_eq(value, "");
	ck_assert(key_file_value(text, "QUOTE", value, sizeof(value)));
	ck_assert_str_eq(value, "\"");
	ck_assert(key_file_value(text, "LAST", value, sizeof(value)));
	ck_assert_str_eq(value, "end");
	ck_assert(!key_file_value(text, "ACTIVE", value, sizeof(value)));
	ck_assert(!key_file_value("", "UID", value, sizeof(value)));
	ck_assert_str_eq(value, "end");
}
END_TEST

START_TEST(a_value_that_does_not_fit_is_none)
{
	char value[4] = "no";

	ck_assert(!key_file_value("KEY=four", "KEY", value, sizeof(value)));
	ck_assert_str_eq(value, "no");
	ck_assert(key_file_value("KEY=\"abc\"", "KEY", value, sizeof(value)));
	ck_assert_str_eq(value, "abc");
}
END_TEST

START_TEST(files_are_cut)
{
	static char large[2 * KEY_FILE_MAX];
	char text[KEY_FILE_MAX];

	memset(large, 'x', sizeof(large) - 1);
	make_file("large", large);
	ck_assert(key_file_read(folder, "/large", text));
	ck_assert_uint_eq(strlen(text), KEY_FILE_MAX - 1);
	ck_assert(!key_file_read(folder, "/nowhere", text));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("key_file");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, values_are_found_by_their_keys);
	tcase_add_test(tc, a_value_that_does_not_fit_is_none);
	tcase_add_test(tc, files_are_cut);
	return suite_run_case("key_file", tc);
}
