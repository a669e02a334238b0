/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"
#include "tests/unit/suite.h"

static struct played_host *host;
static struct played_guest *poor, *rich;
static double part;

static void set_up(void)
{
	host = played_host_new(4 * MEMORY_GIB);
	poor = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB / 2, 1000);
	rich = played_guest_add(host, 4 * MEMORY_GIB, MEMORY_GIB / 2, 3000);
	poor->actual = rich->actual = 0;
	part = (double)memory_policy_totals(host->policy)->budget_bytes / 4;
}

static void tear_down(void)
{
	played_host_free(host);
}

/* It has @bytes for so many seconds. */
static void has(const struct played_guest *guest, double bytes, unsigned int seconds)
{
	guest->vm->ceiling = (uint64_t)bytes;
	for (unsigned int i = 0; i < seconds; i++) {
		host->policy->stepped_ms = host->now_ms;
		host->now_ms += 1000;
		savings_update(host->policy, host->now_ms);
	}
}

START_TEST(what_is_left_to_others_is_saved)
{
	has(poor, part / 2, 10);
	ck_assert_double_eq_tol(poor->vm->savings, 10 * part / 2, 100);
	has(poor, part * 2, 3);
	ck_assert_double_eq_tol(poor->vm->savings, 2 * part, 100);
	ck_assert_double_gt(savings_allow(&memory_tuning_default, poor->vm), 0);
	has(poor, part * 2, 3);
	ck_assert_double_eq(poor->vm->savings, 0);
	ck_assert_double_eq(savings_allow(&memory_tuning_default, poor->vm), 0);
}
END_TEST

START_TEST(shares_say_what_is_left)
{
	has(rich, 2 * part, 10);
	ck_assert_double_eq_tol(rich->vm->savings, 10 * part, 100);
}
END_TEST

START_TEST(there_is_a_most_that_can_be_saved)
{
	has(poor, 0, 2000);
	ck_assert_double_eq_tol(poor->vm->savings, memory_tuning_default.savings_max_s * part, 100);
}
END_TEST

START_TEST(a_pause_between_steps_saves_nothing)
{
	host->policy->stepped_ms = host->now_ms;
	poor->vm->ceiling = 0;
	savings_update(host->policy, host->now_ms + 3600000);
	ck_assert_double_le(poor->vm->savings, 5 * part);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("savings");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_left_to_others_is_saved);
	tcase_add_test(tests, shares_say_what_is_left);
	tcase_add_test(tests, there_is_a_most_that_can_be_saved);
	tcase_add_test(tests, a_pause_between_steps_saves_nothing);
	return suite_run_case("savings", tests);
}
