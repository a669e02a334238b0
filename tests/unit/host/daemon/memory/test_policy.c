/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static struct played_host *host;

static void set_up(void)
{
	host = played_host_new(8 * MEMORY_GIB);
}

static void tear_down(void)
{
	played_host_free(host);
}

static int add(uint64_t maximum, uint64_t minimum, uint32_t shares, uint64_t fixed)
{
	struct memory_vm_config config = {.name = "vm",
					  .maximum_bytes = maximum,
					  .minimum_bytes = minimum,
					  .shares = shares,
					  .fixed_bytes = fixed};
	struct memory_vm *vm;

	return memory_policy_add(host->policy, &config, host->now_ms, &vm);
}

START_TEST(the_budget_leaves_a_reserve_and_counts_half_of_ksm)
{
	struct memory_host figures = {.total_bytes = 100 * MEMORY_GIB,
				      .other_bytes = 10 * MEMORY_GIB,
				      .overhead_bytes = MEMORY_GIB,
				      .ksm_saved_bytes = 2 * MEMORY_GIB};
	const struct memory_totals *totals = memory_policy_totals(host->policy);

	ck_assert_uint_eq(totals->reserve_bytes, 8 * MEMORY_GIB / 25);
	memory_policy_host(host->policy, &figures);
	ck_assert_uint_eq(totals->reserve_bytes, 4 * MEMORY_GIB);
	ck_assert_uint_eq(totals->budget_bytes, 86 * MEMORY_GIB);
	figures = (struct memory_host){.total_bytes = MEMORY_GIB, .other_bytes = 2 * MEMORY_GIB};
	memory_policy_host(host->policy, &figures);
	ck_assert_uint_eq(totals->reserve_bytes, 256 * MEMORY_MIB);
	ck_assert_uint_eq(totals->budget_bytes, 0);
}
END_TEST

