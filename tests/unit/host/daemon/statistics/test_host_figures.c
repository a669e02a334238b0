/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/statistics/host_figures.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char proc[] = "/tmp/lodge-proc.XXXXXX";
static struct figures figures;
static uint64_t tick_ns;

static void write_file(const char *name, const char *text)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void make_folder(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void set_up(void)
{
	strcpy(proc, "/tmp/lodge-proc.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(proc));
	make_folder("pressure");
	make_folder("77");
	tick_ns = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
}

static void tear_down(void)
{
	static const char *const names[] = {"stat", "meminfo", "pressure/memory", "77/stat"};
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", proc, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/pressure", proc);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/77", proc);
	rmdir(path);
	rmdir(proc);
}

START_TEST(the_kernel_s_words_become_figures)
{
	write_file("stat", "cpu  10 1 2 1000 500 3 4 5 99 99\ncpu0 1 1 1 1 1 1 1 1\n");
	write_file("meminfo", "MemTotal:  2048 kB\nMemFree:  1 kB\nMemAvailable:  1024 kB\n"
			      "SwapTotal:  100 kB\nSwapFree:  40 kB\n");
	write_file("pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=123\n"
				      "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
	host_figures_read(proc, &figures);
	/* Not what is idle or waits for disks; guests are in "user" already. */
	ck_assert_uint_eq(figures.value[HOST_CPU_TIME], 25 * tick_ns);
	ck_assert_uint_eq(figures.value[HOST_MEMORY_TOTAL], 2048 * 1024);
	ck_assert_uint_eq(figures.value[HOST_MEMORY_AVAILABLE], 1024 * 1024);
	ck_assert_uint_eq(figures.value[HOST_SWAP_USED], 60 * 1024);
	ck_assert_uint_eq(figures.value[HOST_MEMORY_STALL_TIME], 123000);
	ck_assert(figures_have(&figures, HOST_PROCESSORS));
}
END_TEST

START_TEST(what_is_not_there_is_not_known)
{
	write_file("meminfo", "MemTotal:  2048 kB\n");
	host_figures_read(proc, &figures);
	ck_assert(figures_have(&figures, HOST_MEMORY_TOTAL));
	ck_assert(!figures_have(&figures, HOST_MEMORY_AVAILABLE));
	ck_assert(!figures_have(&figures, HOST_SWAP_TOTAL));
	ck_assert(!figures_have(&figures, HOST_CPU_TIME));
	ck_assert(!figures_have(&figures, HOST_MEMORY_STALL_TIME));
}
END_TEST

/* A process may call itself what it likes. */
START_TEST(a_process_has_its_time)
{
	write_file("77/stat",
		   "77 (a) R (b) 9) S 1 77 77 0 -1 4194560 100 0 0 0 12 30 0 0 20 0 1\n");
	ck_assert_uint_eq(host_figures_cpu_time(proc, 77), 42 * tick_ns);
	ck_assert_uint_eq(host_figures_cpu_time(proc, 78), 0);
	ck_assert_uint_eq(host_figures_cpu_time(proc, 0), 0);
	write_file("77/stat", "77 (a");
	ck_assert_uint_eq(host_figures_cpu_time(proc, 77), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("host figures");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, the_kernel_s_words_become_figures);
	tcase_add_test(tests, what_is_not_there_is_not_known);
	tcase_add_test(tests, a_process_has_its_time);
	return suite_run_case("host figures", tests);
}
