/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory/internal.h"
#include "tests/unit/suite.h"

#include <string.h>

#define SIZE (4 * MEMORY_GIB)

static struct memory_vm vm;
static struct memory_sample sample;
/* Round figures, whatever is tuned. */
static struct memory_tuning figures;
static const struct memory_tuning *const tuning = &figures;

/* A guest of 4 GiB of which 2 are in use, and @free_bytes are free. */
static void set_up(void)
{
	figures = memory_tuning_default;
	figures.pressure_high = 0.01;
	figures.pressure_poor = 0.002;
	figures.pressure_low = 0.0005;
	figures.slow_shrink = 0.005;
	figures.step_bands = 0;
	figures.growth_half_life_ms = 10000;
	figures.headroom_fraction = 0.06;
	figures.headroom_floor_bytes = 96 * MEMORY_MIB;
	memset(&vm, 0, sizeof(vm));
	vm.config.maximum_bytes = 8 * MEMORY_GIB;
	vm.config.minimum_bytes = MEMORY_GIB;
	vm.config.shares = 1000;
	vm.observed = true;
	vm.seen.actual_bytes = SIZE;
	vm.demand = (double)SIZE;
	sample = (struct memory_sample){.at_ms = 1000,
					.period_ms = 1000,
					.free_bytes = 2 * MEMORY_GIB,
					.available_bytes = 2 * MEMORY_GIB};
	demand_sample(tuning, &vm, &sample);
}

static void next(double pressure, uint64_t refaulted)
{
	sample.at_ms += 1000;
	sample.stall_us += (uint64_t)(pressure * 1e6);
	sample.refaulted_bytes += refaulted;
	demand_sample(tuning, &vm, &sample);
}

static void fill_with_cache(void)
{
	sample.free_bytes = 60 * MEMORY_MIB;
	vm.demand = (double)SIZE;
}

START_TEST(free_memory_is_given_back_down_to_use_and_headroom)
{
	double headroom = 0.06 * (double)SIZE;

	for (int i = 0; i < 40; i++) {
		next(0, 0);
		ck_assert_double_ge(vm.demand, vm.used + vm.headroom);
		/* The guest follows. */
		sample.free_bytes -= vm.seen.actual_bytes - (uint64_t)vm.demand;
		sample.available_bytes = sample.free_bytes;
		vm.seen.actual_bytes = (uint64_t)vm.demand;
	}
	headroom = 0.06 * (double)vm.seen.actual_bytes;
	ck_assert_double_eq_tol(vm.used, 2.0 * (double)MEMORY_GIB, 10);
	ck_assert_double_eq_tol(vm.demand, vm.used + headroom, (double)(4 * MEMORY_MIB));
}
END_TEST

START_TEST(headroom_follows_growth_and_is_bounded)
{
	sample.available_bytes -= 300 * MEMORY_MIB;
	next(0, 0);
	ck_assert_double_eq_tol(vm.headroom, 600.0 * (double)MEMORY_MIB, 10);
	sample.available_bytes -= 1500 * MEMORY_MIB;
	next(0, 0);
	ck_assert_double_eq_tol(vm.headroom, (double)MEMORY_GIB, 10);
	for (int i = 0; i < 200; i++)
		next(0, 0);
	ck_assert_double_eq_tol(vm.headroom, 0.06 * (double)SIZE, 10);
}
END_TEST

START_TEST(a_guest_that_stalls_without_free_memory_grows_with_its_pressure)
{
	fill_with_cache();
	next(0.004, 0);
	/* Twice the mark: 2 MiB by pressure, so the least step. */
	ck_assert_double_eq_tol(vm.demand, (double)(SIZE + 8 * MEMORY_MIB), 10);
	next(0.2, 0);
	ck_assert_double_eq_tol(vm.demand, (double)SIZE + 99.0 * 2 * (double)MEMORY_MIB, 10);
	next(0.004, 50 * MEMORY_MIB);
	ck_assert_double_eq_tol(vm.demand, (double)(SIZE + 200 * MEMORY_MIB), 10);
	next(1, 0);
	ck_assert_double_eq_tol(vm.demand, (double)SIZE * 1.2436, (double)SIZE * 0.01);
	next(0.5, 900 * MEMORY_MIB);
	/* A quarter at most in a step. */
	ck_assert_double_eq_tol(vm.demand, (double)SIZE * 1.25, 10);
	ck_assert(vm.starved);
}
END_TEST

