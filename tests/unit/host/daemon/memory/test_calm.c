/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

static struct played_host *host;
static struct played_guest *guest;
static const struct memory_tuning *const tuning = &memory_tuning_default;

static void set_up(void)
{
	host = played_host_new(8 * MEMORY_GIB);
	guest = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB, 1000);
	played_run(host, 30);
}

static void tear_down(void)
{
	played_host_free(host);
}

/* Decide anew, with @due for what the allocation says. */
static uint64_t decide(double due)
{
	guest->vm->due = due;
	calm_decide(host->policy, guest->vm, host->now_ms);
	return guest->vm->want;
}

START_TEST(small_changes_are_not_made)
{
	uint64_t target = played_decision(guest)->target_bytes;
	double band = calm_deadband(tuning, (double)target);

	guest->vm->trend = MEMORY_SHRINKS;
	ck_assert_double_eq(calm_deadband(tuning, 1e8), (double)tuning->deadband_floor_bytes);
	ck_assert_double_eq_tol(band, tuning->deadband_fraction * (double)target, 1);
	ck_assert_uint_eq(decide((double)target - band * 0.9), target);
	ck_assert_int_eq(guest->vm->decision.reason, MEMORY_BECAUSE_DEADBAND);
	ck_assert_uint_lt(decide((double)target - band * 1.1), target);
}
END_TEST

START_TEST(to_turn_around_takes_more)
{
	uint64_t target = played_decision(guest)->target_bytes;
	double band = calm_deadband(tuning, (double)target);

	guest->vm->trend = MEMORY_GROWS;
	guest->vm->moved_ms = 0;
	host->now_ms += tuning->turn_ms;
	ck_assert_uint_eq(decide((double)target - band * 1.1), target);
	ck_assert_uint_lt(decide((double)target - band * tuning->turn_bands * 1.1), target);
}
END_TEST

/* A small step for one that has its share of scarce memory. */
START_TEST(who_stalls_gets_what_is_free_in_others)
{
	uint64_t target = played_decision(guest)->target_bytes - 500 * MEMORY_MIB;
	double step = 1.2 * calm_deadband(tuning, (double)target), due = (double)target + step;

	guest->vm->decision.target_bytes = target;
	guest->vm->demand = due + step;
	guest->vm->trend = MEMORY_GROWS;
	guest->vm->starved = true;
	guest->vm->strain = 0.05;
	host->policy->scarce = true;
	host->policy->unused = 0;
	ck_assert_uint_eq(decide(due), target);
	ck_assert_int_eq(guest->vm->decision.reason, MEMORY_BECAUSE_DEADBAND);
	host->policy->unused = 4.1 * step;
	ck_assert_uint_eq(decide(due), (uint64_t)due);
	ck_assert_int_eq(guest->vm->decision.reason, MEMORY_BECAUSE_URGENT);
}
END_TEST

START_TEST(who_starves_gets_the_small_change_too)
{
	uint64_t target = played_decision(guest)->target_bytes - 64 * MEMORY_MIB;

	guest->vm->decision.target_bytes = target;
	guest->vm->starved = true;
	ck_assert_uint_eq(decide((double)(target + MEMORY_MIB)), target + MEMORY_MIB);
	ck_assert_int_eq(guest->vm->decision.reason, MEMORY_BECAUSE_URGENT);
	/* But it is not taken from in a hurry. */
	ck_assert_uint_eq(decide((double)(target - MEMORY_MIB)), target);
}
END_TEST

START_TEST(headroom_is_filled_up_before_it_is_used)
{
	uint64_t target = played_decision(guest)->target_bytes - 64 * MEMORY_MIB;

	guest->vm->decision.target_bytes = target;
	guest->vm->headroom = 48.0 * (double)MEMORY_MIB;
	guest->vm->demand = (double)(target + 20 * MEMORY_MIB);
	ck_assert_uint_eq(decide(guest->vm->demand), target);
	guest->vm->demand = (double)(target + 30 * MEMORY_MIB);
	ck_assert_uint_eq(decide(guest->vm->demand), target + 30 * MEMORY_MIB);
}
END_TEST

/* Where memory is scarce, and its share is a little more than it has. */
START_TEST(who_is_nearly_full_gets_the_small_change_too)
{
	struct memory_vm *vm = guest->vm;
	uint64_t target = played_decision(guest)->target_bytes - 64 * MEMORY_MIB;
	double due = (double)(target + 24 * MEMORY_MIB);

	host->policy->scarce = true;
	vm->decision.target_bytes = target;
	vm->demand = due + (double)(40 * MEMORY_MIB);
	vm->used = (double)(target - 40 * MEMORY_MIB);
	vm->growth_rate = 0;
	ck_assert_uint_eq(decide(due), target);
	vm->growth_rate = (double)(21 * MEMORY_MIB);
	ck_assert_double_eq((double)decide(due), due);
	vm->growth_rate = 0;
	vm->used = (double)(target - 30 * MEMORY_MIB);
	ck_assert_double_eq((double)decide(due), due);
	ck_assert_int_eq(vm->decision.reason, MEMORY_BECAUSE_URGENT);
	/* Not for next to nothing, and not where there is swap. */
	ck_assert_uint_eq(decide((double)(target + 4 * MEMORY_MIB)), target);
	vm->sample.swap_free_bytes = MEMORY_GIB;
	ck_assert_uint_eq(decide(due), target);
}
END_TEST

