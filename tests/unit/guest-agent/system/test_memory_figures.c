/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/memory_figures.h"
#include "tests/unit/guest-agent/memory_folder.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <unistd.h>

static struct guest_memory_report report;

START_TEST(all_figures_are_read)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	set_pressure(1234567, 7654);
	ck_assert_int_eq(memory_figures_read(folder, &report), 0);
	ck_assert_uint_eq(report.total_bytes, 1000000 * 1024);
	ck_assert_uint_eq(report.free_bytes, 200000 * 1024);
	ck_assert_uint_eq(report.available_bytes, 600000 * 1024);
	ck_assert_uint_eq(report.cached_bytes, (10000 + 300000 + 30000 - 40000) * 1024);
	ck_assert_uint_eq(report.idle_bytes, (120000 - 20000) * 1024);
	ck_assert_uint_eq(report.working_set_bytes, (1000000 - 200000 - 100000) * 1024);
	ck_assert_uint_eq(report.swap_total_bytes, 500000 * 1024);
	ck_assert_uint_eq(report.swap_free_bytes, 400000 * 1024);
	ck_assert_uint_eq(report.refaulted_anonymous_bytes, 3 * page);
	ck_assert_uint_eq(report.refaulted_file_bytes, 100 * page);
	ck_assert_uint_eq(report.swapped_in_bytes, 5 * page);
	ck_assert_uint_eq(report.swapped_out_bytes, 6 * page);
	ck_assert_uint_eq(report.scanned_directly_bytes, 0);
	ck_assert_uint_eq(report.oom_kills, 1);
	ck_assert(report.pressure);
	ck_assert_uint_eq(report.some_us, 1234567);
	ck_assert_uint_eq(report.full_us, 7654);
	ck_assert_uint_gt(report.at_ms, 0);
}
END_TEST

static void set_balloon(const char *features)
{
	replace_file("proc/vmstat", "balloon_inflate 900\nballoon_deflate 100\n");
	replace_file("sys/bus/virtio/drivers/virtio_balloon/virtio3/features", features);
}

START_TEST(a_balloon_that_is_counted_is_no_working_set)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t used = (1000000 - 200000 - 100000) * UINT64_C(1024);

	make_folder_of("sys");
	make_folder_of("sys/bus");
	make_folder_of("sys/bus/virtio");
	make_folder_of("sys/bus/virtio/drivers");
	make_folder_of("sys/bus/virtio/drivers/virtio_balloon");
	make_folder_of("sys/bus/virtio/drivers/virtio_balloon/virtio3");
	set_balloon("0110000000000000000000000000000010000000000000000000000000000000\n");
	ck_assert_int_eq(memory_figures_read(folder, &report), 0);
	ck_assert_uint_eq(report.balloon_bytes, 800 * page);
	ck_assert_uint_eq(report.working_set_bytes, used - 800 * page);
	/* Does not deflate on OOM: MemTotal has shrunk. */
	set_balloon("0100000000000000000000000000000010000000000000000000000000000000\n");
	ck_assert_int_eq(memory_figures_read(folder, &report), 0);
	ck_assert_uint_eq(report.balloon_bytes, 0);
	ck_assert_uint_eq(report.working_set_bytes, used);
	set_balloon("01");
	ck_assert_int_eq(memory_figures_read(folder, &report), 0);
	ck_assert_uint_eq(report.balloon_bytes, 0);
}
END_TEST

START_TEST(old_kernels_say_less)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	replace_file("proc/meminfo", "MemTotal: 2048 kB\nMemFree: 1024 kB\nDirty: 9999 kB\n");
	replace_file("proc/vmstat", "workingset_refault 11\npswpin 1");
	ck_assert_int_eq(memory_figures_read(folder, &report), 0);
	ck_assert(!report.pressure);
	ck_assert_uint_eq(report.refaulted_file_bytes, 11 * page);
	ck_assert_uint_eq(report.swapped_in_bytes, page);
	ck_assert_uint_eq(report.idle_bytes, 0);
	ck_assert_uint_eq(report.working_set_bytes, 1024 * 1024);
	ck_assert_int_eq(unlink(in_folder("proc/vmstat")), 0);
	ck_assert_int_eq(memory_figures_read(folder, &report), 0);
	ck_assert_uint_eq(report.refaulted_file_bytes, 0);
}
END_TEST

START_TEST(nonsense_is_no_memory)
{
	replace_file("proc/meminfo", "nothing of the kind\n:\n\nMemTotal: x kB");
	ck_assert_int_eq(memory_figures_read(folder, &report), -EBADMSG);
	replace_file("proc/pressure/memory", "some total=");
	set_meminfo(1);
	ck_assert_int_eq(memory_figures_read(folder, &report), 0);
	ck_assert(!report.pressure);
	ck_assert_int_eq(memory_figures_read("/there/is/none", &report), -ENOENT);
}
END_TEST

START_TEST(this_kernel_is_read)
{
	ck_assert_int_eq(memory_figures_read("", &report), 0);
	ck_assert_uint_gt(report.total_bytes, report.free_bytes);
	ck_assert_uint_ge(report.total_bytes, report.working_set_bytes);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("memory_figures");

	tcase_add_checked_fixture(tests, make_memory, remove_folder);
	tcase_add_test(tests, all_figures_are_read);
	tcase_add_test(tests, a_balloon_that_is_counted_is_no_working_set);
	tcase_add_test(tests, old_kernels_say_less);
	tcase_add_test(tests, nonsense_is_no_memory);
	tcase_add_test(tests, this_kernel_is_read);
	return suite_run_case("memory_figures", tests);
}