START_TEST(minimums_that_do_not_fit_are_refused)
{
	ck_assert_int_eq(add(8 * MEMORY_GIB, 4 * MEMORY_GIB, 1, 0), 0);
	ck_assert_int_eq(add(8 * MEMORY_GIB, 4 * MEMORY_GIB, 1, 0), -ENOSPC);
	ck_assert_int_eq(add(8 * MEMORY_GIB, 3 * MEMORY_GIB, 1, 0), 0);
	ck_assert_int_eq(add(8 * MEMORY_GIB, 0, 1, MEMORY_GIB), -ENOSPC);
	ck_assert_int_eq(add(8 * MEMORY_GIB, 0, 1, MEMORY_GIB / 2), 0);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	ck_assert_int_eq(add(0, 0, 1, 0), -EINVAL);
	ck_assert_int_eq(add(MEMORY_GIB, 2 * MEMORY_GIB, 1, 0), -EINVAL);
	ck_assert_int_eq(add(MEMORY_GIB, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(add(MEMORY_GIB, 0, MEMORY_MAX_SHARES + 1, 0), -EINVAL);
	ck_assert_int_eq(add(MEMORY_GIB, 0, 1, 2 * MEMORY_GIB), -EINVAL);
	ck_assert_int_eq(add(MEMORY_GIB, MEMORY_GIB / 2, 1, MEMORY_GIB / 4), -EINVAL);
}
END_TEST

START_TEST(a_vm_starts_ballooned_where_not_all_can_be_had)
{
	struct played_guest *first = played_guest_add(host, 7 * MEMORY_GIB, MEMORY_GIB, 1000);
	struct played_guest *second;

	ck_assert_uint_eq(played_decision(first)->target_bytes, 7 * MEMORY_GIB);
	ck_assert(played_decision(first)->ready);
	second = played_guest_add(host, 7 * MEMORY_GIB, MEMORY_GIB, 1000);
	ck_assert_uint_eq(played_decision(second)->target_bytes, MEMORY_GIB);
	/* Its minimum is sure, but the first has it still. */
	ck_assert(!played_decision(second)->ready);
	played_run(host, 10);
	ck_assert(played_decision(second)->ready);
}
END_TEST

START_TEST(what_runs_already_is_taken_as_it_is)
{
	struct memory_vm_config config = {.name = "vm",
					  .maximum_bytes = 64 * MEMORY_GIB,
					  .minimum_bytes = 16 * MEMORY_GIB,
					  .shares = 1};
	struct memory_observation seen = {
		.at_ms = 1000, .actual_bytes = 20 * MEMORY_GIB, .driver = true};
	struct memory_vm *vm;

	ck_assert_int_eq(memory_policy_adopt(host->policy, &config, 1000, &vm), 0);
	memory_vm_observe(host->policy, vm, &seen);
	memory_policy_step(host->policy, 1000);
	ck_assert_uint_eq(memory_vm_decision(vm)->target_bytes, 20 * MEMORY_GIB);
	memory_policy_remove(host->policy, vm);
	memory_policy_step(host->policy, 2000);
	ck_assert_uint_eq(memory_policy_totals(host->policy)->charged_bytes, 0);
}
END_TEST

/* lodged dies in the middle of a change, and the next one finds the VMs as they are. */
START_TEST(a_restart_in_the_middle_of_a_change_breaks_no_promise)
{
	unsigned int before = (unsigned int)_i;
	struct played_guest *busy;

	for (int i = 0; i < 4; i++) {
		played_guest_add(host, 6 * MEMORY_GIB, MEMORY_GIB, 1000);
		host->guest[i].speed = 100.0 * (double)MEMORY_MIB;
		host->guest[i].used = 1.5e9;
	}
	busy = &host->guest[0];
	played_run(host, 60);
	for (int i = 1; i < 4; i++)
		host->guest[i].used = 1.0e9;
	busy->used = 4.0e9;
	busy->pressure = 0.5;
	played_run(host, before);

	memory_policy_free(host->policy);
	ck_assert_int_eq(memory_policy_new(&memory_tuning_default, &host->policy), 0);
	memory_policy_host(host->policy, &host->host);
	for (int i = 0; i < 4; i++) {
		struct memory_vm_config config = {.name = "guest",
						  .maximum_bytes = 6 * MEMORY_GIB,
						  .minimum_bytes = MEMORY_GIB,
						  .shares = 1000};

		ck_assert_int_eq(memory_policy_adopt(host->policy, &config, host->now_ms,
						     &host->guest[i].vm),
				 0);
	}
	played_run(host, 91);
	ck_assert_double_ge(busy->actual, busy->used);
}
END_TEST

START_TEST(a_change_of_settings_is_checked_like_a_new_vm)
{
	struct played_guest *guest = played_guest_add(host, 6 * MEMORY_GIB, 3 * MEMORY_GIB, 1000);
	struct memory_vm_config config = guest->vm->config;

	ck_assert_int_eq(add(4 * MEMORY_GIB, 3 * MEMORY_GIB, 1, 0), 0);
	config.minimum_bytes = 5 * MEMORY_GIB;
	ck_assert_int_eq(memory_policy_configure(host->policy, guest->vm, &config), -ENOSPC);
	ck_assert_uint_eq(guest->vm->config.minimum_bytes, 3 * MEMORY_GIB);
	config.minimum_bytes = 2 * MEMORY_GIB;
	config.name = "other";
	ck_assert_int_eq(memory_policy_configure(host->policy, guest->vm, &config), 0);
	ck_assert_str_eq(guest->vm->config.name, "guest");
}
END_TEST

START_TEST(the_minimum_is_kept_in_scarcity)
{
	struct played_guest *guest[4];

	for (int i = 0; i < 4; i++) {
		guest[i] = played_guest_add(host, 8 * MEMORY_GIB,
					    (uint64_t)(i ? 1 : 3) * MEMORY_GIB, i ? 1000000 : 1);
		guest[i]->used = i ? 8e9 : 1e9;
		guest[i]->pressure = 1;
	}
	/* played_run() asserts it of the targets. */
	played_run(host, 300);
	guest[0]->used = 4e9;
	played_run(host, 60);
	ck_assert_double_ge(guest[0]->actual, (double)(3 * MEMORY_GIB) - 1);
}
END_TEST

/* Figures of a guest are bytes of a stranger. */
START_TEST(garbage_breaks_no_promise)
{
	static const uint64_t odd[] = {0, 1, INT64_MAX, UINT64_MAX, MEMORY_GIB, MEMORY_MIB};
	unsigned int seed = (unsigned int)_i + 1;

	for (int i = 0; i < 4; i++)
		played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB, 1000);
	for (int turn = 0; turn < 300; turn++) {
		struct played_guest *guest = &host->guest[rand_r(&seed) % 4];
		struct memory_sample garbage = {
			.at_ms = host->now_ms + 500,
			.period_ms = (uint32_t)odd[rand_r(&seed) % 6],
			.free_bytes = odd[rand_r(&seed) % 6],
			.available_bytes = odd[rand_r(&seed) % 6],
			.refaulted_bytes = odd[rand_r(&seed) % 6],
			.swapped_in_bytes = odd[rand_r(&seed) % 6],
			.swap_used_bytes = odd[rand_r(&seed) % 6],
			.stall_us = odd[rand_r(&seed) % 6],
		};

		memory_vm_sample(host->policy, guest->vm, &garbage);
		if (rand_r(&seed) % 2)
			memory_vm_urgent(host->policy, guest->vm, host->now_ms);
		/* It asserts minimum, maximum and the sum of all. */
		played_run(host, 1);
	}
}
END_TEST

START_TEST(a_maximum_that_is_lowered_binds_at_once)
{
	struct played_guest *guest = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB, 1000);
	struct memory_vm_config config;

	played_run(host, 10);
	config = guest->vm->config;
	config.maximum_bytes = 2 * MEMORY_GIB;
	guest->silent = true;
	ck_assert_int_eq(memory_policy_configure(host->policy, guest->vm, &config), 0);
	played_run(host, 5);
	ck_assert_uint_eq(played_decision(guest)->target_bytes, 2 * MEMORY_GIB);
}
END_TEST

