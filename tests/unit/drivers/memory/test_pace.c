/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/memory/pace.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

static struct pace pace;
static struct guest_memory_report now;
static struct pace_step step;

static void begin(bool trigger)
{
	const struct guest_memory_watch watch = {0};
	struct pace_wish wish;

	ck_assert_int_eq(pace_wish_from(&watch, &wish), 0);
	pace = (struct pace){0};
	pace_set(&pace, &wish, trigger);
	now = (struct guest_memory_report){
		.at_ms = 100000,
		.total_bytes = 1024 * MIB,
		.free_bytes = 512 * MIB,
		.available_bytes = 700 * MIB,
		.pressure = true,
	};
	step = pace_look(&pace, &now, PACE_LOOK);
	ck_assert(step.tell && !step.cause);
}

static void setup(void)
{
	begin(true);
}

/* At the time that was asked for. */
static void wait_and_look(void)
{
	now.at_ms += step.look_ms;
	step = pace_look(&pace, &now, PACE_LOOK);
}

static void until_idle(void)
{
	for (int i = 0; i < 100 && step.period_ms < 30000; i++)
		wait_and_look();
	ck_assert_uint_eq(step.period_ms, 30000);
}

START_TEST(what_changes_is_told_every_second)
{
	for (int i = 0; i < 60; i++) {
		now.available_bytes += i % 2 ? 20 * MIB : -20 * MIB;
		wait_and_look();
		ck_assert(step.tell && !step.cause);
		ck_assert_uint_eq(step.period_ms, 1000);
		ck_assert_uint_eq(step.look_ms, 1000);
	}
}
END_TEST

START_TEST(quiet_guests_are_looked_at_less_and_less)
{
	unsigned int looks = 0;
	const uint64_t start_ms = now.at_ms;

	until_idle();
	while (now.at_ms < start_ms + 3600 * 1000) {
		/* The trembling of a guest that does nothing. */
		now.free_bytes ^= 64 * 1024;
		wait_and_look();
		ck_assert(step.tell);
		ck_assert_uint_eq(step.look_ms, 30000);
		looks++;
	}
	ck_assert_uint_le(looks, 120);
}
END_TEST

START_TEST(each_kind_of_change_ends_the_quiet)
{
	uint64_t *const fields[] = {
		&now.available_bytes,	   &now.free_bytes,	  &now.swap_free_bytes,
		&now.refaulted_file_bytes, &now.swapped_in_bytes, &now.refaulted_anonymous_bytes,
		&now.total_bytes,	   &now.oom_kills,	  &now.scanned_directly_bytes};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		begin(true);
		until_idle();
		*fields[i] += 16 * MIB;
		wait_and_look();
		ck_assert(step.tell && !step.cause);
		ck_assert_uint_eq(step.period_ms, 1000);
	}
	begin(true);
	until_idle();
	now.some_us += 30000;
	wait_and_look();
	ck_assert_uint_eq(step.period_ms, 1000);
}
END_TEST

START_TEST(a_stir_wakes_the_idle)
{
	until_idle();
	now.at_ms += 12345;
	step = pace_look(&pace, &now, PACE_STIR);
	ck_assert(step.tell && !step.cause);
	ck_assert_uint_eq(step.period_ms, 1000);
	/* And says no more than one a second. */
	now.at_ms += 300;
	step = pace_look(&pace, &now, PACE_STIR);
	ck_assert(!step.tell);
	ck_assert_uint_eq(step.look_ms, 700);
}
END_TEST

START_TEST(stalls_are_urgent)
{
	now.at_ms += 10;
	step = pace_look(&pace, &now, PACE_STALL);
	ck_assert(step.tell);
	ck_assert_str_eq(step.cause, "stall");
	now.at_ms += 100;
	step = pace_look(&pace, &now, PACE_STALL);
	ck_assert(!step.tell);
	now.at_ms += 900;
	step = pace_look(&pace, &now, PACE_STALL);
	ck_assert_str_eq(step.cause, "stall");
}
END_TEST

