/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/dax_copy.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE   ((uint64_t)DAX_PAGE_BYTES)
#define WINDOW (4ULL << 20)

static struct dax_window *window;
static int file_fd, memory_fd;
static uint8_t bytes[DAX_PAGE_BYTES];

/* A file of four pages in the window, from its second page on: letters. */
static void set_up(void)
{
	int given;

	file_fd = memfd_create("file", MFD_CLOEXEC);
	memory_fd = memfd_create("memory", MFD_CLOEXEC);
	given = dup(file_fd);
	for (int i = 0; i < 4; i++) {
		memset(bytes, 'a' + i, sizeof(bytes));
		ck_assert_int_eq(write(file_fd, bytes, sizeof(bytes)), sizeof(bytes));
	}
	ck_assert_int_eq(ftruncate(memory_fd, 4 * DAX_PAGE_BYTES), 0);
	ck_assert_int_eq(dax_window_new(WINDOW, &window), 0);
	ck_assert_int_eq(dax_window_map(window, PAGE, 4 * PAGE, &given, 0, true), 0);
	if (given >= 0)
		close(given);
}

static void tear_down(void)
{
	dax_window_free(window);
	close(file_fd);
	close(memory_fd);
}

static char in_memory(off_t at)
{
	char byte;

	ck_assert_int_eq(pread(memory_fd, &byte, 1, at), 1);
	return byte;
}

START_TEST(bytes_come_and_go)
{
	ck_assert_int_eq(dax_copy(window, 2 * PAGE - 1, 3, memory_fd, 10, false), 0);
	ck_assert_int_eq(in_memory(9), 0);
	ck_assert_int_eq(in_memory(10), 'a');
	ck_assert_int_eq(in_memory(11), 'b');
	ck_assert_int_eq(in_memory(12), 'b');
	ck_assert_int_eq(dax_copy(window, 4 * PAGE, 2, memory_fd, 10, true), 0);
	ck_assert_int_eq(pread(file_fd, bytes, 3, 3 * DAX_PAGE_BYTES), 3);
	ck_assert_mem_eq(bytes, "abd", 3);
}
END_TEST

START_TEST(a_file_cut_short_is_an_error_and_no_signal)
{
	ck_assert_int_eq(ftruncate(file_fd, 0), 0);
	ck_assert_int_eq(dax_copy(window, PAGE, PAGE, memory_fd, 0, false), -EFAULT);
	ck_assert_int_eq(dax_copy(window, PAGE, PAGE, memory_fd, 0, true), -EFAULT);
}
END_TEST

static const struct {
	uint64_t offset, length, file_offset;
	int result;
} wrong[] = {
	{WINDOW, 1, 0, -EFAULT},	{WINDOW - 1, 2, 0, -EFAULT}, {UINT64_MAX, 1, 0, -EFAULT},
	{0, UINT64_MAX, 0, -EFAULT},	{1, UINT64_MAX, 0, -EFAULT}, {0, 1, UINT64_MAX, -EINVAL},
	{0, 2, INT64_MAX - 1, -EINVAL},
};

START_TEST(nothing_else_is_reached)
{
	for (int into = 0; into < 2; into++)
		ck_assert_int_eq(dax_copy(window, wrong[_i].offset, wrong[_i].length, memory_fd,
					  wrong[_i].file_offset, into),
				 wrong[_i].result);
}
END_TEST

START_TEST(what_is_no_file_or_too_short_is_refused)
{
	int pipes[2];

	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(dax_copy(window, PAGE, 1, pipes[1], 0, false), -EBADF);
	ck_assert_int_eq(dax_copy(window, PAGE, 1, pipes[0], 0, true), -EBADF);
	ck_assert_int_eq(dax_copy(window, PAGE, 1, -1, 0, true), -EBADF);
	close(pipes[0]);
	close(pipes[1]);
	ck_assert_int_eq(dax_copy(window, PAGE, 1, memory_fd, 4 * DAX_PAGE_BYTES, true), -ENODATA);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dax_copy");
	TCase *tc = tcase_create("dax_copy");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, bytes_come_and_go);
	tcase_add_test(tc, a_file_cut_short_is_an_error_and_no_signal);
	tcase_add_loop_test(tc, nothing_else_is_reached, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, what_is_no_file_or_too_short_is_refused);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
