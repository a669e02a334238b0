/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/statistics/libvirt_figures.h"

#include "tests/unit/suite.h"

#include <check.h>

static virTypedParameterPtr parameters;
static int count, room;
static struct figures figures;

static void set_up(void)
{
	ck_assert_int_eq(virInitialize(), 0);
	parameters = NULL;
	count = room = 0;
	figures = (struct figures){0};
}

static void tear_down(void)
{
	virTypedParamsFree(parameters, count);
}

static void add(const char *name, unsigned long long value)
{
	ck_assert_int_eq(virTypedParamsAddULLong(&parameters, &count, &room, name, value), 0);
}

static void add_count(const char *name, unsigned int value)
{
	ck_assert_int_eq(virTypedParamsAddUInt(&parameters, &count, &room, name, value), 0);
}

START_TEST(figures_are_taken)
{
	add("cpu.time", 5000);
	add_count("vcpu.current", 3);
	add("balloon.current", 1024);
	add("balloon.maximum", 2048);
	add("balloon.usable", 512);
	add("something.else", 1);
	libvirt_figures_take(parameters, count, &figures);
	ck_assert_uint_eq(figures.value[VM_CPU_TIME], 5000);
	ck_assert_uint_eq(figures.value[VM_PROCESSORS], 3);
	ck_assert_uint_eq(figures.value[VM_MEMORY_ACTUAL], 1024 * 1024);
	ck_assert_uint_eq(figures.value[VM_MEMORY_MAXIMUM], 2048 * 1024);
	ck_assert_uint_eq(figures.value[VM_MEMORY_AVAILABLE], 512 * 1024);
	ck_assert(!figures_have(&figures, VM_MEMORY_RESIDENT));
	ck_assert(!figures_have(&figures, VM_DISK_READS));
	ck_assert(!figures_have(&figures, VM_NETWORK_SENT_BYTES));
}
END_TEST

START_TEST(devices_are_summed)
{
	add_count("block.count", 2);
	add("block.0.rd.bytes", 10);
	add("block.1.rd.bytes", 32);
	add("block.1.wr.reqs", 4);
	add("block.2.rd.bytes", 1000); /* beyond the count */
	add_count("net.count", 1);
	add("net.0.rx.bytes", 7);
	add("net.0.tx.pkts", 8);
	libvirt_figures_take(parameters, count, &figures);
	ck_assert_uint_eq(figures.value[VM_DISK_READ_BYTES], 42);
	ck_assert_uint_eq(figures.value[VM_DISK_WRITES], 4);
	ck_assert(!figures_have(&figures, VM_DISK_WRITTEN_BYTES));
	ck_assert_uint_eq(figures.value[VM_NETWORK_RECEIVED_BYTES], 7);
	ck_assert_uint_eq(figures.value[VM_NETWORK_SENT_PACKETS], 8);
}
END_TEST

START_TEST(numbers_that_cannot_be_are_left_out)
{
	ck_assert_int_eq(virTypedParamsAddLLong(&parameters, &count, &room, "cpu.time", -1), 0);
	ck_assert_int_eq(virTypedParamsAddString(&parameters, &count, &room, "vcpu.current", "x"),
			 0);
	add("balloon.current", UINT64_MAX);
	libvirt_figures_take(parameters, count, &figures);
	ck_assert_uint_eq(figures.known, 0);
}
END_TEST

START_TEST(news_leave_the_rest)
{
	struct figures news = {0};

	figures_set(&figures, VM_PROCESSORS, 1);
	figures_set(&figures, VM_CPU_TIME, 5);
	figures_set(&news, VM_CPU_TIME, 9);
	libvirt_figures_merge(&figures, &news);
	ck_assert_uint_eq(figures.value[VM_PROCESSORS], 1);
	ck_assert_uint_eq(figures.value[VM_CPU_TIME], 9);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("libvirt figures");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, figures_are_taken);
	tcase_add_test(tests, devices_are_summed);
	tcase_add_test(tests, numbers_that_cannot_be_are_left_out);
	tcase_add_test(tests, news_leave_the_rest);
	return suite_run_case("libvirt figures", tests);
}
