/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The manager, with guests that lie and a host that loses memory: what the law promises holds. */
#include "played_vms.h"
#include "tests/unit/suite.h"

#define SECONDS *4
#define VMS	4
#define MACHINE (4 * MEMORY_GIB)
#define MINIMUM (512 * MEMORY_MIB)
#define TOTAL	(8 * MEMORY_GIB)

static struct played_vms host;
static struct played_vm *vm[VMS];

/* Four on a host that has half of what they could have. */
static void set_up(void)
{
	const struct memory_member_config config = {
		.maximum_bytes = MACHINE, .minimum_bytes = MINIMUM, .shares = 1000};

	played_vms_new(&host, TOTAL);
	for (int i = 0; i < VMS; i++) {
		vm[i] = played_vm_new(&host, MACHINE);
		vm[i]->actual = MEMORY_GIB;
		vm[i]->used = 400 * MEMORY_MIB;
		played_vm_admit(&host, vm[i], &config);
	}
	played_vms_run(&host, 30 SECONDS);
}

static void tear_down(void)
{
	played_vms_free(&host);
}

static uint64_t held(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < VMS; i++)
		sum += vm[i]->actual;
	return sum;
}

static struct memory_totals totals(void)
{
	struct memory_manager_view view;

	memory_manager_view(host.manager, &view);
	return view.totals;
}

static void check_promises(void)
{
	for (int i = 0; i < VMS; i++) {
		ck_assert_uint_ge(vm[i]->target, MINIMUM);
		ck_assert_uint_le(vm[i]->target, MACHINE);
	}
}

/* Its agent says ten times of all that there is, and cries all the time. */
static void lie(struct played_vm *liar)
{
	struct memory_sample sample = {.at_ms = host.now_ms, .period_ms = 1000};

	sample.available_bytes =
		10 * liar->used < liar->actual ? liar->actual - 10 * liar->used : 0;
	sample.stall_us = host.now_ms * 10 * 1000;
	sample.refaulted_bytes = host.now_ms * 10 * MEMORY_MIB;
	sample.swap_used_bytes = 10 * liar->machine;
	memory_member_sample(liar->member, MEMORY_FROM_AGENT, &sample);
	memory_member_urgent(liar->member);
}

START_TEST(who_lies_by_ten_times_gets_no_more_than_its_shares)
{
	for (int second = 0; second < 600; second++) {
		lie(vm[0]);
		/* The others need what their shares give them, bit by bit. */
		for (int i = 1; i < VMS; i++) {
			uint64_t wanted = second < 120 ? 400 * MEMORY_MIB : 1800 * MEMORY_MIB;

			if (vm[i]->used < wanted && vm[i]->used + 20 * MEMORY_MIB < vm[i]->actual)
				vm[i]->used += 20 * MEMORY_MIB;
		}
		played_vms_run(&host, 1 SECONDS);
		check_promises();
		ck_assert_uint_le(held(), totals().budget_bytes + totals().reserve_bytes / 2);
		ck_assert_uint_le(totals().emergency, 1);
	}
	for (int i = 1; i < VMS; i++)
		ck_assert_uint_ge(vm[i]->used, 1780 * MEMORY_MIB);
	ck_assert_uint_le(vm[0]->actual, totals().budget_bytes - 3 * 1800 * MEMORY_MIB);
	ck_assert_uint_gt(vm[0]->actual, MINIMUM);
}
END_TEST

START_TEST(a_host_that_loses_30_of_100_has_it_within_seconds)
{
	unsigned int pauses = 0;

	vm[0]->used = 1200 * MEMORY_MIB;
	vm[0]->actual = 1600 * MEMORY_MIB;
	played_vms_run(&host, 60 SECONDS);
	host.other = TOTAL * 3 / 10;
	played_vms_run(&host, 5 SECONDS);
	for (int second = 0; second < 120; second++) {
		played_vms_run(&host, 1 SECONDS);
		check_promises();
		ck_assert_uint_le(held() + host.other, TOTAL - totals().reserve_bytes / 2);
	}
	/* Nobody had to be killed for it, nor to be stopped, and nobody lost what it uses. */
	for (int i = 0; i < VMS; i++) {
		pauses += vm[i]->pauses;
		ck_assert_uint_ge(vm[i]->actual, vm[i]->used);
	}
	ck_assert_uint_eq(pauses, 0);
	ck_assert_int_eq(totals().emergency, 0);
}
END_TEST

