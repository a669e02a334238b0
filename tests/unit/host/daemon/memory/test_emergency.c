/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

static struct played_host *host;
static struct played_guest *guest[3];

static void set_up(void)
{
	host = played_host_new(8 * MEMORY_GIB);
	for (int i = 0; i < 3; i++) {
		guest[i] = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB, 1000);
		guest[i]->used = 1.2 * (double)MEMORY_GIB;
	}
	played_run(host, 60);
	host->fixed_available = true;
}

static void tear_down(void)
{
	played_host_free(host);
}

static int level(void)
{
	return memory_policy_totals(host->policy)->emergency;
}

static void short_by(uint64_t bytes)
{
	/* Another program has taken it: more is out than there is. */
	host->host.other_bytes = MEMORY_GIB + host->host.total_bytes - (uint64_t)played_sum(host);
	host->host.available_bytes = 2 * memory_policy_totals(host->policy)->reserve_bytes - bytes;
	played_run(host, 1);
}

START_TEST(there_is_none_while_the_host_has_memory)
{
	host->host.available_bytes = 2 * memory_policy_totals(host->policy)->reserve_bytes;
	played_run(host, 5);
	ck_assert_int_eq(level(), 0);
	/* Well used, and no more out than there is. */
	host->host.available_bytes = memory_policy_totals(host->policy)->reserve_bytes;
	played_run(host, 5);
	ck_assert_int_eq(level(), 0);
	host->host.available_bytes = memory_policy_totals(host->policy)->reserve_bytes / 3;
	played_run(host, 1);
	ck_assert_int_eq(level(), 1);
}
END_TEST

START_TEST(free_memory_goes_first_and_at_once)
{
	short_by(100 * MEMORY_MIB);
	ck_assert_int_eq(level(), 1);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(played_decision(guest[i])->reason, MEMORY_BECAUSE_EMERGENCY);
		ck_assert_double_eq_tol((double)played_decision(guest[i])->target_bytes,
					guest[i]->used, 10);
	}
}
END_TEST

START_TEST(then_cache_as_much_as_is_missing)
{
	for (int i = 0; i < 3; i++)
		guest[i]->cache = (double)(4 * MEMORY_GIB);
	played_run(host, 1);
	short_by(300 * MEMORY_MIB);
	ck_assert_int_eq(level(), 2);
	for (int i = 0; i < 3; i++)
		ck_assert_double_ge((double)played_decision(guest[i])->target_bytes,
				    guest[i]->used);
}
END_TEST

START_TEST(then_the_rest_down_to_the_minimum)
{
	for (int i = 0; i < 3; i++)
		guest[i]->used = 4e9;
	/* Not for long: who has all of it and uses it gives nothing back, and is soon let alone. */
	played_run(host, 3);
	short_by(600 * MEMORY_MIB);
	ck_assert_int_eq(level(), 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_double_lt((double)played_decision(guest[i])->target_bytes,
				    guest[i]->used);
		ck_assert_uint_ge(played_decision(guest[i])->target_bytes, MEMORY_GIB);
	}
}
END_TEST

START_TEST(who_refuses_is_limited_and_the_least_entitled_is_paused)
{
	guest[1]->used = 4e9;
	played_run(host, 30);
	for (int i = 0; i < 3; i++) {
		guest[i]->used = guest[i]->actual;
		guest[i]->speed = 0;
	}
	host->host.other_bytes = MEMORY_GIB;
	host->host.available_bytes = 10 * MEMORY_MIB;
	for (int i = 0; i < 6; i++)
		played_run(host, 1);
	ck_assert_int_eq(level(), 4);
	ck_assert_uint_gt(played_decision(guest[1])->limit_bytes, 0);
	ck_assert_double_lt((double)played_decision(guest[1])->limit_bytes, guest[1]->actual);
	ck_assert_uint_ge(played_decision(guest[1])->limit_bytes, MEMORY_GIB);
	ck_assert(!played_decision(guest[1])->pause);
	played_run(host, 6);
	ck_assert_int_eq(level(), 5);
	ck_assert(played_decision(guest[1])->pause);
	ck_assert(!played_decision(guest[0])->pause);
	/* Over: all run again, without limits. */
	host->host.available_bytes = 4 * MEMORY_GIB;
	played_run(host, 1);
	ck_assert_int_eq(level(), 0);
	ck_assert(!played_decision(guest[1])->pause);
	ck_assert_uint_eq(played_decision(guest[1])->limit_bytes, 0);
}
END_TEST

