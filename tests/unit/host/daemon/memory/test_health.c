/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

static struct played_host *host;
static struct played_guest *guest, *other;

static void set_up(void)
{
	host = played_host_new(8 * MEMORY_GIB);
	guest = played_guest_add(host, 6 * MEMORY_GIB, MEMORY_GIB, 1000);
	other = played_guest_add(host, 6 * MEMORY_GIB, MEMORY_GIB, 1000);
	played_run(host, 30);
}

static void tear_down(void)
{
	played_host_free(host);
}

START_TEST(nothing_is_taken_from_whom_nothing_is_heard)
{
	uint64_t target;

	guest->silent = true;
	other->used = 6e9;
	played_run(host, 3);
	ck_assert_int_eq(played_decision(guest)->state, MEMORY_FOLLOWED);
	target = played_decision(guest)->target_bytes;
	played_run(host, 1);
	ck_assert_int_eq(played_decision(guest)->state, MEMORY_STALE);
	played_run(host, 6);
	ck_assert_uint_eq(played_decision(guest)->target_bytes, target);
	ck_assert_int_eq(played_decision(guest)->reason, MEMORY_BECAUSE_SILENCE);
	played_run(host, 1);
	ck_assert_int_eq(played_decision(guest)->state, MEMORY_DEAD);
	played_run(host, 100);
	ck_assert_uint_eq(played_decision(guest)->target_bytes, (uint64_t)guest->actual);
	ck_assert_uint_eq(played_decision(guest)->charged_bytes, (uint64_t)guest->actual);
	guest->silent = false;
	played_run(host, 60);
	ck_assert_int_eq(played_decision(guest)->state, MEMORY_FOLLOWED);
	ck_assert_double_lt((double)played_decision(guest)->target_bytes, (double)target);
}
END_TEST

START_TEST(who_has_said_that_it_reports_rarely_is_not_silent)
{
	guest->silent = true;
	guest->sample.at_ms = host->now_ms + 1;
	guest->sample.period_ms = 20000;
	memory_vm_sample(host->policy, guest->vm, &guest->sample);
	played_run(host, 59);
	ck_assert_int_eq(played_decision(guest)->state, MEMORY_FOLLOWED);
	played_run(host, 3);
	ck_assert_int_eq(played_decision(guest)->state, MEMORY_DEAD);
}
END_TEST

START_TEST(a_guest_that_boots_is_charged_with_what_it_has_touched)
{
	struct memory_vm_config config = {.name = "new",
					  .maximum_bytes = 6 * MEMORY_GIB,
					  .minimum_bytes = MEMORY_GIB,
					  .shares = 1000};
	struct memory_observation seen = {.actual_bytes = 6 * MEMORY_GIB};
	struct memory_vm *vm;

	ck_assert_int_eq(memory_policy_add(host->policy, &config, host->now_ms, &vm), 0);
	played_run(host, 5);
	ck_assert(memory_vm_decision(vm)->ready);
	/* No driver yet, so no balloon: the device says that it has all. */
	seen.at_ms = host->now_ms;
	memory_vm_observe(host->policy, vm, &seen);
	played_run(host, 1);
	ck_assert_int_eq(memory_vm_decision(vm)->state, MEMORY_STARTING);
	ck_assert_uint_eq(memory_vm_decision(vm)->target_bytes, MEMORY_GIB);
	ck_assert_uint_eq(memory_vm_decision(vm)->charged_bytes, MEMORY_GIB);
	seen.resident_bytes = 2 * MEMORY_GIB;
	memory_vm_observe(host->policy, vm, &seen);
	played_run(host, 1);
	ck_assert_uint_eq(memory_vm_decision(vm)->charged_bytes, 2 * MEMORY_GIB);
	seen.driver = true;
	memory_vm_observe(host->policy, vm, &seen);
	played_run(host, 1);
	ck_assert_uint_eq(memory_vm_decision(vm)->charged_bytes, 6 * MEMORY_GIB);
}
END_TEST

