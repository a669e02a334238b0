/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/progress.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ULL
#define MIB    (1024ULL * 1024)

static char line[256];

START_TEST(half_way)
{
	struct progress progress = {
		.title = "disk.img", .done_bytes = 50 * MIB, .total_bytes = 100 * MIB};

	progress_line(&progress, 5 * SECOND, 100, line, sizeof(line));
	ck_assert_str_eq(line, "disk.img [====================>                   ]  50% "
			       "50.0 MiB of 100 MiB, 10.0 MiB/s, 0:05 left");
}
END_TEST

START_TEST(done)
{
	struct progress progress = {.title = "f", .done_bytes = MIB, .total_bytes = MIB};

	progress_line(&progress, SECOND, 80, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "=] 100% 1.00 MiB of 1.00 MiB"));
	ck_assert_ptr_null(strstr(line, "left"));
}
END_TEST

/* A file that grows while it is copied, or a guest that lies about its size. */
START_TEST(more_than_all)
{
	struct progress progress = {.title = "f", .done_bytes = 3 * MIB, .total_bytes = MIB};

	progress_line(&progress, SECOND, 80, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "] 100% "));
}
END_TEST

START_TEST(without_a_total)
{
	struct progress progress = {.title = "tree", .done_bytes = 2 * MIB, .items = 7};

	progress_line(&progress, 2 * SECOND, 80, line, sizeof(line));
	ck_assert_str_eq(line, "tree 2.00 MiB, 1.00 MiB/s, 7 files");
}
END_TEST

START_TEST(never_wider_than_the_terminal)
{
	struct progress progress = {.title = "a-name-of-some-length",
				    .done_bytes = 50 * MIB,
				    .total_bytes = 100 * MIB,
				    .items = 12345};

	progress_line(&progress, SECOND, (size_t)_i, line, sizeof(line));
	ck_assert_uint_le(strlen(line), (size_t)_i);
}
END_TEST

START_TEST(extremes_do_not_break_it)
{
	struct progress progress = {
		.title = "f", .done_bytes = UINT64_MAX, .total_bytes = UINT64_MAX, .items = 2};

	progress_line(&progress, 0, 80, line, sizeof(line));
	ck_assert_uint_le(strlen(line), 80);
	progress.done_bytes = 1;
	progress_line(&progress, UINT64_MAX, 80, line, sizeof(line));
	ck_assert_uint_le(strlen(line), 80);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("progress");

	tcase_add_test(tc, half_way);
	tcase_add_test(tc, done);
	tcase_add_test(tc, more_than_all);
	tcase_add_test(tc, without_a_total);
	tcase_add_loop_test(tc, never_wider_than_the_terminal, 0, 120);
	tcase_add_test(tc, extremes_do_not_break_it);
	return suite_run_case("progress", tc);
}