START_TEST(samples_that_come_late_are_ignored)
{
	struct played_guest *guest = played_guest_add(host, MEMORY_GIB, 0, 1);
	double demand;

	played_run(host, 10);
	demand = guest->vm->demand;
	guest->sample.at_ms -= 5000;
	guest->sample.available_bytes = 0;
	memory_vm_sample(host->policy, guest->vm, &guest->sample);
	ck_assert_double_eq(guest->vm->demand, demand);
}
END_TEST

START_TEST(who_has_free_memory_is_not_urgent)
{
	struct played_guest *guest = played_guest_add(host, 6 * MEMORY_GIB, MEMORY_GIB, 1000);
	double demand;

	played_run(host, 10);
	demand = guest->vm->demand;
	memory_vm_urgent(host->policy, guest->vm, host->now_ms);
	ck_assert(!guest->vm->urgent);
	ck_assert_double_eq(guest->vm->demand, demand);
	guest->vm->constrained = true;
	memory_vm_urgent(host->policy, guest->vm, host->now_ms);
	ck_assert(guest->vm->urgent);
	ck_assert_double_ge(guest->vm->demand,
			    min2(1.25 * guest->actual, 6.0 * (double)MEMORY_GIB));
	/* For a step. */
	memory_policy_step(host->policy, host->now_ms);
	ck_assert(!guest->vm->urgent);
}
END_TEST

/* CPU time, not time: a busy machine does not fail it. A step a second; the goal is 10 ms. */
START_TEST(a_thousand_vms_are_cheap)
{
	struct played_host *large = played_host_new(2048 * MEMORY_GIB);
	clock_t before;
	double each_s;

	for (int i = 0; i < 1000; i++) {
		struct played_guest *guest =
			played_guest_add(large, 4 * MEMORY_GIB, MEMORY_GIB, 1000);

		guest->used = (double)(1 + i % 4) * 1e9;
		guest->cache = 1e9;
		guest->pressure = 0.1;
	}
	played_run(large, 5);
	before = clock();
	played_run(large, 20);
	each_s = (double)(clock() - before) / CLOCKS_PER_SEC / 20;
	/* Sanitizers and emulators are an order slower than the goal allows for. */
	ck_assert_double_le(each_s, 0.1);
	played_host_free(large);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("policy");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_budget_leaves_a_reserve_and_counts_half_of_ksm);
	tcase_add_test(tests, minimums_that_do_not_fit_are_refused);
	tcase_add_test(tests, nonsense_is_refused);
	tcase_add_test(tests, a_vm_starts_ballooned_where_not_all_can_be_had);
	tcase_add_test(tests, what_runs_already_is_taken_as_it_is);
	tcase_add_loop_test(tests, a_restart_in_the_middle_of_a_change_breaks_no_promise, 1, 12);
	tcase_add_test(tests, a_change_of_settings_is_checked_like_a_new_vm);
	tcase_add_test(tests, the_minimum_is_kept_in_scarcity);
	tcase_add_loop_test(tests, garbage_breaks_no_promise, 0, 20);
	tcase_add_test(tests, a_maximum_that_is_lowered_binds_at_once);
	tcase_add_test(tests, samples_that_come_late_are_ignored);
	tcase_add_test(tests, who_has_free_memory_is_not_urgent);
	tcase_add_test(tests, a_thousand_vms_are_cheap);
	return suite_run_case("policy", tests);
}