START_TEST(nobody_turns_around_within_seconds)
{
	uint64_t target = 2 * MEMORY_GIB;

	guest->vm->decision.target_bytes = target;
	calm_moved(guest->vm, MEMORY_GIB, target, host->now_ms);
	host->now_ms += tuning->turn_ms - 1;
	ck_assert_uint_eq(decide((double)MEMORY_GIB), target);
	ck_assert_int_eq(guest->vm->decision.reason, MEMORY_BECAUSE_TURN);
	ck_assert_uint_eq(decide(3 * (double)MEMORY_GIB), 3 * MEMORY_GIB);
	host->now_ms++;
	ck_assert_uint_eq(decide((double)MEMORY_GIB), MEMORY_GIB);

	/* The other way it does, if it stalls. */
	calm_moved(guest->vm, target, MEMORY_GIB, host->now_ms);
	guest->vm->decision.target_bytes = MEMORY_GIB;
	ck_assert_uint_eq(decide((double)target), MEMORY_GIB);
	guest->vm->urgent = true;
	ck_assert_uint_eq(decide((double)target), target);
}
END_TEST

START_TEST(a_stall_after_a_shrink_teaches_a_hold_and_a_floor)
{
	struct memory_vm *vm = guest->vm;
	uint64_t now = host->now_ms, expected = 20000;
	double size = 2.0 * (double)MEMORY_GIB, slow = 10.0 * (double)MEMORY_MIB;

	ck_assert_double_eq(calm_shrink(tuning, vm, size, slow, now), size - slow);
	for (int i = 0; i < 6; i++) {
		calm_moved(vm, 3 * MEMORY_GIB, 2 * MEMORY_GIB, now);
		now += 29000;
		calm_pressure(tuning, vm, now);
		ck_assert_uint_eq(vm->hold_ms, expected);
		expected = expected < 160000 ? 2 * expected : 160000;
	}
	/* Held: free memory alone may be taken, and that is the caller's. */
	ck_assert_double_eq(calm_shrink(tuning, vm, size, slow, now + 159999), size);
	/* Then there is the floor, which has faded. */
	ck_assert_double_eq(calm_shrink(tuning, vm, size, slow, now + 160000), size);
	ck_assert_double_eq_tol(
		calm_shrink(tuning, vm, 1.6 * (double)MEMORY_GIB, 1e9, now + 300000),
		1.5 * (double)MEMORY_GIB, 1e6);
	/* Quiet for long: forgiven. */
	calm_pressure(tuning, vm, now + 400000);
	ck_assert_uint_eq(vm->hold_ms, tuning->hold_ms);
}
END_TEST

START_TEST(a_stall_long_after_a_shrink_teaches_nothing)
{
	calm_moved(guest->vm, 3 * MEMORY_GIB, 2 * MEMORY_GIB, host->now_ms);
	calm_pressure(&memory_tuning_default, guest->vm, host->now_ms + 30001);
	ck_assert_uint_eq(guest->vm->hold_ms, memory_tuning_default.hold_ms);
	ck_assert_double_eq(guest->vm->floor, 0);
}
END_TEST

START_TEST(what_nobody_needs_stays_where_it_is)
{
	struct played_guest *other = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB, 1000);
	struct played_guest *third = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB, 1000);
	uint64_t targets[2];

	guest->used = 1.2e9;
	other->used = 2.6e9;
	played_run(host, 60);
	targets[0] = played_decision(guest)->target_bytes;
	other->used = 1.0e9;
	played_run(host, 60);
	targets[1] = played_decision(other)->target_bytes;
	ck_assert_uint_eq(played_decision(guest)->target_bytes, targets[0]);
	ck_assert_double_gt((double)targets[1], 2.0e9);
	/* Now somebody does: it is taken from who has most above its due, and goes there. */
	third->used = 3.8e9;
	third->pressure = 0.5;
	played_run(host, 30);
	ck_assert_double_ge(third->actual, third->used);
	ck_assert_double_lt(other->actual, (double)targets[1]);
	ck_assert_double_ge(other->actual, other->used);
	ck_assert_double_ge(guest->actual, guest->used);
}
END_TEST

START_TEST(steady_guests_are_left_in_peace)
{
	struct played_guest *other = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB, 1000);
	uint64_t moved[2];

	other->used = 2e9;
	played_run(host, 120);
	moved[0] = guest->vm->moved_ms;
	moved[1] = other->vm->moved_ms;
	played_run(host, 600);
	ck_assert_uint_eq(guest->vm->moved_ms, moved[0]);
	ck_assert_uint_eq(other->vm->moved_ms, moved[1]);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("calm");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, small_changes_are_not_made);
	tcase_add_test(tests, to_turn_around_takes_more);
	tcase_add_test(tests, who_stalls_gets_what_is_free_in_others);
	tcase_add_test(tests, who_starves_gets_the_small_change_too);
	tcase_add_test(tests, headroom_is_filled_up_before_it_is_used);
	tcase_add_test(tests, who_is_nearly_full_gets_the_small_change_too);
	tcase_add_test(tests, nobody_turns_around_within_seconds);
	tcase_add_test(tests, a_stall_after_a_shrink_teaches_a_hold_and_a_floor);
	tcase_add_test(tests, a_stall_long_after_a_shrink_teaches_nothing);
	tcase_add_test(tests, what_nobody_needs_stays_where_it_is);
	tcase_add_test(tests, steady_guests_are_left_in_peace);
	return suite_run_case("calm", tests);
}