START_TEST(it_asks_for_no_less_than_what_is_worth_a_move)
{
	figures.step_bands = 1.5;
	fill_with_cache();
	next(0.004, 0);
	ck_assert_double_eq_tol(vm.demand, (double)SIZE + 1.5 * calm_deadband(tuning, (double)SIZE),
				10);
	next(0.004, 200 * MEMORY_MIB);
	ck_assert_double_eq_tol(vm.demand, (double)(SIZE + 800 * MEMORY_MIB), 10);
}
END_TEST

START_TEST(a_guest_with_nothing_left_to_drop_grows_though_it_does_not_stall)
{
	sample.available_bytes = MEMORY_GIB / 2;
	sample.free_bytes = 200 * MEMORY_MIB;
	next(0, 0);
	ck_assert(!vm.starved);
	/* As Linux says it: what is free is below the marks that it keeps. */
	sample.available_bytes = 0;
	next(0, 0);
	ck_assert(vm.exhausted && vm.starved);
	ck_assert_double_gt(vm.demand, (double)SIZE + vm.headroom - 1);
	sample.available_bytes = MEMORY_GIB / 2;
	next(0, 0);
	ck_assert(!vm.exhausted && !vm.starved);
}
END_TEST

START_TEST(what_is_read_back_from_swap_is_asked_for_at_once)
{
	fill_with_cache();
	sample.swap_used_bytes = 1500 * MEMORY_MIB;
	next(0.004, 0);
	/* It is not read: it may well stay where it is. */
	ck_assert_double_eq_tol(vm.demand, (double)(SIZE + 8 * MEMORY_MIB), 10);
	sample.swapped_in_bytes += MEMORY_MIB;
	next(0.004, 0);
	ck_assert_double_eq_tol(vm.demand, (double)(SIZE + 1500 * MEMORY_MIB), 10);
	sample.swap_used_bytes = UINT64_MAX;
	sample.swapped_in_bytes += MEMORY_MIB;
	next(0.004, 0);
	ck_assert_double_eq_tol(vm.demand, 1.5 * (double)SIZE, 10);
}
END_TEST

START_TEST(who_has_its_share_is_served_later)
{
	vm.part = (double)SIZE;
	fill_with_cache();
	next(0.009, 0);
	ck_assert(!vm.starved);
	next(0.011, 0);
	ck_assert(vm.starved);
	vm.part = (double)SIZE / 0.3;
	next(0.003, 0);
	ck_assert(vm.starved);
	/* Nor does it wait where there is plenty. */
	vm.part = (double)SIZE;
	next(0.003, 0);
	ck_assert(!vm.starved);
	vm.plenty = figures.plenty_fraction;
	next(0.003, 0);
	ck_assert(vm.starved);
}
END_TEST

START_TEST(who_has_just_leapt_is_served_soonest)
{
	vm.part = (double)SIZE;
	figures.pressure_leap = 0.001;
	fill_with_cache();
	next(0.0015, 0);
	ck_assert(!vm.starved);
	sample.available_bytes -= 900 * MEMORY_MIB;
	next(0.0015, 0);
	ck_assert(vm.starved && vm.leaps);
	ck_assert_double_ge(vm.demand, (1 + figures.leap_step) * (double)SIZE - 10);
	for (int i = 0; i < 100; i++)
		next(0.0015, 0);
	ck_assert(!vm.starved && !vm.leaps);
}
END_TEST

START_TEST(what_is_read_back_from_swap_is_firm)
{
	sample.available_bytes = sample.free_bytes = 200 * MEMORY_MIB;
	sample.swap_used_bytes = 600 * MEMORY_MIB;
	next(0, 0);
	for (int i = 0; i < 60; i++) {
		sample.swapped_in_bytes += 100 * MEMORY_MIB;
		next(0, 0);
	}
	ck_assert_double_ge(vm.firm, vm.used + 600.0 * (double)MEMORY_MIB);
	ck_assert_double_ge(vm.demand, vm.firm);
	for (int i = 0; i < 100; i++)
		next(0, 0);
	/* What is no longer read may stay where it is. */
	ck_assert_double_lt(vm.firm, vm.used + 100.0 * (double)MEMORY_MIB);
}
END_TEST

START_TEST(stalls_with_free_memory_are_no_demand)
{
	next(0.5, 100 * MEMORY_MIB);
	ck_assert_double_lt(vm.demand, (double)SIZE);
	ck_assert(!vm.starved);
}
END_TEST

START_TEST(between_the_marks_it_keeps_what_it_has)
{
	fill_with_cache();
	for (int i = 0; i < 30; i++)
		next(0.001, 0);
	ck_assert_double_eq_tol(vm.demand, (double)SIZE, 1);
}
END_TEST

