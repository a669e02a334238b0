/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What guests tell of themselves, true or not, and what the manager makes of it. */
#include "played_vms.h"
#include "tests/unit/suite.h"

#define SECONDS *4

static struct played_vms host;

static void set_up(void)
{
	played_vms_new(&host, 2 * MEMORY_GIB);
}

static void tear_down(void)
{
	played_vms_free(&host);
}

START_TEST(a_balloon_is_not_used_memory_where_the_guest_deflates_on_oom)
{
	/* 4 GiB, of which 3 are in the balloon; MemTotal still is 4 GiB, and of the 1 GiB left
	 * 600 MiB are available. */
	struct memory_statistics statistics = {
		.actual_bytes = MEMORY_GIB,
		.has_available = true,
		.free_bytes = 500 * MEMORY_MIB,
		.available_bytes = 600 * MEMORY_MIB,
		.age_ms = 400,
		.period_ms = 1000,
	};
	struct memory_sample sample;

	memory_sample_of_statistics(&statistics, 5000, &sample);
	ck_assert_uint_eq(sample.at_ms, 4600);
	ck_assert_uint_eq(sample.visible_bytes, MEMORY_GIB);
	ck_assert_uint_eq(sample.visible_bytes - sample.available_bytes, 424 * MEMORY_MIB);
}
END_TEST

START_TEST(statistics_that_lie_stay_within_what_the_guest_has)
{
	struct memory_statistics statistics = {
		.actual_bytes = MEMORY_GIB,
		.free_bytes = UINT64_MAX,
		.caches_bytes = UINT64_MAX,
		.stalls = UINT64_MAX,
		.swap_out_bytes = 5,
		.swap_in_bytes = 7,
		.age_ms = UINT64_MAX,
	};
	struct memory_sample sample;
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);
	struct memory_member_view view;

	memory_sample_of_statistics(&statistics, 5000, &sample);
	ck_assert_uint_eq(sample.at_ms, 0);
	ck_assert_uint_eq(sample.stall_us, UINT64_MAX);
	ck_assert_uint_eq(sample.swap_used_bytes, 0);
	played_vm_admit(&host, vm, NULL);
	vm->speechless = true;
	played_vms_run(&host, 2 SECONDS);
	memory_member_sample(vm->member, MEMORY_FROM_BALLOON, &sample);
	memory_member_view(vm->member, &view);
	ck_assert_uint_eq(view.sample.free_bytes, MEMORY_GIB);
	ck_assert_uint_eq(view.sample.available_bytes, MEMORY_GIB);
}
END_TEST

START_TEST(what_a_guest_uses_is_against_what_it_had_then)
{
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);
	struct memory_observation seen = {.driver = true, .actual_bytes = MEMORY_GIB};
	struct memory_statistics statistics = {.has_available = true, .period_ms = 1000};
	struct memory_member_view view;
	struct memory_sample sample;

	vm->silent = true;
	played_vm_admit(&host, vm, NULL);
	host.now_ms = 10000;
	memory_member_observe(vm->member, &seen);
	/* Statistics of half a second later, when half of what is taken is gone. */
	host.now_ms = 11000;
	seen.actual_bytes = MEMORY_GIB / 2;
	memory_member_observe(vm->member, &seen);
	statistics.age_ms = 500;
	statistics.free_bytes = statistics.available_bytes = 600 * MEMORY_MIB;
	memory_sample_of_statistics(&statistics, host.now_ms, &sample);
	memory_member_sample(vm->member, MEMORY_FROM_BALLOON, &sample);
	memory_member_view(vm->member, &view);
	ck_assert_uint_eq(view.sample.visible_bytes, 768 * MEMORY_MIB);
	ck_assert_uint_eq(view.used_bytes, 168 * MEMORY_MIB);
	/* The same ones, read again and a little later by the clock. */
	host.now_ms = 11200;
	statistics.age_ms = 698;
	statistics.free_bytes = 0;
	memory_sample_of_statistics(&statistics, host.now_ms, &sample);
	memory_member_sample(vm->member, MEMORY_FROM_BALLOON, &sample);
	memory_member_view(vm->member, &view);
	ck_assert_uint_eq(view.sample.free_bytes, 600 * MEMORY_MIB);
}
END_TEST