START_TEST(a_guest_that_boots_is_not_stuck)
{
	struct memory_vm_config config = {.name = "new",
					  .maximum_bytes = 6 * MEMORY_GIB,
					  .minimum_bytes = MEMORY_GIB,
					  .shares = 1000};
	struct memory_observation seen = {.actual_bytes = 6 * MEMORY_GIB};
	struct memory_sample sample = {.period_ms = 1000, .free_bytes = MEMORY_GIB};
	struct memory_vm *vm;

	ck_assert_int_eq(memory_policy_add(host->policy, &config, host->now_ms, &vm), 0);
	for (int i = 0; i < 20; i++) {
		seen.at_ms = sample.at_ms = host->now_ms;
		memory_vm_observe(host->policy, vm, &seen);
		played_run(host, 1);
	}
	/* Its driver is there now, and can follow from now on. */
	for (int i = 0; i < 4; i++) {
		seen.driver = true;
		seen.at_ms = sample.at_ms = host->now_ms;
		memory_vm_observe(host->policy, vm, &seen);
		memory_vm_sample(host->policy, vm, &sample);
		played_run(host, 1);
		ck_assert_int_eq(memory_vm_decision(vm)->state, MEMORY_FOLLOWED);
	}
}
END_TEST

START_TEST(without_a_driver_the_maximum_is_charged)
{
	struct played_guest *bare = played_guest_add(host, 3 * MEMORY_GIB, MEMORY_GIB / 4, 1000);

	bare->no_driver = true;
	bare->silent = true;
	bare->speed = 0;
	played_run(host, 10);
	ck_assert_int_eq(played_decision(bare)->state, MEMORY_STARTING);
	played_run(host, 60);
	ck_assert_int_eq(played_decision(bare)->state, MEMORY_DEAD);
	ck_assert_uint_eq(played_decision(bare)->charged_bytes, 3 * MEMORY_GIB);
}
END_TEST

/* Make the guest refuse until it is found out. */
static unsigned int found_out_after(void)
{
	unsigned int seconds = 0;

	while (played_decision(guest)->state != MEMORY_STUCK && seconds < 300) {
		played_run(host, 1);
		seconds++;
	}
	return seconds;
}

START_TEST(who_does_not_follow_is_left_and_asked_again_later)
{
	unsigned int first;

	guest->used = 4e9;
	played_run(host, 60);
	/* It says that it has much free memory, and gives none. */
	guest->speed = 0;
	guest->claims = 1e9;
	other->used = 5e9;
	first = found_out_after();
	ck_assert_uint_le(first, 15);
	ck_assert_uint_eq(played_decision(guest)->target_bytes, (uint64_t)guest->actual);
	ck_assert_uint_eq(guest->vm->retry_ms, 30000);
	played_run(host, 31);
	ck_assert_int_eq(played_decision(guest)->state, MEMORY_FOLLOWED);
	ck_assert_uint_le(found_out_after(), 15);
	ck_assert_uint_eq(guest->vm->retry_ms, 60000);
	/* Once it follows all is forgotten. */
	guest->speed = 1e9;
	guest->used = 1e9;
	played_run(host, 120);
	ck_assert_int_eq(played_decision(guest)->state, MEMORY_FOLLOWED);
	ck_assert_uint_eq(guest->vm->retry_ms, 0);
	ck_assert_double_ge(other->actual, other->used);
}
END_TEST

START_TEST(who_is_slow_is_not_stuck)
{
	guest->used = 4e9;
	played_run(host, 60);
	guest->used = 1e9;
	other->used = 5e9;
	guest->speed = 20.0 * (double)MEMORY_MIB;
	for (int i = 0; i < 60; i++) {
		played_run(host, 1);
		ck_assert_int_eq(played_decision(guest)->state, MEMORY_FOLLOWED);
	}
}
END_TEST

START_TEST(a_size_that_the_owner_set_is_kept)
{
	struct memory_vm_config config = guest->vm->config;

	config.fixed_bytes = 2 * MEMORY_GIB;
	ck_assert_int_eq(memory_policy_configure(host->policy, guest->vm, &config), 0);
	other->used = 7e9;
	other->pressure = 1;
	played_run(host, 100);
	ck_assert_int_eq(played_decision(guest)->state, MEMORY_FIXED);
	ck_assert_uint_eq(played_decision(guest)->target_bytes, 2 * MEMORY_GIB);
	ck_assert_double_eq(guest->actual, (double)(2 * MEMORY_GIB));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("health");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, nothing_is_taken_from_whom_nothing_is_heard);
	tcase_add_test(tests, who_has_said_that_it_reports_rarely_is_not_silent);
	tcase_add_test(tests, a_guest_that_boots_is_charged_with_what_it_has_touched);
	tcase_add_test(tests, a_guest_that_boots_is_not_stuck);
	tcase_add_test(tests, without_a_driver_the_maximum_is_charged);
	tcase_add_test(tests, who_does_not_follow_is_left_and_asked_again_later);
	tcase_add_test(tests, who_is_slow_is_not_stuck);
	tcase_add_test(tests, a_size_that_the_owner_set_is_kept);
	return suite_run_case("health", tests);
}
