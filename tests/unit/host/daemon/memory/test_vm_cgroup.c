/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cgroup2 as plain folders, with the files in them that the kernel would make. */
#include "host/daemon/memory/vm_cgroup.h"
#include "played_root.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PID  4711
#define USER "/user.slice/user-7.slice/user@7.service"

static struct played_root played;
static const char *const root = played.path;
static char path[PATH_MAX];

static const char *below(const char *name)
{
	static char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s%s", root, name);
	return whole;
}

static void put(const char *name, const char *text)
{
	played_root_put(&played, name, text);
}

static void expect(const char *name, const char *text)
{
	char got[64] = "";
	FILE *file = fopen(below(name), "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(got, sizeof(got), file));
	fclose(file);
	ck_assert_str_eq(got, text);
}

static void set_up(void)
{
	played_root_make(&played);
	put("/proc/self/mountinfo",
	    "24 29 0:22 / /proc rw,nosuid - proc proc rw\n"
	    "32 29 0:27 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
	put("/proc/self/cgroup", "9:pids:/x\n0::/system.slice/lodge.service\n");
	put("/cg/cgroup.controllers", "cpuset cpu io memory pids\n");
	put("/cg/cgroup.subtree_control", "");
	put("/cg/lodge/cgroup.subtree_control", "");
}

static void tear_down(void)
{
	played_root_remove(&played);
}

START_TEST(a_vm_has_one_and_is_limited)
{
	put("/cg/lodge/4711/cgroup.procs", "");
	put("/cg/lodge/4711/memory.high", "");
	ck_assert_int_eq(vm_cgroup_prepare(root, path, sizeof(path)), 0);
	ck_assert_str_eq(path, below("/cg/lodge"));
	expect("/cg/cgroup.subtree_control", "+memory");
	expect("/cg/lodge/cgroup.subtree_control", "+memory");
	ck_assert_int_eq(vm_cgroup_enter(path, PID), 0);
	expect("/cg/lodge/4711/cgroup.procs", "4711");
	ck_assert_int_eq(vm_cgroup_check(path, PID), 0);
	ck_assert_int_eq(vm_cgroup_limit(path, PID, 1 << 20), 0);
	expect("/cg/lodge/4711/memory.high", "1048576");
	put("/cg/lodge/4711/memory.high", "");
	ck_assert_int_eq(vm_cgroup_limit(path, PID, 0), 0);
	expect("/cg/lodge/4711/memory.high", "max");
}
END_TEST

START_TEST(a_user_s_are_below_what_is_delegated)
{
	put("/proc/self/cgroup", "0::" USER "/app.slice/lodge.scope\n");
	put("/cg" USER "/cgroup.controllers", "memory pids\n");
	put("/cg" USER "/cgroup.subtree_control", "");
	put("/cg" USER "/lodge/cgroup.subtree_control", "");
	ck_assert_int_eq(vm_cgroup_prepare(root, path, sizeof(path)), 0);
	ck_assert_str_eq(path, below("/cg" USER "/lodge"));
}
END_TEST

START_TEST(those_that_are_over_are_removed)
{
	mkdir(below("/cg/lodge/12"), 0700);
	put("/cg/lodge/13/cgroup.procs", "13\n");
	ck_assert_int_eq(vm_cgroup_prepare(root, path, sizeof(path)), 0);
	ck_assert_int_eq(vm_cgroup_check(path, 12), -ENOENT);
	ck_assert_int_eq(vm_cgroup_check(path, 13), 0);
	mkdir(below("/cg/lodge/14"), 0700);
	vm_cgroup_remove(path, 14);
	ck_assert_int_eq(vm_cgroup_check(path, 14), -ENOENT);
}
END_TEST

START_TEST(one_that_still_had_processes_goes_when_the_next_comes)
{
	ck_assert_int_eq(vm_cgroup_prepare(root, path, sizeof(path)), 0);
	put("/cg/lodge/15/cgroup.procs", "15\n");
	vm_cgroup_remove(path, 15);
	ck_assert_int_eq(vm_cgroup_check(path, 15), 0);
	ck_assert_int_eq(unlink(below("/cg/lodge/15/cgroup.procs")), 0);
	put("/cg/lodge/4711/cgroup.procs", "");
	ck_assert_int_eq(vm_cgroup_enter(path, PID), 0);
	ck_assert_int_eq(vm_cgroup_check(path, 15), -ENOENT);
	ck_assert_int_eq(vm_cgroup_check(path, PID), 0);
}
END_TEST

START_TEST(without_memory_there_is_none)
{
	put("/cg/cgroup.controllers", "cpu memoryless pids\n");
	ck_assert_int_eq(vm_cgroup_prepare(root, path, sizeof(path)), -EOPNOTSUPP);
	put("/proc/self/mountinfo", "24 29 0:22 / /proc rw,nosuid - proc proc rw\nnonsense\n - \n");
	ck_assert_int_eq(vm_cgroup_prepare(root, path, sizeof(path)), -EOPNOTSUPP);
	unlink(below("/proc/self/mountinfo"));
	ck_assert_int_eq(vm_cgroup_prepare(root, path, sizeof(path)), -EOPNOTSUPP);
}
END_TEST

START_TEST(what_is_not_ours_is_left_alone)
{
	unlink(below("/cg/cgroup.subtree_control"));
	ck_assert_int_eq(vm_cgroup_prepare(root, path, sizeof(path)), -ENOENT);
	ck_assert_int_eq(vm_cgroup_enter("", PID), -ENOENT);
	ck_assert_int_eq(vm_cgroup_limit("", PID, 5), -ENOENT);
	ck_assert_int_eq(vm_cgroup_check("", PID), -ENOENT);
	vm_cgroup_remove("", PID);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("vm_cgroup");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_vm_has_one_and_is_limited);
	tcase_add_test(tests, a_user_s_are_below_what_is_delegated);
	tcase_add_test(tests, those_that_are_over_are_removed);
	tcase_add_test(tests, one_that_still_had_processes_goes_when_the_next_comes);
	tcase_add_test(tests, without_memory_there_is_none);
	tcase_add_test(tests, what_is_not_ours_is_left_alone);
	return suite_run_case("vm_cgroup", tests);
}
