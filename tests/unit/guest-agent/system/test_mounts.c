/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/mounts.h"
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

START_TEST(a_line_is_taken_apart)
{
	char line[] = "36 35 98:0 /mnt1 /a\\040b\\134c ro,noatime master:1 shared:2 - ext3 "
		      "/dev/r\\040t rw";
	struct mount mount;

	ck_assert_int_eq(mount_parse(line, &mount), 0);
	ck_assert(slice_is(mount.mount_point, "/a b\\c"));
	ck_assert(slice_is(mount.type, "ext3"));
	ck_assert(slice_is(mount.source, "/dev/r t"));
	ck_assert_uint_eq(mount.major, 98);
	ck_assert_uint_eq(mount.minor, 0);
	ck_assert(mount.read_only);
}
END_TEST

START_TEST(cut_lines_are_refused)
{
	static const char whole[] = "36 35 98:0 / /mnt rw,errors=remount-ro - ext3 /dev/root rw";
	char line[sizeof(whole)];
	struct mount mount;

	strcpy(line, whole);
	ck_assert_int_eq(mount_parse(line, &mount), 0);
	ck_assert(!mount.read_only);
	for (size_t length = 0; length < strlen("36 35 98:0 / /mnt rw,errors=remount-ro - ext3 ");
	     length++) {
		memcpy(line, whole, length);
		line[length] = '\0';
		ck_assert_int_eq(mount_parse(line, &mount), -EBADMSG);
	}
}
END_TEST

START_TEST(kernel_file_systems_and_repeats_are_left_out)
{
	static struct store store;
	struct mount mounts[MOUNTS_MAX];
	const char *path = make_file("mountinfo", "1 0 0:2 / /proc rw - proc proc rw\n"
						  "2 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
						  "nonsense\n"
						  "3 0 8:1 /home /home rw - ext4 /dev/sda1 rw\n"
						  "4 0 0:40 / /nfs rw - nfs4 server:/x rw\n");

	ck_assert_uint_eq(mounts_read(path, &store, mounts), 2);
	ck_assert(slice_is(mounts[0].mount_point, "/"));
	ck_assert(slice_is(mounts[1].source, "server:/x"));
}
END_TEST

START_TEST(too_many_are_cut)
{
	static struct store store;
	struct mount mounts[MOUNTS_MAX];
	FILE *file = fopen(in_folder("mountinfo"), "w");

	for (int i = 0; i < 2 * MOUNTS_MAX; i++)
		fprintf(file, "1 0 9:%d / /m%d rw - ext4 /dev/x rw\n", i, i);
	fclose(file);
	ck_assert_uint_eq(mounts_read(in_folder("mountinfo"), &store, mounts), MOUNTS_MAX);
}
END_TEST

START_TEST(figures_come_from_the_file_system)
{
	struct mount mount = {0};

	ck_assert_int_eq(mount_figures("/", &mount), 0);
	ck_assert_uint_gt(mount.size_bytes, mount.used_bytes);
	ck_assert_int_eq(mount_figures("/there/is/none", &mount), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("mounts");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, a_line_is_taken_apart);
	tcase_add_test(tc, cut_lines_are_refused);
	tcase_add_test(tc, kernel_file_systems_and_repeats_are_left_out);
	tcase_add_test(tc, too_many_are_cut);
	tcase_add_test(tc, figures_come_from_the_file_system);
	return suite_run_case("mounts", tc);
}
