/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

#define GUESTS 4

static struct played_host *host;
static struct played_guest *guest[GUESTS];
static double margin;

/* Guests of 3 GiB on a host of 8, which use little of what they have. */
static void set_up(void)
{
	margin = memory_tuning_default.overcommit_margin;
	host = played_host_new(8 * MEMORY_GIB);
	for (int i = 0; i < GUESTS; i++) {
		guest[i] = played_guest_add(host, 3 * MEMORY_GIB, MEMORY_GIB / 2, 1000);
		guest[i]->reports = true;
		guest[i]->used = 0.4 * (double)MEMORY_GIB;
	}
	played_run(host, 60);
}

static void tear_down(void)
{
	played_host_free(host);
}

/* As if just weighed. */
static void has(int i, double size, double resident)
{
	struct memory_vm *vm = guest[i]->vm;

	vm->decision.state = MEMORY_FOLLOWED;
	vm->decision.target_bytes = vm->ceiling = vm->seen.actual_bytes = (uint64_t)size;
	vm->seen.resident_bytes = (uint64_t)resident;
}

START_TEST(of_four_equal_loans_half_as_much_is_kept_as_of_one)
{
	for (int i = 0; i < GUESTS; i++)
		has(i, 2e9, 1e9);
	overcommit_weigh(host->policy);
	for (int i = 0; i < GUESTS; i++)
		ck_assert_double_eq_tol((double)ledger_charge(guest[i]->vm), 1e9 + margin / 2 * 1e9,
					10);
}
END_TEST

START_TEST(small_loans_cost_little)
{
	has(0, 2e9, 1e9);
	for (int i = 1; i < GUESTS; i++)
		has(i, 1e9, 1e9);
	overcommit_weigh(host->policy);
	ck_assert_double_eq_tol((double)ledger_charge(guest[0]->vm), 1e9 + margin * 1e9, 10);
	ck_assert_double_eq_tol((double)ledger_charge(guest[1]->vm), 1e9, 10);
	has(1, 1.1e9, 1e9);
	overcommit_weigh(host->policy);
	ck_assert_double_ge((double)ledger_charge(guest[1]->vm), 1e9);
	ck_assert_double_le((double)ledger_charge(guest[1]->vm), 1e9 + margin * 2e7);
	/* Never below what is resident, and that may be more than its size. */
	has(1, 1e9, 1.3e9);
	overcommit_weigh(host->policy);
	ck_assert_double_eq_tol((double)ledger_charge(guest[1]->vm), 1.3e9, 10);
}
END_TEST

START_TEST(who_is_silent_or_whose_memory_nobody_sees_has_no_loan)
{
	for (int i = 0; i < GUESTS; i++)
		has(i, 2e9, 1e9);
	guest[0]->vm->decision.state = MEMORY_STALE;
	guest[1]->vm->seen.resident_bytes = 0;
	overcommit_weigh(host->policy);
	ck_assert_double_eq_tol((double)ledger_charge(guest[0]->vm), 2e9, 10);
	ck_assert_double_eq_tol((double)ledger_charge(guest[1]->vm), 2e9, 10);
	ck_assert_double_lt((double)ledger_charge(guest[2]->vm), 1.8e9);
}
END_TEST

START_TEST(where_nothing_may_be_lent_sizes_are_charged_whole)
{
	struct memory_tuning tuning = memory_tuning_default;

	tuning.overcommit_margin = 0;
	memory_policy_tune(host->policy, &tuning);
	for (int i = 0; i < GUESTS; i++)
		has(i, 2e9, 1e9);
	overcommit_weigh(host->policy);
	for (int i = 0; i < GUESTS; i++)
		ck_assert_double_eq_tol((double)ledger_charge(guest[i]->vm), 2e9, 10);
}
END_TEST

START_TEST(bursts_of_each_in_turn_move_nothing)
{
	uint64_t before[GUESTS];

	for (int turn = 0; turn < 3 * GUESTS; turn++) {
		int i = turn % GUESTS;

		/* The first round is for each to get there. */
		if (turn == GUESTS)
			for (int j = 0; j < GUESTS; j++)
				before[j] = played_decision(guest[j])->target_bytes;
		guest[i]->used = 1.7 * (double)MEMORY_GIB;
		played_run(host, 20);
		ck_assert_double_ge(guest[i]->actual, guest[i]->used);
		guest[i]->used = 0.4 * (double)MEMORY_GIB;
		played_run(host, 20);
	}
	for (int i = 0; i < GUESTS; i++)
		ck_assert_uint_eq(played_decision(guest[i])->target_bytes, before[i]);
	/* More than there is, were it all taken. */
	ck_assert_double_gt(played_sum(host), (double)host->host.total_bytes);
}
END_TEST

/* played_run() asserts each second that the host has memory left. */
START_TEST(who_all_come_for_their_loans_have_their_parts)
{
	for (int i = 0; i < GUESTS; i++) {
		guest[i]->used = 1.7 * (double)MEMORY_GIB;
		played_run(host, 20);
		guest[i]->used = 0.4 * (double)MEMORY_GIB;
		played_run(host, 20);
	}
	for (int second = 0; second < 150; second++) {
		for (int i = 0; i < GUESTS; i++)
			guest[i]->used = min2(2.5e9, guest[i]->used + 2e7);
		played_run(host, 1);
	}
	played_run(host, 60);
	for (int i = 0; i < GUESTS; i++) {
		ck_assert_double_ge(guest[i]->actual, 1.8e9);
		ck_assert_double_le(guest[i]->actual, 2.2e9);
	}
	ck_assert_int_eq(memory_policy_totals(host->policy)->emergency, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("overcommit");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, of_four_equal_loans_half_as_much_is_kept_as_of_one);
	tcase_add_test(tests, small_loans_cost_little);
	tcase_add_test(tests, who_is_silent_or_whose_memory_nobody_sees_has_no_loan);
	tcase_add_test(tests, where_nothing_may_be_lent_sizes_are_charged_whole);
	tcase_add_test(tests, bursts_of_each_in_turn_move_nothing);
	tcase_add_test(tests, who_all_come_for_their_loans_have_their_parts);
	return suite_run_case("overcommit", tests);
}
