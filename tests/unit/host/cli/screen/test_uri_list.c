/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/screen/uri_list.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static struct screen_bytes list;
static char path[URI_LIST_PATH_MAX];

static void clear(void)
{
	screen_bytes_end(&list);
}

static const char *const paths[] = {
	"/plain.txt", "/with space/ä%20#?;", "/a\nb\r", "/\xff\x01", "/-._~/deep/er",
};

START_TEST(what_is_written_is_read)
{
	size_t at = 0;

	ck_assert_int_eq(uri_list_add(&list, "/first"), 0);
	ck_assert_int_eq(uri_list_add(&list, paths[_i]), 0);
	ck_assert_int_eq(uri_list_next(&list, &at, path), 1);
	ck_assert_str_eq(path, "/first");
	ck_assert_int_eq(uri_list_next(&list, &at, path), 1);
	ck_assert_str_eq(path, paths[_i]);
	ck_assert_int_eq(uri_list_next(&list, &at, path), 0);
}
END_TEST

START_TEST(what_needs_coding_is_coded)
{
	ck_assert_int_eq(uri_list_add(&list, "/a b/ä"), 0);
	ck_assert_int_eq(screen_bytes_add(&list, "", 1), 0);
	ck_assert_str_eq((const char *)list.bytes, "file:///a%20b/%C3%A4\r\n");
}
END_TEST

static const struct {
	const char *text, *path; /* NULL: refused; "": the end */
} lists[] = {
	{"file:///a", "/a"},
	{"file:/a\n", "/a"},
	{"FILE://localhost/a\r\n", "/a"},
	{"# comment\r\n\r\nfile:///a%2Fb", "/a/b"},
	{"", ""},
	{"# only a comment", ""},
	{"http://host/a", NULL},
	{"file://elsewhere/a", NULL},
	{"file:a", NULL},
	{"/a", NULL},
	{"file:///a%", NULL},
	{"file:///a%2", NULL},
	{"file:///a%zz", NULL},
	{"file:///a%00b", NULL},
	{"file://", NULL},
};

START_TEST(guests_lists_are_read_with_care)
{
	size_t at = 0;
	int r;

	ck_assert_int_eq(screen_bytes_add(&list, lists[_i].text, strlen(lists[_i].text)), 0);
	r = uri_list_next(&list, &at, path);
	if (!lists[_i].path) {
		ck_assert_int_eq(r, -EBADMSG);
	} else if (!lists[_i].path[0]) {
		ck_assert_int_eq(r, 0);
	} else {
		ck_assert_int_eq(r, 1);
		ck_assert_str_eq(path, lists[_i].path);
	}
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
	static char text[URI_LIST_PATH_MAX + 16];
	size_t at = 0;

	memset(text, 'a', sizeof(text));
	memcpy(text, "file:///", 8);
	ck_assert_int_eq(screen_bytes_add(&list, text, sizeof(text)), 0);
	ck_assert_int_eq(uri_list_next(&list, &at, path), -EBADMSG);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("uri_list");

	tcase_add_checked_fixture(tc, clear, clear);
	tcase_add_loop_test(tc, what_is_written_is_read, 0, sizeof(paths) / sizeof(paths[0]));
	tcase_add_test(tc, what_needs_coding_is_coded);
	tcase_add_loop_test(tc, guests_lists_are_read_with_care, 0,
			    sizeof(lists) / sizeof(lists[0]));
	tcase_add_test(tc, a_path_that_is_too_long_is_refused);
	return suite_run_case("uri_list", tc);
}
