/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

#include <stdlib.h>

static struct played_host *host;

static void set_up(void)
{
	host = played_host_new(8 * MEMORY_GIB);
}

static void tear_down(void)
{
	played_host_free(host);
}

static double budget(void)
{
	return (double)memory_policy_totals(host->policy)->budget_bytes;
}

START_TEST(growth_waits_for_what_others_give_back)
{
	struct played_guest *idle = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB, 1000);
	struct played_guest *busy = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB, 1000);
	double before;

	/* The idle one has all, and gives nothing back yet. */
	idle->used = 5e9;
	busy->used = 1e9;
	played_run(host, 60);
	idle->used = 1e9;
	idle->speed = 0;
	busy->used = 6e9;
	before = busy->actual;
	played_run(host, 4);
	ck_assert_double_le(busy->actual + idle->actual,
			    budget() +
				    (double)memory_policy_totals(host->policy)->reserve_bytes / 2);
	idle->speed = 1e9;
	played_run(host, 60);
	ck_assert_double_gt(busy->actual, before + 1e9);
	ck_assert_double_ge(busy->actual, busy->used);
}
END_TEST

START_TEST(grants_are_the_credits_and_no_more)
{
	struct played_guest *guest[3];
	double credits, reserve, before[3];

	for (int i = 0; i < 3; i++) {
		guest[i] = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB, i ? 1000 : 3000);
		guest[i]->used = 1.5e9;
	}
	played_run(host, 60);
	credits = ledger_credits(host->policy);
	reserve = (double)memory_policy_totals(host->policy)->reserve_bytes;
	ck_assert_double_gt(credits, 5e7);
	/* All want more than there is: it is divided by shares. */
	for (int i = 0; i < 3; i++) {
		before[i] = (double)ledger_charge(guest[i]->vm);
		guest[i]->vm->want = 8 * MEMORY_GIB;
	}
	ledger_grant(host->policy, host->now_ms);
	ck_assert_double_eq_tol((double)ledger_charge(guest[0]->vm) - before[0], credits * 0.6, 4);
	ck_assert_double_eq_tol((double)ledger_charge(guest[1]->vm) - before[1], credits * 0.2, 4);
	ck_assert_double_eq_tol(ledger_credits(host->policy), 0, 10);
	ck_assert_int_eq(guest[2]->vm->decision.reason, MEMORY_BECAUSE_CREDIT);
	/* Nothing is left, but for who stalls: half the reserve, once. */
	guest[2]->vm->urgent = true;
	for (int i = 0; i < 3; i++) {
		ledger_grant(host->policy, host->now_ms);
		ck_assert_double_eq_tol(ledger_credits(host->policy), -reserve / 2, 10);
	}
	ck_assert_double_eq_tol((double)ledger_charge(guest[1]->vm) - before[1], credits * 0.2, 4);
}
END_TEST

START_TEST(the_charge_is_the_most_that_it_may_have)
{
	struct played_guest *guest = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB, 1000);
	struct memory_vm *vm = guest->vm;

	played_run(host, 2);
	vm->decision.state = MEMORY_FOLLOWED;
	vm->seen.actual_bytes = 2 * MEMORY_GIB;
	vm->ceiling = 3 * MEMORY_GIB;
	ck_assert_uint_eq(ledger_charge(vm), 3 * MEMORY_GIB);
	/* A target that was lowered counts until the guest has been looked at. */
	vm->decision.target_bytes = MEMORY_GIB;
	ck_assert_uint_eq(ledger_charge(vm), 3 * MEMORY_GIB);
	ledger_observed(vm);
	ck_assert_uint_eq(ledger_charge(vm), 2 * MEMORY_GIB);
	vm->seen.resident_bytes = 5 * MEMORY_GIB / 2;
	ck_assert_uint_eq(ledger_charge(vm), 5 * MEMORY_GIB / 2);
	vm->decision.state = MEMORY_DEAD;
	vm->seen.driver = false;
	ck_assert_uint_eq(ledger_charge(vm), 4 * MEMORY_GIB);
}
END_TEST

/*
 * Whatever guests do, as long as they do not take more than their targets, their sum stays below
 * the budget and half the reserve: played_run() asserts that each second.
 */
START_TEST(no_behaviour_of_guests_drives_the_host_out_of_memory)
{
	unsigned int seed = (unsigned int)_i + 1;

	for (int i = 0; i < 6; i++)
		played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB / 2,
				 1 + (uint32_t)(rand_r(&seed) % 3000));
	for (int turn = 0; turn < 60; turn++) {
		struct played_guest *guest = &host->guest[rand_r(&seed) % 6];

		guest->used = (double)(rand_r(&seed) % 5000) * (double)MEMORY_MIB;
		guest->cache = (double)(rand_r(&seed) % 5000) * (double)MEMORY_MIB;
		guest->pressure = (double)(rand_r(&seed) % 100) / 100;
		guest->refaults = (double)(rand_r(&seed) % 100) * (double)MEMORY_MIB;
		guest->speed = (double)(rand_r(&seed) % 1000) * (double)MEMORY_MIB;
		guest->silent = rand_r(&seed) % 8 == 0;
		guest->claims = rand_r(&seed) % 8 ? 0 : 10 * guest->used;
		if (rand_r(&seed) % 4 == 0)
			memory_vm_urgent(host->policy, guest->vm, host->now_ms);
		played_run(host, 1 + (unsigned int)rand_r(&seed) % 20);
	}
}
END_TEST

START_TEST(growth_that_has_not_happened_is_called_back_when_the_budget_falls)
{
	struct played_guest *guest = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB, 1000);

	played_run(host, 30);
	guest->speed = 0;
	guest->actual = 3e9;
	guest->used = 7e9;
	played_run(host, 2);
	ck_assert_double_gt((double)played_decision(guest)->target_bytes, 4e9);
	host->host.other_bytes = 6 * MEMORY_GIB;
	guest->pressure = 0;
	played_run(host, 1);
	ck_assert_double_le((double)played_decision(guest)->target_bytes, 3e9);
}
END_TEST

START_TEST(the_urgent_are_served_first_and_from_half_the_reserve)
{
	struct played_guest *full = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB, 1000);
	struct played_guest *stalling = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB, 1000);
	double reserve = (double)memory_policy_totals(host->policy)->reserve_bytes, before;

	full->used = 1e9;
	full->cache = 8e9;
	played_run(host, 60);
	full->actual = budget() - stalling->actual;
	full->vm->decision.target_bytes = (uint64_t)full->actual;
	full->vm->hold_until_ms = UINT64_MAX;
	full->speed = 0;
	stalling->used = stalling->actual + 1e9;
	stalling->pressure = 0.5;
	before = stalling->actual;
	for (int i = 0; i < 3; i++) {
		memory_vm_urgent(host->policy, stalling->vm, host->now_ms);
		played_run(host, 1);
	}
	ck_assert_double_gt(stalling->actual, before + reserve / 4);
	ck_assert_double_le(stalling->actual, before + reserve / 2 + 1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("ledger");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, growth_waits_for_what_others_give_back);
	tcase_add_test(tests, grants_are_the_credits_and_no_more);
	tcase_add_test(tests, the_charge_is_the_most_that_it_may_have);
	tcase_add_loop_test(tests, no_behaviour_of_guests_drives_the_host_out_of_memory, 0, 40);
	tcase_add_test(tests, growth_that_has_not_happened_is_called_back_when_the_budget_falls);
	tcase_add_test(tests, the_urgent_are_served_first_and_from_half_the_reserve);
	return suite_run_case("ledger", tests);
}
