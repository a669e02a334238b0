/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/pointer/pointer.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>

static struct input_event events[POINTER_EVENTS];

static void is(size_t i, int type, int code, int value)
{
	ck_assert_int_eq(events[i].type, type);
	ck_assert_int_eq(events[i].code, code);
	ck_assert_int_eq(events[i].value, value);
}

START_TEST(only_what_changes_is_told)
{
	const struct pointer_state at = {.x = 5, .y = 6};
	struct pointer_state then = at;

	ck_assert_uint_eq(pointer_events(&at, &then, events), 0);
	then.y = 7;
	ck_assert_uint_eq(pointer_events(&at, &then, events), 2);
	is(0, EV_ABS, ABS_Y, 7);
	is(1, EV_SYN, SYN_REPORT, 0);
	then = at;
	then.buttons = POINTER_RIGHT;
	ck_assert_uint_eq(pointer_events(&at, &then, events), 2);
	is(0, EV_KEY, BTN_RIGHT, 1);
	ck_assert_uint_eq(pointer_events(&then, &at, events), 2);
	is(0, EV_KEY, BTN_RIGHT, 0);
}
END_TEST

START_TEST(a_step_of_the_wheel_is_told_once)
{
	const struct pointer_state at = {0};
	const struct pointer_state up = {.buttons = POINTER_WHEEL_UP};
	const struct pointer_state down = {.buttons = POINTER_WHEEL_DOWN};

	ck_assert_uint_eq(pointer_events(&at, &up, events), 2);
	is(0, EV_REL, REL_WHEEL, 1);
	ck_assert_uint_eq(pointer_events(&up, &up, events), 0);
	ck_assert_uint_eq(pointer_events(&up, &at, events), 0);
	ck_assert_uint_eq(pointer_events(&at, &down, events), 2);
	is(0, EV_REL, REL_WHEEL, -1);
}
END_TEST

START_TEST(all_at_once_fits)
{
	const struct pointer_state from = {0};
	const struct pointer_state to = {.x = 1, .y = 1, .buttons = UINT32_MAX};

	ck_assert_uint_eq(pointer_events(&from, &to, events), POINTER_EVENTS);
	is(POINTER_EVENTS - 1, EV_SYN, SYN_REPORT, 0);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, only_what_changes_is_told);
	tcase_add_test(tcase, a_step_of_the_wheel_is_told_once);
	tcase_add_test(tcase, all_at_once_fits);
	return suite_run_case("pointer", tcase);
}
