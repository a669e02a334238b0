/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/collect.h"
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

static struct store store;

START_TEST(os_release_is_read_as_a_shell_would)
{
	struct info info = {0};

	collect_os_release(&store,
			   make_file("os-release", "# comment\nID=debian\n"
						   "PRETTY_NAME=\"A \\\"quoted\\\" name\"\n"
						   "NAME='Single $x'\nVERSION_ID=12\nVERSION=no\n"),
			   &info);
	ck_assert(slice_is(info.os_id, "debian"));
	ck_assert(slice_is(info.os_pretty, "A \"quoted\" name"));
	ck_assert(slice_is(info.os_name, "Single $x"));
	ck_assert(slice_is(info.os_version, "12"));
}
END_TEST

START_TEST(unfinished_quotes_and_missing_files_do_no_harm)
{
	struct info info = {0};

	collect_os_release(&store, make_file("os-release", "ID=\"open\nNAME=\\"), &info);
	ck_assert(slice_is(info.os_id, "open"));
	collect_os_release(&store, "/there/is/none", &info);
	collect_memory_from("/there/is/none", &info);
	collect_load_from("/there/is/none", &info);
	ck_assert_uint_eq(info.memory_total_bytes, 0);
}
END_TEST

START_TEST(memory_and_load_have_their_units)
{
	struct info info = {0};

	collect_memory_from(make_file("meminfo", "MemTotal:    2048 kB\nMemFree:  1 kB\n"
						 "SwapCached:  7 kB\nCached:  3 kB\n"),
			    &info);
	ck_assert_uint_eq(info.memory_total_bytes, 2048 * 1024);
	ck_assert_uint_eq(info.memory_cached_bytes, 3 * 1024);
	collect_load_from(make_file("loadavg", "0.05 12.50 3.00 1/99 77\n"), &info);
	ck_assert_uint_eq(info.load_1_milli, 50);
	ck_assert_uint_eq(info.load_5_milli, 12500);
	ck_assert_uint_eq(info.load_15_milli, 3000);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("identity");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, os_release_is_read_as_a_shell_would);
	tcase_add_test(tc, unfinished_quotes_and_missing_files_do_no_harm);
	tcase_add_test(tc, memory_and_load_have_their_units);
	return suite_run_case("identity", tc);
}