START_TEST(reports_in_a_flood_do_not_run_away_with_the_clock)
{
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);
	struct memory_sample sample = {.period_ms = 1000, .available_bytes = 100 * MEMORY_MIB};
	struct memory_member_view view;

	played_vm_admit(&host, vm, NULL);
	vm->speechless = true;
	played_vms_run(&host, 2 SECONDS);
	for (uint64_t i = 0; i < 1000; i++) {
		sample.at_ms = host.now_ms += i % 10 == 0;
		memory_member_sample(vm->member, MEMORY_FROM_AGENT, &sample);
	}
	memory_member_view(vm->member, &view);
	ck_assert_uint_le(view.sample.at_ms, host.now_ms + 250);
	ck_assert_uint_gt(view.sample.at_ms, host.now_ms - 250);
}
END_TEST

static void tell(struct played_vm *vm, enum memory_source source, uint64_t refaulted)
{
	struct memory_sample sample = {
		.at_ms = host.now_ms,
		.period_ms = 1000,
		.free_bytes = 100 * MEMORY_MIB,
		.available_bytes = 8 * MEMORY_GIB,
		.refaulted_bytes = refaulted,
	};

	memory_member_sample(vm->member, source, &sample);
	host.now_ms += 1000;
}

static uint64_t refaulted(const struct played_vm *vm)
{
	struct memory_member_view view;

	memory_member_view(vm->member, &view);
	return view.sample.refaulted_bytes;
}

START_TEST(counters_go_on_where_their_source_changes)
{
	struct played_vm *vm = played_vm_new(&host, MEMORY_GIB);
	struct memory_member_view view;

	vm->speechless = true;
	played_vm_admit(&host, vm, NULL);
	played_vms_run(&host, 2 SECONDS);
	tell(vm, MEMORY_FROM_BALLOON, 0);
	tell(vm, MEMORY_FROM_BALLOON, 0);
	tell(vm, MEMORY_FROM_AGENT, 500 * MEMORY_GIB);
	ck_assert_uint_eq(refaulted(vm), 0);
	tell(vm, MEMORY_FROM_AGENT, 500 * MEMORY_GIB + 7);
	ck_assert_uint_eq(refaulted(vm), 7);
	/* A restart. */
	tell(vm, MEMORY_FROM_AGENT, 3);
	ck_assert_uint_eq(refaulted(vm), 7);
	tell(vm, MEMORY_FROM_AGENT, 4);
	ck_assert_uint_eq(refaulted(vm), 8);
	/* The agent's are fresh; and then they are not. */
	tell(vm, MEMORY_FROM_BALLOON, 0);
	memory_member_view(vm->member, &view);
	ck_assert_int_eq(view.source, MEMORY_FROM_AGENT);
	ck_assert(!memory_member_needs_statistics(vm->member));
	host.now_ms += 3000;
	ck_assert(memory_member_needs_statistics(vm->member));
	tell(vm, MEMORY_FROM_BALLOON, 0);
	memory_member_view(vm->member, &view);
	ck_assert_int_eq(view.source, MEMORY_FROM_BALLOON);
	ck_assert_uint_eq(view.sample.available_bytes, MEMORY_GIB);
	ck_assert_uint_eq(refaulted(vm), 8);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("manager_samples");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_balloon_is_not_used_memory_where_the_guest_deflates_on_oom);
	tcase_add_test(tests, statistics_that_lie_stay_within_what_the_guest_has);
	tcase_add_test(tests, what_a_guest_uses_is_against_what_it_had_then);
	tcase_add_test(tests, reports_in_a_flood_do_not_run_away_with_the_clock);
	tcase_add_test(tests, counters_go_on_where_their_source_changes);
	return suite_run_case("manager_samples", tests);
}
