/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/pace.h"

#include "tests/unit/suite.h"

#include <check.h>

#define SECOND 1000000000ULL

/* One sleep from @now on that was too short. Return: when it is over. */
static uint64_t sleep_shortly(struct pace *pace, uint64_t now)
{
	pace_sleep_at(pace, now);
	now += PACE_FIRST_NS;
	pace_wake_at(pace, now);
	return now;
}

/* One that was worth it. */
static uint64_t sleep_long(struct pace *pace, uint64_t now)
{
	pace_sleep_at(pace, now);
	now += 2 * PACE_MAX_NS;
	pace_wake_at(pace, now);
	return now;
}

START_TEST(looks_longer_while_that_would_have_paid)
{
	struct pace pace;
	uint64_t now = SECOND;

	pace_reset(&pace);
	ck_assert(!pace_begin_at(&pace, now));
	now = sleep_long(&pace, now);
	ck_assert(!pace_begin_at(&pace, now));
	now = sleep_shortly(&pace, now);
	ck_assert(pace_begin_at(&pace, now));
	ck_assert_uint_eq(pace.look_ns, PACE_FIRST_NS);
	for (int i = 0; i < 10; i++)
		now = sleep_shortly(&pace, now);
	ck_assert_uint_eq(pace.look_ns, PACE_MAX_NS);
}
END_TEST

START_TEST(looks_until_its_time_is_over)
{
	struct pace pace;
	uint64_t now;

	pace_reset(&pace);
	now = sleep_shortly(&pace, SECOND);
	ck_assert(pace_begin_at(&pace, now));
	for (uint64_t spent = 1000; spent < PACE_FIRST_NS; spent += 1000)
		ck_assert(pace_goes_on_at(&pace, now + spent));
	ck_assert(!pace_goes_on_at(&pace, now + PACE_FIRST_NS));
	ck_assert_uint_eq(pace.look_ns, PACE_FIRST_NS);
}
END_TEST

START_TEST(gives_up_what_does_not_pay)
{
	struct pace pace;

	pace_reset(&pace);
	(void)sleep_shortly(&pace, SECOND);
	pace_end(&pace, true);
	ck_assert_uint_eq(pace.look_ns, PACE_FIRST_NS);
	pace_end(&pace, false);
	ck_assert_uint_eq(pace.look_ns, PACE_FIRST_NS / 2);
	pace_end(&pace, false);
	ck_assert_uint_eq(pace.look_ns, 0);
}
END_TEST

/* As long as it can, until somebody else gets the processor. Return: when that is over. */
static uint64_t look_and_be_taken(struct pace *pace, uint64_t now)
{
	while (pace->look_ns < PACE_MAX_NS)
		now = sleep_shortly(pace, now);
	ck_assert(pace_begin_at(pace, now));
	now += 1000;
	ck_assert(pace_goes_on_at(pace, now));
	now += PACE_TAKEN_NS + 1;
	ck_assert(!pace_goes_on_at(pace, now));
	ck_assert(!pace_begin_at(pace, now));
	return now;
}

START_TEST(does_not_look_in_others_way)
{
	struct pace pace;
	uint64_t now, end;

	pace_reset(&pace);
	now = look_and_be_taken(&pace, SECOND);
	for (end = now + PACE_REST_NS - PACE_MAX_NS; now < end;)
		now = sleep_shortly(&pace, now);
	ck_assert_uint_eq(pace.look_ns, 0);
	/* It may be over. */
	now = sleep_shortly(&pace, now + PACE_MAX_NS);
	ck_assert(pace_begin_at(&pace, now));
}
END_TEST

START_TEST(rests_longer_where_others_go_on)
{
	struct pace pace;
	uint64_t now = SECOND;

	pace_reset(&pace);
	for (uint64_t rest = PACE_REST_NS; rest <= PACE_MAX_REST_NS; rest *= 2) {
		now = look_and_be_taken(&pace, now);
		ck_assert_uint_eq(pace.rest_until, now + rest);
		now = pace.rest_until;
	}
	now = look_and_be_taken(&pace, now);
	ck_assert_uint_eq(pace.rest_until, now + PACE_MAX_REST_NS);
	/* It was calm for longer than the rest. */
	now = look_and_be_taken(&pace, now + 6 * SECOND);
	ck_assert_uint_eq(pace.rest_until, now + PACE_REST_NS);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("pace");

	tcase_add_test(tests, looks_longer_while_that_would_have_paid);
	tcase_add_test(tests, looks_until_its_time_is_over);
	tcase_add_test(tests, gives_up_what_does_not_pay);
	tcase_add_test(tests, does_not_look_in_others_way);
	tcase_add_test(tests, rests_longer_where_others_go_on);
	return suite_run_case("pace", tests);
}
