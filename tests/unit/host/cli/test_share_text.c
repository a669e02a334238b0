/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/share_text.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char error[256], folder[64];

static void set_up(void)
{
	strcpy(folder, "/tmp/lodge-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("a,b", 0700), 0);
	ck_assert_int_eq(symlink("a,b", "link"), 0);
	ck_assert_int_eq(symlink("/dev/null", "file"), 0);
}

static void tear_down(void)
{
	ck_assert_int_eq(rmdir("a,b") | unlink("link") | unlink("file"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static const struct {
	const char *text, *line; /* %s: the folder */
} lines[] = {
	{"x=a,,b", "x=%s/a,,b"},
	{"x=./link,ro,at=/mnt/c,,d", "x=%s/a,,b,ro,at=/mnt/c,,d"},
	{"x=..,cache=never", "x=/tmp,cache=never"},
	{"x=/,nonsense", "x=/,nonsense"},
};

START_TEST(a_folder_is_put_in_order)
{
	char expected[128], *line;

	snprintf(expected, sizeof(expected), lines[_i].line, folder);
	ck_assert_int_eq(share_line(lines[_i].text, &line, error, sizeof(error)), 0);
	ck_assert_str_eq(line, expected);
	free(line);
}
END_TEST

static const struct {
	const char *text;
	int error;
	const char *about;
} bad[] = {
	{"x", -EINVAL, "'x'"},
	{"x=a", -ENOENT, "a cannot be shared"},
	{"x=a,b", -ENOENT, "a cannot be shared"},
	{"x=", -ENOENT, "cannot be shared"},
	{"x=file,ro", -ENOTDIR, "file cannot be shared"},
};

START_TEST(what_is_no_folder_is_told)
{
	char *line;

	ck_assert_int_eq(share_line(bad[_i].text, &line, error, sizeof(error)), bad[_i].error);
	ck_assert_msg(strstr(error, bad[_i].about), "%s", error);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("share_text");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, a_folder_is_put_in_order, 0, ARRAY_SIZE(lines));
	tcase_add_loop_test(tc, what_is_no_folder_is_told, 0, ARRAY_SIZE(bad));
	return suite_run_case("share_text", tc);
}
