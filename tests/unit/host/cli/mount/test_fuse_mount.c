/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/mount/fuse_mount.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	struct fuse_mount mount;
	const char *options;
} options[] = {
	{{"vm:/srv", "/mnt", false, false}, "nosuid,nodev,subtype=lodge,fsname=vm:/srv"},
	{{"vm:/a,b\\c", "/mnt", true, false},
	 "nosuid,nodev,subtype=lodge,ro,fsname=vm:/a\\,b\\\\c"},
	{{"vm:/", "/mnt", false, true}, "nosuid,nodev,subtype=lodge,allow_other,fsname=vm:/"},
};

START_TEST(the_helper_is_told_and_cannot_be_fooled)
{
	char *text = fuse_mount_options(&options[_i].mount);

	ck_assert_str_eq(text, options[_i].options);
	free(text);
}
END_TEST

static const struct {
	const char *field, *meant;
} fields[] = {
	{"/mnt", "/mnt"},
	{"/a\\040b", "/a b"},
	{"\\134040", "\\040"},
	{"/a\\012\\011", "/a\n\t"},
	{"/a\\04", "/a\\04"},
	{"/a\\777", "/a\\777"},
	{"", ""},
};

START_TEST(numbers_are_bytes_again)
{
	char field[32];

	strcpy(field, fields[_i].field);
	fuse_mount_unescape(field);
	ck_assert_str_eq(field, fields[_i].meant);
}
END_TEST

static const struct {
	const char *path, *point;
} points[] = {
	{"/", "/"},
	{"/usr/..", "/"},
	{"/nowhere", "/nowhere"},
	{"//usr///nowhere//", "/usr/nowhere"},
	{"/usr/../usr/nowhere", "/usr/nowhere"},
	{"nowhere", "/usr/nowhere"},
	{"./nowhere/", "/usr/nowhere"},
	{".", "/usr"},
	{"..", "/"},
};

START_TEST(a_point_is_found_without_looking_at_it)
{
	char *point;

	ck_assert_int_eq(chdir("/usr"), 0);
	ck_assert_int_eq(fuse_mount_point(points[_i].path, &point), 0);
	ck_assert_str_eq(point, points[_i].point);
	free(point);
}
END_TEST

START_TEST(what_is_nowhere_is_not_ours)
{
	char source[256], *point;

	ck_assert_int_eq(fuse_mount_point("/nowhere/x", &point), -ENOENT);
	ck_assert_int_eq(fuse_mount_source("/proc", source, sizeof(source)), -EINVAL);
	ck_assert_int_eq(fuse_mount_source("/nowhere", source, sizeof(source)), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("fuse_mount");

	tcase_add_loop_test(tc, the_helper_is_told_and_cannot_be_fooled, 0, ARRAY_SIZE(options));
	tcase_add_loop_test(tc, numbers_are_bytes_again, 0, ARRAY_SIZE(fields));
	tcase_add_loop_test(tc, a_point_is_found_without_looking_at_it, 0, ARRAY_SIZE(points));
	tcase_add_test(tc, what_is_nowhere_is_not_ours);
	return suite_run_case("fuse_mount", tc);
}
