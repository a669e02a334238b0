/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/share_list.h"

#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/lodge-test-share-list-XXXXXX";

static void setup(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void teardown(void)
{
	unlink(path);
}

START_TEST(a_list_comes_back)
{
	const struct share_line lines[] = {
		{.name = "one", .read_only = true, .state = SHARE_MOUNTED, .at = "/mnt/a b"},
		{.name = "two", .state = SHARE_OFFERED},
		{.name = "three", .state = SHARE_WAITING, .at = "/x"},
	};
	static struct share_line back[SHARE_MAX];

	ck_assert_int_eq(share_list_write(path, lines, 3), 0);
	ck_assert_int_eq(share_list_read(path, back), 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_str_eq(back[i].name, lines[i].name);
		ck_assert_str_eq(back[i].at, lines[i].at);
		ck_assert_int_eq(back[i].state, lines[i].state);
		ck_assert(back[i].read_only == lines[i].read_only);
	}
	ck_assert_int_eq(share_list_write(path, NULL, 0), 0);
	ck_assert_int_eq(share_list_read(path, back), -ENOENT);
}
END_TEST

START_TEST(lines_that_are_none_are_left_out)
{
	static struct share_line back[SHARE_MAX];
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs("one rw\n../x rw offered \none rw asleep \n\nfine ro offered \n", file);
	fclose(file);
	ck_assert_int_eq(share_list_read(path, back), 1);
	ck_assert_str_eq(back[0].name, "fine");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("share_list");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_list_comes_back);
	tcase_add_test(tests, lines_that_are_none_are_left_out);
	return suite_run_case("share_list", tests);
}
