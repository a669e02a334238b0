/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/kernel_file.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/lodge-kernel-XXXXXX";
static char error[256];

/* A file of @size bytes with @text at @offset. */
static int check_file(size_t size, size_t offset, const char *text)
{
	char bytes[1024] = {0};
	int fd, r;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	memcpy(bytes + offset, text, strlen(text));
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	r = kernel_file_check(path, error, sizeof(error));
	unlink(path);
	return r;
}

START_TEST(kernels_pass)
{
	ck_assert_int_eq(check_file(1024, 0x202, "HdrS"), 0);
	ck_assert_int_eq(check_file(64, 0, "\177ELF"), 0);
}
END_TEST

START_TEST(other_files_are_named_and_refused)
{
	ck_assert_int_eq(check_file(1024, 0, "\037\213 a gzip file"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, path));
	ck_assert_int_eq(check_file(0, 0, ""), -EINVAL);
	ck_assert_int_eq(check_file(0x204, 0x202, "HdrS"), -EINVAL);
}
END_TEST

START_TEST(what_cannot_be_read_says_why)
{
	ck_assert_int_eq(kernel_file_check("/nowhere/kernel", error, sizeof(error)), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "/nowhere/kernel"));
	ck_assert_int_eq(kernel_file_check("/tmp", error, sizeof(error)), -EISDIR);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("kernel_file");

	tcase_add_test(tc, kernels_pass);
	tcase_add_test(tc, other_files_are_named_and_refused);
	tcase_add_test(tc, what_cannot_be_read_says_why);
	return suite_run_case("kernel_file", tc);
}