START_TEST(nobody_is_paused_for_ever_and_not_all_at_once)
{
	unsigned int paused_s[3] = {0}, most[3] = {0};

	played_run(host, 30);
	for (int i = 0; i < 3; i++) {
		guest[i]->used = guest[i]->actual;
		guest[i]->speed = 0;
	}
	host->host.other_bytes = MEMORY_GIB;
	host->host.available_bytes = 10 * MEMORY_MIB;
	for (int s = 0; s < 400; s++) {
		unsigned int paused = 0;

		played_run(host, 1);
		for (int i = 0; i < 3; i++) {
			bool now = played_decision(guest[i])->pause;

			paused += now;
			paused_s[i] = now ? paused_s[i] + 1 : 0;
			if (paused_s[i] > most[i])
				most[i] = paused_s[i];
		}
		ck_assert_uint_lt(paused, 3);
	}
	for (int i = 0; i < 3; i++)
		ck_assert_uint_le(most[i], 60);
	ck_assert_uint_gt(most[0] + most[1] + most[2], 60);
}
END_TEST

START_TEST(who_starts_is_not_kept_from_loading_its_driver)
{
	played_host_free(host);
	host = played_host_new(8 * MEMORY_GIB);
	for (int i = 0; i < 3; i++) {
		guest[i] = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB, 1000);
		guest[i]->no_driver = true;
	}
	host->fixed_available = true;
	played_run(host, 1);
	host->host.other_bytes = 4 * MEMORY_GIB;
	host->host.available_bytes = memory_policy_totals(host->policy)->reserve_bytes / 4;
	played_run(host, 30);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(played_decision(guest[i])->state, MEMORY_STARTING);
		ck_assert(!played_decision(guest[i])->pause);
	}
	host->host.available_bytes = MEMORY_MIB;
	played_run(host, 12);
	ck_assert(played_decision(guest[0])->pause || played_decision(guest[1])->pause ||
		  played_decision(guest[2])->pause);
}
END_TEST

START_TEST(a_stall_of_the_host_is_one_even_with_memory_left)
{
	host->host.available_bytes = 4 * MEMORY_GIB;
	host->host.stalled = true;
	played_run(host, 1);
	ck_assert_int_eq(level(), 1);
}
END_TEST

START_TEST(a_shock_of_a_third_of_the_host_is_given_back_within_seconds)
{
	double budget;

	guest[0]->used = 2e9;
	guest[1]->cache = 4e9;
	played_run(host, 60);
	host->host.other_bytes = host->host.total_bytes * 3 / 10;
	host->host.available_bytes = 100 * MEMORY_MIB;
	played_run(host, 3);
	budget = (double)memory_policy_totals(host->policy)->budget_bytes;
	ck_assert_double_le(played_sum(host), budget);
}
END_TEST

/* A step with so much left. A guest that helps itself breaks what played_run() asserts. */
static void step_with(uint64_t available)
{
	host->now_ms += 250;
	host->host.available_bytes = available;
	memory_policy_host(host->policy, &host->host);
	memory_policy_step(host->policy, host->now_ms);
}

/* Its kernel takes so much from its balloon, as one that deflates on OOM does. */
static void take_unasked(struct played_guest *taker, uint64_t bytes)
{
	struct memory_observation seen = taker->vm->seen;

	seen.at_ms = host->now_ms;
	seen.actual_bytes += bytes;
	memory_vm_observe(host->policy, taker->vm, &seen);
}

static void use_all(void)
{
	for (int i = 0; i < 3; i++)
		guest[i]->used = 4e9;
	played_run(host, 60);
}

