/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

static struct played_host *host;
static struct played_guest *idle, *busy;

/* One uses little of what it has, and the other would use more than there is. */
static void set_up(void)
{
	host = played_host_new(4 * MEMORY_GIB);
	idle = played_guest_add(host, 3 * MEMORY_GIB, MEMORY_GIB / 2, 1000);
	busy = played_guest_add(host, 8 * MEMORY_GIB, MEMORY_GIB / 2, 1000);
	idle->used = (double)MEMORY_GIB;
	busy->used = (double)(3 * MEMORY_GIB);
	busy->cache = (double)MEMORY_GIB;
	busy->pressure = 0.5;
	for (size_t i = 0; i < host->count; i++) {
		host->guest[i].sample.reclaims = true;
		host->guest[i].sample.swap_free_bytes = MEMORY_GIB;
	}
}

static void tear_down(void)
{
	played_host_free(host);
}

/* How often it is asked in so many seconds; it does what it is asked, if it @follows. */
static unsigned int asked(struct played_guest *guest, unsigned int seconds, bool follows)
{
	unsigned int times = 0;

	for (unsigned int i = 0; i < seconds; i++) {
		uint64_t bytes;

		played_run(host, 1);
		bytes = played_decision(guest)->reclaim_bytes;
		times += bytes > 0;
		ck_assert_uint_le(bytes, 64 * MEMORY_MIB);
		if (follows)
			guest->used -= (double)bytes;
	}
	return times;
}

START_TEST(an_idle_guest_is_asked_now_and_then_and_needs_less)
{
	uint64_t before;

	played_run(host, 20);
	before = played_decision(idle)->demand_bytes;
	ck_assert(host->policy->scarce);
	ck_assert_uint_ge(asked(idle, 120, true), 5);
	ck_assert_uint_lt(played_decision(idle)->demand_bytes, before - 64 * MEMORY_MIB);
	ck_assert_uint_le(asked(idle, 60, true), 6);
	/* Down to where it has no more to win. */
	asked(idle, 1200, true);
	ck_assert_uint_eq(asked(idle, 60, true), 0);
	ck_assert_double_gt(idle->used, (double)MEMORY_GIB / 4);
}
END_TEST

START_TEST(nobody_is_asked_where_there_is_enough)
{
	busy->used = (double)MEMORY_GIB;
	busy->cache = busy->pressure = 0;
	ck_assert_uint_eq(asked(idle, 300, true), 0);
}
END_TEST

START_TEST(who_works_is_not_asked)
{
	ck_assert_uint_eq(asked(busy, 300, false), 0);
}
END_TEST

START_TEST(who_reads_back_is_left_alone)
{
	ck_assert_uint_gt(asked(idle, 120, false), 0);
	for (int i = 0; i < 60; i++) {
		idle->sample.swapped_in_bytes += 16 * MEMORY_MIB;
		ck_assert_uint_eq(asked(idle, 1, false), 0);
	}
	ck_assert_uint_eq(asked(idle, 29, false), 0);
	ck_assert_uint_gt(asked(idle, 60, false), 0);
}
END_TEST

START_TEST(who_cannot_swap_or_reclaim_is_not_asked)
{
	idle->sample.swap_free_bytes = MEMORY_MIB;
	ck_assert_uint_eq(asked(idle, 120, false), 0);
	idle->sample.swap_free_bytes = MEMORY_GIB;
	idle->sample.reclaims = false;
	ck_assert_uint_eq(asked(idle, 120, false), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("reclaim");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, an_idle_guest_is_asked_now_and_then_and_needs_less);
	tcase_add_test(tests, nobody_is_asked_where_there_is_enough);
	tcase_add_test(tests, who_works_is_not_asked);
	tcase_add_test(tests, who_reads_back_is_left_alone);
	tcase_add_test(tests, who_cannot_swap_or_reclaim_is_not_asked);
	return suite_run_case("reclaim", tests);
}
