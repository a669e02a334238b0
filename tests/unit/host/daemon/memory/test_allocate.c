/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

#include <stdlib.h>

START_TEST(water_finds_its_level)
{
	const double demand[] = {10, 100, 100}, base[] = {5, 5, 5}, weight[] = {1, 1, 3};
	double result[3], level;

	level = allocate_max_min(3, demand, base, weight, 100, result);
	/* 10 are enough for the first; the others share 80 above their bases, one to three. */
	ck_assert_double_eq_tol(result[0], 10, 1e-6);
	ck_assert_double_eq_tol(result[1], 5 + 20, 1e-6);
	ck_assert_double_eq_tol(result[2], 5 + 60, 1e-6);
	ck_assert_double_eq_tol(level, 20, 1e-6);
}
END_TEST

START_TEST(enough_is_enough)
{
	const double demand[] = {10, 20}, base[] = {0, 0}, weight[] = {1, 7};
	double result[2];

	allocate_max_min(2, demand, base, weight, 100, result);
	ck_assert_double_eq(result[0], 10);
	ck_assert_double_eq(result[1], 20);
}
END_TEST

START_TEST(bases_hold_where_they_are_more_than_there_is)
{
	const double demand[] = {10, 20}, base[] = {10, 10}, weight[] = {1, 1};
	double result[2];

	allocate_max_min(2, demand, base, weight, 5, result);
	ck_assert_double_eq(result[0], 10);
	ck_assert_double_eq(result[1], 10);
	ck_assert_double_eq(allocate_max_min(0, NULL, NULL, NULL, 5, NULL), 0);
}
END_TEST

START_TEST(any_division_spends_all_of_it_and_no_more)
{
	unsigned int seed = (unsigned int)_i + 1;
	double demand[50], base[50], weight[50], result[50];
	double total = 0, least = 0, most = 0, given = 0;

	for (int i = 0; i < 50; i++) {
		base[i] = rand_r(&seed) % 1000;
		demand[i] = base[i] + rand_r(&seed) % 100000;
		weight[i] = 1 + rand_r(&seed) % 1000;
		least += base[i];
		most += demand[i];
	}
	total = least + (most - least) * (rand_r(&seed) % 1000) / 1000;
	allocate_max_min(50, demand, base, weight, total, result);
	for (int i = 0; i < 50; i++) {
		ck_assert_double_ge(result[i], base[i]);
		ck_assert_double_le(result[i], demand[i]);
		given += result[i];
	}
	ck_assert_double_le(given, total);
	ck_assert_double_ge(given, total - 1);
}
END_TEST

START_TEST(most_of_the_slack_goes_out_by_shares)
{
	struct played_host *host = played_host_new(16 * MEMORY_GIB);
	struct played_guest *small = played_guest_add(host, 16 * MEMORY_GIB, MEMORY_GIB, 1000);
	struct played_guest *large = played_guest_add(host, 16 * MEMORY_GIB, MEMORY_GIB, 3000);
	double slack, budget;

	played_run(host, 120);
	budget = (double)memory_policy_totals(host->policy)->budget_bytes;
	slack = budget - (double)played_decision(small)->demand_bytes -
		(double)played_decision(large)->demand_bytes;
	ck_assert_double_eq_tol(
		(double)(played_decision(small)->due_bytes - played_decision(small)->demand_bytes),
		slack * memory_tuning_default.slack_given / 4, 4);
	ck_assert_double_eq_tol(
		(double)(played_decision(large)->due_bytes - played_decision(large)->demand_bytes),
		slack * memory_tuning_default.slack_given * 3 / 4, 4);
	played_host_free(host);
}
END_TEST

/* A domain of 1.5 GiB that runs already, with all of its memory. */
static struct memory_vm *adopted(struct memory_policy *policy, const char *name, bool driver)
{
	const struct memory_vm_config config = {.name = name,
						.maximum_bytes = 1536 * MEMORY_MIB,
						.minimum_bytes = 128 * MEMORY_MIB,
						.shares = 1000};
	struct memory_vm *vm = NULL;

	ck_assert_int_eq(memory_policy_adopt(policy, &config, 0, &vm), 0);
	memory_vm_observe(policy, vm,
			  &(struct memory_observation){.at_ms = 1000,
						       .actual_bytes = 1536 * MEMORY_MIB,
						       .resident_bytes = 200 * MEMORY_MIB,
						       .driver = driver});
	return vm;
}

