/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/agent_memory.h"
#include "tests/unit/suite.h"

START_TEST(a_report_becomes_a_sample)
{
	struct guest_memory_report report = {
		.at_ms = 77,
		.period_ms = 2000,
		.total_bytes = 9 * MEMORY_GIB,
		.free_bytes = MEMORY_GIB,
		.available_bytes = 2 * MEMORY_GIB,
		.swap_total_bytes = 5,
		.swap_free_bytes = 3,
		.refaulted_anonymous_bytes = 10,
		.refaulted_file_bytes = 20,
		.swapped_in_bytes = 40,
		.pressure = true,
		.some_us = 80,
		.reclaim = SLICE_LITERAL("cgroup"),
	};
	struct memory_sample sample;

	agent_memory_sample(&report, 5000, &sample);
	ck_assert_uint_eq(sample.at_ms, 5000);
	ck_assert_uint_eq(sample.period_ms, 2000);
	/* How much a guest has is the host's to say: its MemTotal has the balloon in it. */
	ck_assert_uint_eq(sample.visible_bytes, 0);
	ck_assert_uint_eq(sample.free_bytes, MEMORY_GIB);
	ck_assert_uint_eq(sample.available_bytes, 2 * MEMORY_GIB);
	ck_assert_uint_eq(sample.refaulted_bytes, 30);
	ck_assert_uint_eq(sample.swapped_in_bytes, 40);
	ck_assert_uint_eq(sample.swap_used_bytes, 2);
	ck_assert_uint_eq(sample.swap_free_bytes, 3);
	ck_assert(sample.reclaims);
	ck_assert_uint_eq(sample.stall_us, 80);
}
END_TEST

START_TEST(a_guest_that_lies_cannot_be_believed_for_long)
{
	struct guest_memory_report report = {
		.period_ms = UINT64_MAX,
		.swap_free_bytes = 3,
		.refaulted_anonymous_bytes = UINT64_MAX,
		.refaulted_file_bytes = UINT64_MAX,
	};
	struct memory_sample sample;

	agent_memory_sample(&report, 5000, &sample);
	ck_assert_uint_eq(sample.period_ms, 10000);
	ck_assert_uint_eq(sample.refaulted_bytes, UINT64_MAX);
	ck_assert_uint_eq(sample.swap_used_bytes, 0);
	report.period_ms = 0;
	agent_memory_sample(&report, 5000, &sample);
	ck_assert_uint_eq(sample.period_ms, 1000);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("agent_memory");

	tcase_add_test(tests, a_report_becomes_a_sample);
	tcase_add_test(tests, a_guest_that_lies_cannot_be_believed_for_long);
	return suite_run_case("agent_memory", tests);
}
