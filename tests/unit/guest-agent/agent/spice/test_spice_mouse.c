/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a place on a screen is on the whole desktop, and what a session is asked for when monitors
 * have other wishes.
 */
#include "guest-agent/agent/spice/spice_internal.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>

static struct head head(unsigned int number, int32_t x, uint32_t width, uint32_t height)
{
	return (struct head){
		.head = number, .enabled = width > 0, .x = x, .width = width, .height = height};
}

/* The pixel that a desktop of that size makes of it. */
static uint32_t pixel(uint32_t place, uint32_t size)
{
	return place * size / POINTER_RANGE;
}

START_TEST(every_pixel_comes_back)
{
	const struct spice_layout layout = {
		.heads = {.count = 1, .heads = {head(0, 0, 1023, 767)}}};
	struct spice_mouse mouse = {0};
	struct pointer_state state;

	for (mouse.x = 0; mouse.x < 1023; mouse.x++) {
		mouse.y = mouse.x * 767 / 1023;
		spice_mouse_place(&layout, &mouse, &state);
		ck_assert_uint_eq(pixel(state.x, 1023), mouse.x);
		ck_assert_uint_eq(pixel(state.y, 767), mouse.y);
	}
	/* Beyond the edge it stays on it. */
	mouse.x = mouse.y = UINT32_MAX;
	spice_mouse_place(&layout, &mouse, &state);
	ck_assert_uint_eq(state.x, POINTER_RANGE - 1);
	ck_assert_uint_eq(state.y, POINTER_RANGE - 1);
}
END_TEST

START_TEST(screens_have_their_places)
{
	struct spice_layout layout = {
		.heads = {.count = 2, .heads = {head(0, -800, 800, 600), head(1, 0, 1600, 1200)}}};
	struct spice_mouse mouse = {.x = 10, .y = 20, .screen = 1};
	struct pointer_state state;

	spice_mouse_place(&layout, &mouse, &state);
	ck_assert_uint_eq(pixel(state.x, 2400), 810);
	ck_assert_uint_eq(pixel(state.y, 1200), 20);
	/* Twice as large: half as many units of the desktop. */
	layout.heads.heads[1].scale_milli = 2000;
	spice_mouse_place(&layout, &mouse, &state);
	ck_assert_uint_eq(pixel(state.x, 1600), 805);
	ck_assert_uint_eq(pixel(state.y, 600), 10);
	layout.pixels = true;
	spice_mouse_place(&layout, &mouse, &state);
	ck_assert_uint_eq(pixel(state.x, 2400), 810);
}
END_TEST

START_TEST(without_a_layout_it_stays)
{
	const struct spice_layout none = {0};
	const struct spice_mouse mouse = {.x = 10,
					  .buttons = SPICE_BUTTON_LEFT | SPICE_BUTTON_WHEEL_DOWN};
	struct pointer_state state = {.x = 77};

	spice_mouse_place(&none, &mouse, &state);
	ck_assert_uint_eq(state.x, 77);
	ck_assert_uint_eq(state.buttons, POINTER_LEFT | POINTER_WHEEL_DOWN);
}
END_TEST

START_TEST(wishes_become_orders)
{
	struct head_list wishes = {.count = 2, .heads = {head(0, 0, 1280, 800), head(1, 0, 0, 0)}};
	const struct head_list have = {.count = 1, .heads = {head(0, 0, 1280, 800)}};
	struct head_list plan;

	ck_assert(!spice_monitors_plan(&wishes, &have, &plan));
	wishes.heads[0].width = 1440;
	ck_assert(spice_monitors_plan(&wishes, &have, &plan));
	ck_assert_uint_eq(plan.count, 1);
	ck_assert_uint_eq(plan.heads[0].width, 1440);
	/* One comes, and goes again. */
	wishes.heads[0].width = 1280;
	wishes.heads[1] = head(1, 0, 640, 480);
	ck_assert(spice_monitors_plan(&wishes, &have, &plan));
	ck_assert_uint_eq(plan.count, 2);
	ck_assert_int_eq(plan.heads[1].x, 1280);
	wishes.heads[0] = head(0, 0, 0, 0);
	ck_assert(spice_monitors_plan(&wishes, &have, &plan));
	ck_assert(!plan.heads[0].enabled);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, every_pixel_comes_back);
	tcase_add_test(tcase, screens_have_their_places);
	tcase_add_test(tcase, without_a_layout_it_stays);
	tcase_add_test(tcase, wishes_become_orders);
	return suite_run_case("SPICE mouse and monitors", tcase);
}
