/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory/host_memory.h"
#include "played_root.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <unistd.h>

static struct played_root played;
static const char *const root = played.path;
static struct host_memory host;

static void write_below(const char *path, const char *text)
{
	played_root_put(&played, path, text);
}

static void set_up(void)
{
	played_root_make(&played);
	host = (struct host_memory){0};
}

static void tear_down(void)
{
	played_root_remove(&played);
}

START_TEST(meminfo_is_read)
{
	write_below("/proc/meminfo", "MemTotal:       24000000 kB\nMemFree:         1000000 kB\n"
				     "MemAvailable:   20000000 kB\nSwapTotal:       4000 kB\n"
				     "SwapFree:        1000 kB\n");
	ck_assert_int_eq(host_memory_read(root, &host), 0);
	ck_assert_uint_eq(host.total_bytes, 24000000 * MEMORY_KIB);
	ck_assert_uint_eq(host.available_bytes, 20000000 * MEMORY_KIB);
	ck_assert_uint_eq(host.swap_used_bytes, 3000 * MEMORY_KIB);
	ck_assert_uint_eq(host.ksm_saved_bytes, 0);
}
END_TEST

static const char *const nonsense[] = {
	"",
	"MemTotal: 100000 kB\n",
	"MemTotal: many kB\nMemAvailable: 1 kB\n",
	"MemTotal: 100000 kB\nMemAvailable: 200000 kB\n",
	"MemTotal: 18446744073709551615 kB\nMemAvailable: 1 kB\n",
};

START_TEST(nonsense_leaves_what_was_known)
{
	host.total_bytes = 5;
	write_below("/proc/meminfo", nonsense[_i]);
	ck_assert_int_eq(host_memory_read(root, &host), -EBADMSG);
	ck_assert_uint_eq(host.total_bytes, 5);
}
END_TEST

START_TEST(without_proc_there_is_an_error)
{
	ck_assert_int_eq(host_memory_read(root, &host), -ENOENT);
	ck_assert_int_eq(host_memory_open_pressure(root), -ENOENT);
}
END_TEST

/* What it saves, if it runs, less what it costs. */
static const struct {
	const char *run, *sharing, *profit;
	uint64_t saved_pages;
} ksm[] = {
	{"1\n", "1000\n", "3276800\n", 800}, {"1\n", "1000\n", "409600000\n", 1000},
	{"1\n", "1000\n", "-5\n", 0},	     {"0\n", "1000\n", "3276800\n", 0},
	{"2\n", "1000\n", "3276800\n", 0},
};

START_TEST(ksm_counts_where_it_is_real)
{
	write_below("/proc/meminfo", "MemTotal: 24000000 kB\nMemAvailable: 20000000 kB\n");
	write_below("/sys/kernel/mm/ksm/run", ksm[_i].run);
	write_below("/sys/kernel/mm/ksm/pages_sharing", ksm[_i].sharing);
	write_below("/sys/kernel/mm/ksm/general_profit", ksm[_i].profit);
	ck_assert_int_eq(host_memory_read(root, &host), 0);
	ck_assert_uint_eq(host.ksm_saved_bytes,
			  ksm[_i].saved_pages * (uint64_t)sysconf(_SC_PAGESIZE));
}
END_TEST

START_TEST(this_host_can_be_read)
{
	ck_assert_int_eq(host_memory_read("", &host), 0);
	ck_assert_uint_gt(host.total_bytes, host.available_bytes);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("host_memory");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, meminfo_is_read);
	tcase_add_loop_test(tests, nonsense_leaves_what_was_known, 0,
			    sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_test(tests, without_proc_there_is_an_error);
	tcase_add_loop_test(tests, ksm_counts_where_it_is_real, 0, sizeof(ksm) / sizeof(ksm[0]));
	tcase_add_test(tests, this_host_can_be_read);
	return suite_run_case("host_memory", tests);
}