START_TEST(who_takes_the_last_of_it_is_paused_at_once)
{
	uint64_t reserve = memory_policy_totals(host->policy)->reserve_bytes;

	use_all();
	take_unasked(guest[1], 100 * MEMORY_MIB);
	step_with(reserve / 3);
	ck_assert(!played_decision(guest[1])->pause);
	take_unasked(guest[1], 100 * MEMORY_MIB);
	step_with(reserve / 5);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(played_decision(guest[i])->pause, i == 1);
	/* Not yet. */
	step_with(reserve / 2 - MEMORY_MIB);
	ck_assert(played_decision(guest[1])->pause);
	step_with(reserve / 2 + MEMORY_MIB);
	ck_assert(!played_decision(guest[1])->pause);
	/* And again. */
	take_unasked(guest[1], 100 * MEMORY_MIB);
	step_with(reserve / 5);
	ck_assert(played_decision(guest[1])->pause);
}
END_TEST

/* What is lent is resident by now. */
static void take_loan(struct played_guest *taker, uint64_t bytes)
{
	struct memory_observation seen = taker->vm->seen;

	seen.at_ms = host->now_ms;
	seen.resident_bytes += bytes;
	memory_vm_observe(host->policy, taker->vm, &seen);
}

START_TEST(so_is_who_takes_the_last_of_it_out_of_what_was_lent)
{
	uint64_t reserve = memory_policy_totals(host->policy)->reserve_bytes;

	for (int i = 0; i < 3; i++)
		guest[i]->reports = true;
	played_run(host, 10);
	take_loan(guest[2], 100 * MEMORY_MIB);
	step_with(reserve / 5);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(played_decision(guest[i])->pause, i == 2);
	step_with(reserve);
	ck_assert(!played_decision(guest[2])->pause);
}
END_TEST

START_TEST(loans_are_called_back_before_the_host_is_short)
{
	double before[3];

	for (int i = 0; i < 3; i++)
		guest[i]->reports = true;
	guest[0]->used = 2.5e9;
	played_run(host, 30);
	guest[0]->used = 1e9;
	host->host.available_bytes = 3 * MEMORY_GIB;
	played_run(host, 30);
	for (int i = 0; i < 3; i++)
		before[i] = (double)played_decision(guest[i])->target_bytes;
	/* Slowly: there is time. */
	step_with(3 * MEMORY_GIB - 10 * MEMORY_MIB);
	ck_assert_double_ge((double)played_decision(guest[0])->target_bytes, before[0]);
	/* In a second nothing would be left. */
	step_with(2 * MEMORY_GIB);
	ck_assert_int_eq(level(), 0);
	ck_assert_double_lt((double)played_decision(guest[0])->target_bytes, before[0] - 1e8);
	ck_assert_int_eq(played_decision(guest[0])->reason, MEMORY_BECAUSE_EMERGENCY);
}
END_TEST

START_TEST(who_has_taken_nothing_is_not_paused_for_that)
{
	uint64_t reserve = memory_policy_totals(host->policy)->reserve_bytes;

	use_all();
	step_with(MEMORY_MIB);
	for (int i = 0; i < 3; i++)
		ck_assert(!played_decision(guest[i])->pause);
	/* Nor for what it took long ago. */
	take_unasked(guest[1], 100 * MEMORY_MIB);
	for (int i = 0; i < 8; i++)
		step_with(reserve);
	step_with(MEMORY_MIB);
	ck_assert(!played_decision(guest[1])->pause);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("emergency");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, there_is_none_while_the_host_has_memory);
	tcase_add_test(tests, free_memory_goes_first_and_at_once);
	tcase_add_test(tests, then_cache_as_much_as_is_missing);
	tcase_add_test(tests, then_the_rest_down_to_the_minimum);
	tcase_add_test(tests, who_refuses_is_limited_and_the_least_entitled_is_paused);
	tcase_add_test(tests, nobody_is_paused_for_ever_and_not_all_at_once);
	tcase_add_test(tests, who_starts_is_not_kept_from_loading_its_driver);
	tcase_add_test(tests, a_stall_of_the_host_is_one_even_with_memory_left);
	tcase_add_test(tests, a_shock_of_a_third_of_the_host_is_given_back_within_seconds);
	tcase_add_test(tests, who_takes_the_last_of_it_is_paused_at_once);
	tcase_add_test(tests, so_is_who_takes_the_last_of_it_out_of_what_was_lent);
	tcase_add_test(tests, loans_are_called_back_before_the_host_is_short);
	tcase_add_test(tests, who_has_taken_nothing_is_not_paused_for_that);
	return suite_run_case("emergency", tests);
}