START_TEST(who_starts_with_all_its_memory_does_not_press_the_first_to_its_minimum)
{
	const struct memory_host host = {.total_bytes = 2 * MEMORY_GIB,
					 .available_bytes = 3 * MEMORY_GIB / 2};
	struct memory_policy *policy = NULL;
	struct memory_vm *first, *second;

	ck_assert_int_eq(memory_policy_new(&memory_tuning_default, &policy), 0);
	memory_policy_host(policy, &host);
	first = adopted(policy, "first", true);
	second = adopted(policy, "second", false);
	memory_vm_sample(policy, first,
			 &(struct memory_sample){.at_ms = 1000,
						 .period_ms = 1000,
						 .free_bytes = 936 * MEMORY_MIB,
						 .available_bytes = 936 * MEMORY_MIB});
	memory_policy_step(policy, 1000);
	ck_assert_int_eq(memory_vm_decision(second)->state, MEMORY_STARTING);
	ck_assert_uint_ge(memory_vm_decision(first)->target_bytes, 690 * MEMORY_MIB);
	ck_assert_uint_lt(memory_vm_decision(first)->target_bytes, 1200 * MEMORY_MIB);
	memory_policy_free(policy);
}
END_TEST

/* One uses what it had left to others, which have filled it with cache that they miss. */
START_TEST(in_use_goes_before_the_cache_of_others)
{
	struct played_host *host = played_host_new(8 * MEMORY_GIB);
	struct played_guest *guest[3];

	for (int i = 0; i < 3; i++) {
		guest[i] = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB / 2, 1000);
		guest[i]->cache = i ? (double)(8 * MEMORY_GIB) : 0;
		guest[i]->pressure = 0.3;
	}
	played_run(host, 120);
	ck_assert_double_lt(guest[0]->actual, (double)MEMORY_GIB);
	guest[0]->used = 4.5 * (double)MEMORY_GIB;
	played_run(host, 60);
	ck_assert_double_ge(guest[0]->actual, guest[0]->used);
	ck_assert_double_gt(guest[0]->actual, guest[0]->vm->share);
	/* In time it has spent what it had saved. */
	played_run(host, 1800);
	ck_assert_double_eq(guest[0]->vm->savings, 0);
	ck_assert_double_eq(savings_allow(&memory_tuning_default, guest[0]->vm), 0);
	played_host_free(host);
}
END_TEST

START_TEST(a_liar_gains_its_shares_and_no_more)
{
	struct played_host *host = played_host_new(8 * MEMORY_GIB);
	struct played_guest *honest[3];
	struct played_guest *liar = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB / 2, 1000);
	double budget, share;

	for (int i = 0; i < 3; i++) {
		honest[i] = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB / 2, 1000);
		honest[i]->used = 1.5 * (double)MEMORY_GIB;
	}
	/* Cache, too, is safe from it. */
	honest[2]->used = (double)MEMORY_GIB / 2;
	honest[2]->cache = (double)MEMORY_GIB;
	honest[2]->pressure = 0.3;
	liar->claims = (double)(80 * MEMORY_GIB);
	liar->pressure = 1;
	liar->refaults = (double)MEMORY_GIB;
	for (int i = 0; i < 300; i++) {
		memory_vm_urgent(host->policy, liar->vm, host->now_ms);
		played_run(host, 1);
		budget = (double)memory_policy_totals(host->policy)->budget_bytes;
		share = budget / 4;
		/* Slack is nobody's: it may have that while nobody else demands it. */
		if (i > 60)
			for (int j = 0; j < 3; j++)
				ck_assert_double_ge(
					honest[j]->actual,
					min2(share, honest[j]->used + honest[j]->cache) * 0.97);
	}
	played_host_free(host);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("allocate");

	tcase_add_test(tests, water_finds_its_level);
	tcase_add_test(tests, enough_is_enough);
	tcase_add_test(tests, bases_hold_where_they_are_more_than_there_is);
	tcase_add_loop_test(tests, any_division_spends_all_of_it_and_no_more, 0, 100);
	tcase_add_test(tests, most_of_the_slack_goes_out_by_shares);
	tcase_add_test(tests,
		       who_starts_with_all_its_memory_does_not_press_the_first_to_its_minimum);
	tcase_add_test(tests, in_use_goes_before_the_cache_of_others);
	tcase_add_test(tests, a_liar_gains_its_shares_and_no_more);
	return suite_run_case("allocate", tests);
}
