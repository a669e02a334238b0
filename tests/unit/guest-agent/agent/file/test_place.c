/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/file/place.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(a_path_is_taken_apart)
{
	struct place place;

	ck_assert_int_eq(place_open("/etc/hosts", &place), 0);
	ck_assert_str_eq(place.name, "hosts");
	place_close(&place);
	ck_assert_int_eq(place_open("/etc///", &place), 0);
	ck_assert_str_eq(place.name, "etc");
	place_close(&place);
	ck_assert_int_lt(place.directory, 0);
}
END_TEST

START_TEST(what_names_no_file_is_refused)
{
	char longest[600];
	struct place place;

	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(place_open("/", &place), -EEXIST);
	ck_assert_int_eq(place_open("/etc/..", &place), -EINVAL);
	ck_assert_int_eq(place_open("/etc/.", &place), -EINVAL);
	ck_assert_int_eq(place_open("/etc/passwd/x", &place), -ENOTDIR);
	ck_assert_int_eq(place_open("/there/is/none", &place), -ENOENT);
	ck_assert_int_eq(place_open(longest, &place), -ENAMETOOLONG);
	ck_assert_int_lt(place.directory, 0);
}
END_TEST

START_TEST(new_files_have_names_of_their_own)
{
	char one[32], other[32];
	struct place place;
	int fd;

	ck_assert_int_eq(place_open(in_folder("x"), &place), 0);
	fd = place_create(&place, 0600, one);
	ck_assert_int_ge(fd, 0);
	close(fd);
	fd = place_create(&place, 0600, other);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_str_ne(one, other);
	place_close(&place);
}
END_TEST

/* The user who owns the folder swaps it for a link while we work: we stay where we were. */
START_TEST(a_swapped_folder_misleads_nobody)
{
	char real[256], moved[256], name[32];
	struct place place;
	int fd;

	strcpy(real, in_folder("real"));
	strcpy(moved, in_folder("moved"));
	ck_assert_int_eq(mkdir(real, 0700), 0);
	ck_assert_int_eq(place_open(in_folder("real/x"), &place), 0);
	ck_assert_int_eq(rename(real, moved), 0);
	ck_assert_int_eq(symlink("/etc", real), 0);
	fd = place_create(&place, 0600, name);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(unlinkat(place.directory, name, 0), 0);
	ck_assert_int_eq(rmdir(moved), 0);
	place_close(&place);
}
END_TEST

START_TEST(attributes_do_not_go_through_links)
{
	const struct file_write_params want = {
		.set_mode = true, .mode = 0777, .set_mtime = true, .mtime_ns = -1};
	struct place place;
	struct stat st;

	make_file("target", "");
	chmod(in_folder("target"), 0600);
	ck_assert_int_eq(symlink("target", in_folder("link")), 0);
	ck_assert_int_eq(place_open(in_folder("link"), &place), 0);
	ck_assert_int_eq(place_set_attributes(&place, -1, &want), -ELOOP);
	place_close(&place);
	ck_assert_int_eq(stat(in_folder("target"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);

	ck_assert_int_eq(place_open(in_folder("target"), &place), 0);
	ck_assert_int_eq(place_set_attributes(&place, -1, &want), 0);
	place_close(&place);
	ck_assert_int_eq(stat(in_folder("target"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0777);
	ck_assert_int_eq(st.st_mtim.tv_sec, -1);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 999999999);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("place");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, a_path_is_taken_apart);
	tcase_add_test(tc, what_names_no_file_is_refused);
	tcase_add_test(tc, new_files_have_names_of_their_own);
	tcase_add_test(tc, a_swapped_folder_misleads_nobody);
	tcase_add_test(tc, attributes_do_not_go_through_links);
	return suite_run_case("place", tc);
}
