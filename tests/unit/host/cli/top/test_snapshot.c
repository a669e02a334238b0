/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/top/snapshot.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static struct snapshot_vm old_vms[2], new_vms[3];
static struct snapshot before, now;

static void setup(void)
{
	memset(old_vms, 0, sizeof(old_vms));
	memset(new_vms, 0, sizeof(new_vms));
	old_vms[0] = (struct snapshot_vm){.name = "a",
					  .at_ns = SECOND,
					  .has_cpu = true,
					  .cpu_ns = 5 * SECOND,
					  .has_counter = {true, true},
					  .counter = {1000, 500}};
	old_vms[1] = (struct snapshot_vm){.name = "b", .at_ns = SECOND, .has_cpu = true};
	new_vms[0] = old_vms[1];
	new_vms[1] = old_vms[0];
	new_vms[2] = (struct snapshot_vm){
		.name = "c", .at_ns = 3 * SECOND, .has_cpu = true, .cpu_ns = 9};
	for (size_t i = 0; i < 3; i++)
		new_vms[i].at_ns = 3 * SECOND;
	before = (struct snapshot){.at_ns = SECOND,
				   .has_cpu = true,
				   .cpu_ns = 10 * SECOND,
				   .vms = old_vms,
				   .count = 2};
	now = (struct snapshot){.at_ns = 3 * SECOND,
				.has_cpu = true,
				.cpu_ns = 13 * SECOND,
				.vms = new_vms,
				.count = 3};
}

START_TEST(rates_are_of_the_same_vm)
{
	new_vms[1].cpu_ns += SECOND;
	new_vms[1].counter[SNAPSHOT_DISK_READ] = 5000;
	snapshot_rates(&now, &before);
	ck_assert_double_eq_tol(now.cpu_part, 1.5, 1e-9);
	ck_assert_double_eq_tol(new_vms[1].cpu_part, 0.5, 1e-9);
	ck_assert_double_eq_tol(new_vms[1].rate[SNAPSHOT_DISK_READ], 2000, 1e-9);
	ck_assert_double_eq_tol(new_vms[1].rate[SNAPSHOT_DISK_WRITTEN], 0, 1e-9);
	ck_assert_double_lt(new_vms[1].rate[SNAPSHOT_NET_SENT], 0);
	ck_assert_double_eq_tol(new_vms[0].cpu_part, 0, 1e-9);
	/* The one that is new. */
	ck_assert_double_lt(new_vms[2].cpu_part, 0);
}
END_TEST

START_TEST(the_first_has_none)
{
	snapshot_rates(&now, NULL);
	ck_assert_double_lt(now.cpu_part, 0);
	ck_assert_double_lt(new_vms[1].cpu_part, 0);
	ck_assert_double_lt(new_vms[1].rate[SNAPSHOT_DISK_READ], 0);
}
END_TEST

START_TEST(a_counter_that_went_back_has_none)
{
	new_vms[1].cpu_ns = 1;
	new_vms[1].counter[SNAPSHOT_DISK_READ] = 1;
	snapshot_rates(&now, &before);
	ck_assert_double_lt(new_vms[1].cpu_part, 0);
	ck_assert_double_lt(new_vms[1].rate[SNAPSHOT_DISK_READ], 0);
}
END_TEST

START_TEST(time_that_stands_still_has_none)
{
	new_vms[1].at_ns = SECOND;
	now.at_ns = SECOND;
	snapshot_rates(&now, &before);
	ck_assert_double_lt(now.cpu_part, 0);
	ck_assert_double_lt(new_vms[1].cpu_part, 0);
}
END_TEST

static void order_is(enum snapshot_order order, const char *names)
{
	char all[4] = "";

	snapshot_sort(&now, order);
	for (size_t i = 0; i < 3; i++)
		all[i] = new_vms[i].name[0];
	ck_assert_str_eq(all, names);
}

START_TEST(orders)
{
	new_vms[0].cpu_part = 1; /* b */
	new_vms[1].actual = 7;	 /* a */
	new_vms[2].maximum = 9;	 /* c, which has no balloon */
	new_vms[0].pressure = 0.1;
	new_vms[2].pressure = -1;
	order_is(SNAPSHOT_BY_NAME, "abc");
	order_is(SNAPSHOT_BY_CPU, "bac");
	order_is(SNAPSHOT_BY_MEMORY, "cab");
	order_is(SNAPSHOT_BY_PRESSURE, "bac");
	now.count = 0;
	snapshot_sort(&now, SNAPSHOT_BY_CPU);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("snapshot");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, rates_are_of_the_same_vm);
	tcase_add_test(tc, the_first_has_none);
	tcase_add_test(tc, a_counter_that_went_back_has_none);
	tcase_add_test(tc, time_that_stands_still_has_none);
	tcase_add_test(tc, orders);
	return suite_run_case("snapshot", tc);
}
