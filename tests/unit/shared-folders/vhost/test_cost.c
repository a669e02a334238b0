/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/vhost/cost.h"

#include "tests/unit/suite.h"

#include <check.h>

#define MEMORY_NS 1500
#define DISK_NS	  5000000

START_TEST(what_memory_answers_is_done_in_line)
{
	struct cost cost = {0};

	ck_assert(!cost_is_worth_a_helper(&cost));
	for (int i = 0; i < 1000; i++) {
		cost_note(&cost, MEMORY_NS);
		ck_assert(!cost_is_worth_a_helper(&cost));
	}
}
END_TEST

START_TEST(one_that_waits_sends_the_next_to_helpers)
{
	struct cost cost = {0};
	int requests = 0;

	for (int i = 0; i < 1000; i++)
		cost_note(&cost, MEMORY_NS);
	cost_note(&cost, DISK_NS);
	ck_assert(cost_is_worth_a_helper(&cost));
	/* Among such as do not wait it is forgotten, but one in ten is not few. */
	for (int i = 0; i < 100; i++) {
		cost_note(&cost, i % 10 ? MEMORY_NS : DISK_NS);
		ck_assert(cost_is_worth_a_helper(&cost));
	}
	for (; cost_is_worth_a_helper(&cost); requests++)
		cost_note(&cost, MEMORY_NS);
	ck_assert_int_le(requests, 60);
}
END_TEST

START_TEST(a_second_is_soon_forgotten)
{
	struct cost cost = {0};
	int requests = 0;

	cost_note(&cost, UINT64_MAX);
	ck_assert(cost_is_worth_a_helper(&cost));
	for (; cost_is_worth_a_helper(&cost); requests++)
		cost_note(&cost, MEMORY_NS);
	ck_assert_int_le(requests, 60);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("cost");

	tcase_add_test(tests, what_memory_answers_is_done_in_line);
	tcase_add_test(tests, one_that_waits_sends_the_next_to_helpers);
	tcase_add_test(tests, a_second_is_soon_forgotten);
	return suite_run_case("cost", tests);
}