/* The worse case: all of it is in use. */
START_TEST(what_is_lost_is_taken_down_to_the_minimums)
{
	for (int i = 0; i < VMS; i++)
		vm[i]->used = vm[i]->actual = 1800 * MEMORY_MIB;
	played_vms_run(&host, 10 SECONDS);
	host.other = TOTAL * 3 / 10;
	for (int second = 0; second < 30; second++) {
		/* Under that pressure they swap out what they are told to give back. */
		for (int i = 0; i < VMS; i++) {
			if (vm[i]->used > vm[i]->target)
				vm[i]->used = vm[i]->target;
		}
		played_vms_run(&host, 1 SECONDS);
		check_promises();
	}
	ck_assert_uint_le(held() + host.other, TOTAL - totals().reserve_bytes / 2);
	ck_assert_int_eq(totals().emergency, 0);
}
END_TEST

/*
 * Small guests without swap, which fill their memory without a stall: what they are due by their
 * shares has to be there before they are full, though who lies holds on to more than its own.
 */
START_TEST(who_lies_keeps_nobody_from_its_share)
{
	const uint64_t machine = 512 * MEMORY_MIB;
	const struct memory_member_config config = {
		.maximum_bytes = machine, .minimum_bytes = 128 * MEMORY_MIB, .shares = 1000};
	struct memory_settings settings;
	char error[256];
	unsigned int full = 0;

	played_vms_free(&host);
	played_vms_new(&host, 1324 * MEMORY_MIB);
	host.other = 300 * MEMORY_MIB;
	settings = *memory_manager_settings(host.manager);
	settings.reserve_bytes = 64 * MEMORY_MIB;
	ck_assert_int_eq(memory_manager_set(host.manager, &settings, error, sizeof(error)), 0);
	for (int i = 0; i < 3; i++) {
		vm[i] = played_vm_new(&host, machine);
		vm[i]->actual = 320 * MEMORY_MIB;
		vm[i]->used = 80 * MEMORY_MIB;
		played_vm_admit(&host, vm[i], &config);
		played_vms_run(&host, 1 SECONDS);
	}
	played_vms_run(&host, 30 SECONDS);
	for (int second = 0; second < 120; second++) {
		lie(vm[0]);
		for (int i = 1; i < 3; i++) {
			if (second < 20 || vm[i]->used >= 290 * MEMORY_MIB)
				continue;
			if (vm[i]->used + 8 * MEMORY_MIB < vm[i]->actual)
				vm[i]->used += 8 * MEMORY_MIB;
			else
				full++;
		}
		played_vms_run(&host, 1 SECONDS);
	}
	for (int i = 1; i < 3; i++)
		ck_assert_uint_ge(vm[i]->used, 290 * MEMORY_MIB);
	ck_assert_uint_eq(full, 0);
	ck_assert_uint_le(vm[0]->actual, 328 * MEMORY_MIB);
}
END_TEST

/* A guest that deflates on OOM takes what it needs, and nobody else has anything to give. */
START_TEST(who_helps_itself_is_stopped_before_the_host_has_nothing)
{
	uint64_t least = TOTAL;

	for (int i = 0; i < VMS; i++)
		vm[i]->used = 1900 * MEMORY_MIB;
	played_vms_run(&host, 30 SECONDS);
	for (int tick = 0; tick < 60 SECONDS; tick++) {
		if (!vm[0]->paused)
			vm[0]->used += 40 * MEMORY_MIB;
		played_vms_run(&host, 1);
		ck_assert_uint_lt(held(), TOTAL);
		least = least < TOTAL - held() ? least : TOTAL - held();
	}
	ck_assert(vm[0]->paused);
	ck_assert_uint_le(least, totals().reserve_bytes / 4);
	/* Others can do with less, once they are asked again: it goes on. */
	for (int i = 1; i < VMS; i++)
		vm[i]->used = 1000 * MEMORY_MIB;
	for (int second = 0; second < 180 && vm[0]->paused; second++)
		played_vms_run(&host, 1 SECONDS);
	ck_assert(!vm[0]->paused);
}
END_TEST

/* Its cgroup has outlived the lodged that limited it. */
START_TEST(who_was_limited_by_an_earlier_manager_is_so_no_longer)
{
	vm[0]->limit = MINIMUM;
	ck_assert_uint_eq(vm[0]->limits, 0);
	memory_member_was_limited(vm[0]->member);
	played_vms_run(&host, 2 SECONDS);
	ck_assert_uint_eq(vm[0]->limits, 1);
	ck_assert_uint_eq(vm[0]->limit, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("manager_faults");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, who_lies_by_ten_times_gets_no_more_than_its_shares);
	tcase_add_test(tests, who_lies_keeps_nobody_from_its_share);
	tcase_add_test(tests, a_host_that_loses_30_of_100_has_it_within_seconds);
	tcase_add_test(tests, what_is_lost_is_taken_down_to_the_minimums);
	tcase_add_test(tests, who_helps_itself_is_stopped_before_the_host_has_nothing);
	tcase_add_test(tests, who_was_limited_by_an_earlier_manager_is_so_no_longer);
	return suite_run_case("manager_faults", tests);
}