START_TEST(the_mark_is_said_once_and_again_while_it_gets_worse)
{
	unsigned int urgent = 0;

	/* A 32nd. Near it there are more looks than reports. */
	now.available_bytes = 40 * MIB;
	wait_and_look();
	ck_assert(step.tell && !step.cause);
	ck_assert_uint_eq(step.look_ms, 250);
	now.available_bytes = 31 * MIB;
	wait_and_look();
	ck_assert(step.tell);
	ck_assert_str_eq(step.cause, "low");
	for (int i = 0; i < 400; i++) {
		wait_and_look();
		urgent += step.cause != NULL;
	}
	ck_assert_uint_eq(urgent, 0);
	ck_assert_uint_eq(step.period_ms, 30000);
	ck_assert_uint_eq(step.look_ms, 30000);
	now.available_bytes = 20 * MIB;
	wait_and_look();
	ck_assert_str_eq(step.cause, "low");
	/* Above it, then below it. */
	now.available_bytes = 60 * MIB;
	wait_and_look();
	ck_assert(!step.cause);
	now.available_bytes = 30 * MIB;
	for (int i = 0; i < 4 && !step.cause; i++)
		wait_and_look();
	ck_assert_str_eq(step.cause, "low");
}
END_TEST

START_TEST(a_mark_can_be_given)
{
	const struct guest_memory_watch watch = {.low_bytes = 300 * MIB};
	struct pace_wish wish;

	ck_assert_int_eq(pace_wish_from(&watch, &wish), 0);
	ck_assert_uint_eq(pace_low_bytes(&wish, 1024 * MIB), 300 * MIB);
	wish.low_bytes = 0;
	ck_assert_uint_eq(pace_low_bytes(&wish, 1024 * MIB), 32 * MIB);
	ck_assert_uint_eq(pace_low_bytes(&wish, 100 * MIB), 16 * MIB);
	ck_assert_uint_eq(pace_low_bytes(&wish, 1024 * 1024 * MIB), 256 * MIB);
}
END_TEST

START_TEST(without_a_trigger_stalls_are_seen_by_looking)
{
	begin(false);
	until_idle();
	ck_assert_uint_eq(step.look_ms, 1000);
	wait_and_look();
	ck_assert(!step.tell);
	now.some_us += 150000;
	wait_and_look();
	ck_assert_str_eq(step.cause, "stall");

	/* A kernel without PSI: tasks that have to look for memory themselves. */
	begin(false);
	now.pressure = false;
	wait_and_look();
	now.scanned_directly_bytes += 20 * MIB;
	wait_and_look();
	ck_assert_str_eq(step.cause, "stall");
	now.scanned_directly_bytes += 1 * MIB;
	wait_and_look();
	ck_assert(!step.cause);
}
END_TEST

START_TEST(a_new_listener_is_told_at_once)
{
	until_idle();
	pace_set(&pace, &pace.wish, true);
	now.at_ms += 1;
	step = pace_look(&pace, &now, PACE_LOOK);
	ck_assert(step.tell && !step.cause);
	ck_assert_uint_eq(step.period_ms, 1000);
}
END_TEST

START_TEST(wishes_have_bounds_and_the_most_eager_counts)
{
	const struct guest_memory_watch fast = {.period_ms = 99}, mixed = {2000, 1000, 0},
					slow = {.period_ms = 60000}, other = {200, 5000, MIB};
	struct pace_wish wish, second;

	ck_assert_int_eq(pace_wish_from(&fast, &wish), -ERANGE);
	ck_assert_int_eq(pace_wish_from(&mixed, &wish), -ERANGE);
	ck_assert_int_eq(pace_wish_from(&slow, &wish), 0);
	ck_assert_uint_eq(wish.idle_ms, 60000);
	ck_assert_int_eq(pace_wish_from(&other, &second), 0);
	pace_wish_merge(&wish, &second);
	ck_assert_uint_eq(wish.period_ms, 200);
	ck_assert_uint_eq(wish.idle_ms, 5000);
	ck_assert_uint_eq(wish.low_bytes, MIB);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("pace");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, what_changes_is_told_every_second);
	tcase_add_test(tests, quiet_guests_are_looked_at_less_and_less);
	tcase_add_test(tests, each_kind_of_change_ends_the_quiet);
	tcase_add_test(tests, a_stir_wakes_the_idle);
	tcase_add_test(tests, stalls_are_urgent);
	tcase_add_test(tests, the_mark_is_said_once_and_again_while_it_gets_worse);
	tcase_add_test(tests, a_mark_can_be_given);
	tcase_add_test(tests, without_a_trigger_stalls_are_seen_by_looking);
	tcase_add_test(tests, a_new_listener_is_told_at_once);
	tcase_add_test(tests, wishes_have_bounds_and_the_most_eager_counts);
	return suite_run_case("pace", tests);
}
