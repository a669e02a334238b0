/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/plan.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static const struct plan_rules pixels = {.pixels = true, .has_primary = true};
static const struct plan_rules logical = {0};

static const struct head_list two = {
	.count = 2,
	.heads = {{.head = 0,
		   .enabled = true,
		   .primary = true,
		   .width = 1024,
		   .height = 768,
		   .scale_milli = 1000},
		  {.head = 1,
		   .enabled = true,
		   .x = 1024,
		   .width = 800,
		   .height = 600,
		   .scale_milli = 1000}},
};

static struct head_list want_sizes(uint32_t width0, uint32_t width1)
{
	return (struct head_list){
		.serial = 5,
		.count = 2,
		.heads = {{.head = 0, .enabled = true, .width = width0, .height = 700},
			  {.head = 1, .enabled = true, .width = width1, .height = 700}},
	};
}

START_TEST(heads_on_top_of_each_other_become_a_row)
{
	const struct head_list want = want_sizes(1440, 1366);
	struct head_list plan;

	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	ck_assert_uint_eq(plan.serial, 5);
	ck_assert_uint_eq(plan.heads[0].width, 1440);
	ck_assert_int_eq(plan.heads[0].x, 0);
	ck_assert_int_eq(plan.heads[1].x, 1440);
	ck_assert_int_eq(plan.heads[1].y, 0);
}
END_TEST

START_TEST(the_row_keeps_the_order_of_places)
{
	struct head_list want = want_sizes(1440, 1366), plan;

	want.heads[0].x = 2000;
	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	ck_assert_int_eq(plan.heads[1].x, 0);
	ck_assert_int_eq(plan.heads[0].x, 1366);
}
END_TEST

START_TEST(places_that_touch_are_kept_and_begin_at_home)
{
	struct head_list want = want_sizes(1000, 1000), plan;

	want.heads[0].x = -50;
	want.heads[0].y = -20;
	want.heads[1].x = 450;
	want.heads[1].y = 680;
	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	ck_assert_int_eq(plan.heads[0].x, 0);
	ck_assert_int_eq(plan.heads[0].y, 0);
	ck_assert_int_eq(plan.heads[1].x, 500);
	ck_assert_int_eq(plan.heads[1].y, 700);
}
END_TEST

/* A corner is no edge. */
START_TEST(a_corner_in_common_is_not_enough)
{
	struct head_list want = want_sizes(1000, 1000), plan;

	want.heads[1].x = 1000;
	want.heads[1].y = 700;
	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	ck_assert_int_eq(plan.heads[1].x, 1000);
	ck_assert_int_eq(plan.heads[1].y, 0);
}
END_TEST

START_TEST(a_scaled_head_takes_less_room)
{
	struct head_list want = want_sizes(2000, 1000), plan;

	want.heads[0].scale_milli = 2000;
	want.heads[1].x = 1000;
	ck_assert_int_eq(plan_make(&two, &want, &logical, &plan), 0);
	ck_assert_int_eq(plan.heads[1].x, 1000);
	ck_assert_uint_eq(plan_width(&plan.heads[0], false), 1000);
	ck_assert_uint_eq(plan_height(&plan.heads[0], false), 350);
	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	ck_assert_int_eq(plan.heads[1].x, 2000);
	want.heads[0].scale_milli = 1;
	ck_assert_int_eq(plan_make(&two, &want, &logical, &plan), 0);
	ck_assert_uint_eq(plan.heads[0].scale_milli, PLAN_SCALE_MIN);
}
END_TEST

START_TEST(what_is_not_said_stays)
{
	const struct head_list want = {.count = 1,
				       .heads = {{.head = 1, .enabled = true, .x = 1024}}};
	struct head_list plan;

	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	ck_assert(plan_is_met(&two, &plan, &pixels));
	ck_assert(plan_sizes_are_met(&two, &plan));
	plan.heads[1].x++;
	ck_assert(!plan_is_met(&two, &plan, &pixels));
	ck_assert(plan_sizes_are_met(&two, &plan));
	plan.heads[1].x--;
	plan.heads[1].height++;
	ck_assert(!plan_is_met(&two, &plan, &pixels));
	ck_assert(!plan_sizes_are_met(&two, &plan));
}
END_TEST

START_TEST(one_and_only_one_is_primary)
{
	struct head_list want = want_sizes(1000, 1000), plan;

	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	ck_assert(plan.heads[0].primary && !plan.heads[1].primary);
	want.heads[1].primary = true;
	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	ck_assert(!plan.heads[0].primary && plan.heads[1].primary);
	want.heads[1].enabled = false;
	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	ck_assert(plan.heads[0].primary && !plan.heads[1].primary);
	ck_assert(!plan.heads[1].enabled);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	struct head_list want = want_sizes(1000, 1000), plan;

	want.heads[1].head = 7;
	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), -ENODEV);
	want.heads[1].enabled = false;
	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), 0);
	want.heads[1].head = 1;
	want.heads[0].enabled = false;
	ck_assert_int_eq(plan_make(&two, &want, &pixels, &plan), -EINVAL);
}
END_TEST

START_TEST(rounded_scales_are_met)
{
	struct head_list want = want_sizes(1000, 1000), plan, have;

	want.heads[0].scale_milli = 1250;
	ck_assert_int_eq(plan_make(&two, &want, &logical, &plan), 0);
	have = plan;
	have.heads[0].scale_milli = 1254;
	ck_assert(plan_is_met(&have, &plan, &logical));
	have.heads[0].scale_milli = 1500;
	ck_assert(!plan_is_met(&have, &plan, &logical));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("plan");

	tcase_add_test(tc, heads_on_top_of_each_other_become_a_row);
	tcase_add_test(tc, the_row_keeps_the_order_of_places);
	tcase_add_test(tc, places_that_touch_are_kept_and_begin_at_home);
	tcase_add_test(tc, a_corner_in_common_is_not_enough);
	tcase_add_test(tc, a_scaled_head_takes_less_room);
	tcase_add_test(tc, what_is_not_said_stays);
	tcase_add_test(tc, one_and_only_one_is_primary);
	tcase_add_test(tc, what_cannot_be_is_refused);
	tcase_add_test(tc, rounded_scales_are_met);
	return suite_run_case("plan", tc);
}
