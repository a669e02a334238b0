/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Orders, as a folder that plays cgroup2 gets them. */
#include "drivers/memory/reclaim.h"
#include "tests/unit/guest-agent/memory_folder.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <unistd.h>

static atomic_bool stop;
static const char *by;
static uint64_t reclaimed;

static void setup(void)
{
	make_folder();
	make_folder_of("sys");
	make_folder_of("sys/fs");
	make_folder_of("sys/fs/cgroup");
	atomic_store(&stop, false);
}

static void make_cgroup2(void)
{
	make_file("sys/fs/cgroup/cgroup.controllers", "memory\n");
}

static void expect_text(const char *name, const char *expected)
{
	char text[256] = "";
	FILE *file = fopen(in_folder(name), "r");

	ck_assert_ptr_nonnull(file);
	ck_assert(fgets(text, sizeof(text), file) || !*expected);
	fclose(file);
	ck_assert_str_eq(text, expected);
}

START_TEST(the_root_gives_all_in_pieces)
{
	make_cgroup2();
	make_file("sys/fs/cgroup/memory.reclaim", "");
	ck_assert_str_eq(reclaim_way(folder), "cgroup");
	ck_assert_int_eq(reclaim_run(folder, 40 << 20, &stop, &by, &reclaimed), 0);
	ck_assert_uint_eq(reclaimed, 40 << 20);
	ck_assert_str_eq(by, "cgroup");
	expect_text("sys/fs/cgroup/memory.reclaim", "16777216167772168388608");
}
END_TEST

START_TEST(without_a_root_the_groups_give_in_turn)
{
	make_cgroup2();
	make_folder_of("sys/fs/cgroup/a");
	make_folder_of("sys/fs/cgroup/b");
	make_folder_of("sys/fs/cgroup/without");
	make_file("sys/fs/cgroup/a/memory.reclaim", "");
	make_file("sys/fs/cgroup/b/memory.reclaim", "");
	ck_assert_str_eq(reclaim_way(folder), "cgroups");
	ck_assert_int_eq(reclaim_run(folder, 4 << 20, &stop, &by, &reclaimed), 0);
	ck_assert_uint_eq(reclaimed, 4 << 20);
	expect_text("sys/fs/cgroup/a/memory.reclaim", "2097152");
	expect_text("sys/fs/cgroup/b/memory.reclaim", "2097152");
}
END_TEST

START_TEST(a_mixed_system_has_it_elsewhere)
{
	make_folder_of("sys/fs/cgroup/unified");
	make_file("sys/fs/cgroup/unified/cgroup.controllers", "");
	ck_assert_str_eq(reclaim_way(folder), "");
	make_file("sys/fs/cgroup/unified/memory.reclaim", "");
	ck_assert_str_eq(reclaim_way(folder), "cgroup");
}
END_TEST

START_TEST(an_old_kernel_cannot)
{
	ck_assert_str_eq(reclaim_way(folder), "");
	ck_assert_int_eq(reclaim_run(folder, 1, &stop, &by, &reclaimed), -EOPNOTSUPP);
	make_cgroup2();
	ck_assert_int_eq(reclaim_run(folder, 1, &stop, &by, &reclaimed), -EOPNOTSUPP);
	ck_assert_uint_eq(reclaimed, 0);
	ck_assert_str_eq(by, "");
}
END_TEST

START_TEST(what_the_kernel_refuses_is_an_error_and_ends)
{
	make_cgroup2();
	ck_assert_int_eq(symlink("/dev/full", in_folder("sys/fs/cgroup/memory.reclaim")), 0);
	ck_assert_int_eq(reclaim_run(folder, 64 << 20, &stop, &by, &reclaimed), -ENOSPC);
	ck_assert_uint_eq(reclaimed, 0);
}
END_TEST

START_TEST(it_can_be_stopped)
{
	make_cgroup2();
	make_file("sys/fs/cgroup/memory.reclaim", "");
	atomic_store(&stop, true);
	ck_assert_int_eq(reclaim_run(folder, UINT64_MAX, &stop, &by, &reclaimed), 0);
	ck_assert_uint_eq(reclaimed, 0);
	expect_text("sys/fs/cgroup/memory.reclaim", "");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("reclaim");

	tcase_add_checked_fixture(tests, setup, remove_folder);
	tcase_add_test(tests, the_root_gives_all_in_pieces);
	tcase_add_test(tests, without_a_root_the_groups_give_in_turn);
	tcase_add_test(tests, a_mixed_system_has_it_elsewhere);
	tcase_add_test(tests, an_old_kernel_cannot);
	tcase_add_test(tests, what_the_kernel_refuses_is_an_error_and_ends);
	tcase_add_test(tests, it_can_be_stopped);
	return suite_run_case("reclaim", tests);
}