START_TEST(idle_cache_is_taken_slowly)
{
	fill_with_cache();
	next(0, 0);
	ck_assert_double_eq_tol(vm.demand, 0.995 * (double)SIZE, 10);
	for (int i = 0; i < 100; i++)
		next(0, 0);
	/* Not far ahead of what it has given back. */
	ck_assert_double_eq_tol(vm.demand, (double)SIZE - 2.2 * calm_deadband(tuning, (double)SIZE),
				0.2 * calm_deadband(tuning, (double)SIZE));
}
END_TEST

START_TEST(demand_stays_between_minimum_and_maximum)
{
	sample.free_bytes = 0;
	sample.available_bytes = 0;
	vm.seen.actual_bytes = 8 * MEMORY_GIB;
	next(1, 80 * MEMORY_GIB);
	ck_assert_double_eq(vm.demand, (double)(8 * MEMORY_GIB));
	sample.available_bytes = sample.free_bytes = UINT64_MAX;
	for (int i = 0; i < 100; i++)
		next(0, 0);
	ck_assert_double_ge(vm.demand, (double)MEMORY_GIB);
}
END_TEST

START_TEST(counters_that_went_back_are_a_restart)
{
	sample.refaulted_bytes = MEMORY_GIB;
	sample.stall_us = 5000000;
	next(0, 0);
	sample.refaulted_bytes = 0;
	sample.stall_us = 0;
	next(0, 0);
	ck_assert_double_eq(vm.refaults, 0);
	ck_assert_double_eq(vm.pressure, 0);
}
END_TEST

/* Grow for half a minute and @seconds, with refaults as they are. */
static void grow(int seconds, uint64_t refaulted)
{
	for (int i = 0; i < seconds; i++) {
		fill_with_cache();
		next(0.1, refaulted);
		if (vm.demand > (double)vm.seen.actual_bytes)
			vm.seen.actual_bytes += 20 * MEMORY_MIB;
	}
}

START_TEST(growth_that_does_not_help_is_futile_and_ends)
{
	fill_with_cache();
	grow(100, 100 * MEMORY_MIB);
	ck_assert(vm.judge.futile);
	ck_assert(!vm.starved);
	ck_assert_double_le(vm.demand, (double)vm.seen.actual_bytes);
	ck_assert_uint_eq(vm.judge.length_ms, 300000);
	/* It is tried again, and left alone for longer. */
	grow(1000, 100 * MEMORY_MIB);
	ck_assert_uint_ge(vm.judge.length_ms, 600000);
}
END_TEST

START_TEST(growth_that_helps_goes_on)
{
	fill_with_cache();
	for (uint64_t rate = 100 * MEMORY_MIB; rate > MEMORY_MIB; rate = rate * 97 / 100) {
		grow(1, rate);
		ck_assert(!vm.judge.futile);
	}
	ck_assert(vm.starved);
}
END_TEST

START_TEST(futility_is_lifted_when_refaults_get_worse)
{
	fill_with_cache();
	grow(100, 100 * MEMORY_MIB);
	ck_assert(vm.judge.futile);
	grow(30, 200 * MEMORY_MIB);
	/* Another chance: it was judged once more, 30 s after it was let grow. */
	ck_assert(vm.judge.open || vm.judge.length_ms > 300000);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("demand");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, free_memory_is_given_back_down_to_use_and_headroom);
	tcase_add_test(tests, headroom_follows_growth_and_is_bounded);
	tcase_add_test(tests, a_guest_that_stalls_without_free_memory_grows_with_its_pressure);
	tcase_add_test(tests, it_asks_for_no_less_than_what_is_worth_a_move);
	tcase_add_test(tests, a_guest_with_nothing_left_to_drop_grows_though_it_does_not_stall);
	tcase_add_test(tests, what_is_read_back_from_swap_is_asked_for_at_once);
	tcase_add_test(tests, who_has_its_share_is_served_later);
	tcase_add_test(tests, who_has_just_leapt_is_served_soonest);
	tcase_add_test(tests, what_is_read_back_from_swap_is_firm);
	tcase_add_test(tests, stalls_with_free_memory_are_no_demand);
	tcase_add_test(tests, between_the_marks_it_keeps_what_it_has);
	tcase_add_test(tests, idle_cache_is_taken_slowly);
	tcase_add_test(tests, demand_stays_between_minimum_and_maximum);
	tcase_add_test(tests, counters_that_went_back_are_a_restart);
	tcase_add_test(tests, growth_that_does_not_help_is_futile_and_ends);
	tcase_add_test(tests, growth_that_helps_goes_on);
	tcase_add_test(tests, futility_is_lifted_when_refaults_get_worse);
	return suite_run_case("demand", tests);
}
