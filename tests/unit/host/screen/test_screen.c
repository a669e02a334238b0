/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The picture of a screen: heads, damage, cursor, and who is told. */
#include "tests/unit/host/screen/screen_world.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static struct screen_world world;

static void set_up(void)
{
	screen_world_start(&world);
}

static void tear_down(void)
{
	screen_world_stop(&world);
}

static void fill(unsigned int head, uint8_t value)
{
	struct rectangle place;
	size_t stride;
	uint8_t *pixels = screen_pixels(world.screen, head, &place, &stride);

	ck_assert_ptr_nonnull(pixels);
	for (uint32_t y = 0; y < place.height; y++)
		memset(pixels + y * stride, value, place.width * 4UL);
}

START_TEST(heads_stand_side_by_side)
{
	const struct desktop *desktop = screen_desktop(world.screen);
	uint32_t generation = desktop->generation;

	ck_assert_uint_eq(desktop->width, 0);
	screen_head_changed(world.screen, 0, 640, 480);
	screen_head_changed(world.screen, 2, 100, 900);
	ck_assert_uint_eq(desktop->width, 740);
	ck_assert_uint_eq(desktop->height, 900);
	ck_assert_uint_eq(desktop->heads, 3);
	ck_assert(!desktop->head[1].enabled);
	screen_world_expect(screen_world_place(&world, 2), 640, 0, 100, 900);
	ck_assert_uint_eq(desktop->generation, generation + 2);
	ck_assert_uint_eq(world.a.changes, 2);
}
END_TEST

START_TEST(a_head_that_keeps_its_size_keeps_its_pixels)
{
	const struct desktop *desktop = screen_desktop(world.screen);

	screen_head_changed(world.screen, 0, 100, 100);
	screen_head_changed(world.screen, 1, 80, 60);
	fill(0, 1);
	fill(1, 2);
	screen_head_changed(world.screen, 0, 200, 50);
	screen_world_expect(screen_world_place(&world, 1), 200, 0, 80, 60);
	ck_assert_uint_eq(desktop->pixels[200 * 4], 2);
	ck_assert_uint_eq(desktop->pixels[59 * desktop->stride + 279 * 4], 2);
	ck_assert_uint_eq(desktop->pixels[0], 0);
}
END_TEST

START_TEST(heads_stand_where_the_session_says)
{
	screen_head_changed(world.screen, 0, 200, 100);
	screen_head_changed(world.screen, 1, 100, 100);
	screen_place_head(world.screen, 0, true, 0, 0, 1000);
	screen_place_head(world.screen, 1, true, -100, 40, 1000);
	screen_places_known(world.screen);
	screen_world_expect(screen_world_place(&world, 1), 0, 40, 100, 100);
	screen_world_expect(screen_world_place(&world, 0), 100, 0, 200, 100);
	ck_assert_uint_eq(screen_desktop(world.screen)->height, 140);
	/* One over the other, as mirrors are: side by side. */
	screen_place_head(world.screen, 1, true, 0, 0, 1000);
	screen_places_known(world.screen);
	screen_world_expect(screen_world_place(&world, 1), 200, 0, 100, 100);
	/* Too far apart. */
	screen_place_head(world.screen, 1, true, 60000, 60000, 1000);
	screen_places_known(world.screen);
	screen_world_expect(screen_world_place(&world, 1), 200, 0, 100, 100);
	screen_place_head(world.screen, 1, true, INT32_MIN, INT32_MAX, 16000);
	screen_place_head(world.screen, 0, true, INT32_MAX, INT32_MIN, 16000);
	screen_places_known(world.screen);
	screen_world_expect(screen_world_place(&world, 1), 200, 0, 100, 100);
}
END_TEST

START_TEST(a_picture_has_bounds)
{
	const struct desktop *desktop = screen_desktop(world.screen);

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		screen_head_changed(world.screen, i, 8192, 8192);
		ck_assert_uint_le((uint64_t)desktop->width * desktop->height, DESKTOP_MAX_PIXELS);
	}
	screen_world_expect(screen_world_place(&world, 0), 0, 0, 8192, 8192);
	ck_assert(!desktop->head[1].enabled);
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		screen_head_changed(world.screen, i, UINT32_MAX, UINT32_MAX);
	ck_assert_uint_le((uint64_t)desktop->width * desktop->height, DESKTOP_MAX_PIXELS);
	for (unsigned int i = 0; i < desktop->heads; i++) {
		const struct rectangle *place = &desktop->head[i].place;

		ck_assert_uint_le(place->x + place->width, desktop->width);
		ck_assert_uint_le(place->y + place->height, desktop->height);
	}
}
END_TEST

static void stop(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, NULL);
	uv_stop(&world.loop);
}

static void run_ms(uint64_t ms)
{
	uv_timer_t timer;

	uv_timer_init(&world.loop, &timer);
	uv_timer_start(&timer, stop, ms, 0);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	uv_run(&world.loop, UV_RUN_NOWAIT);
}

START_TEST(a_moment_of_darkness_is_not_shown)
{
	screen_head_changed(world.screen, 0, 640, 480);
	screen_head_changed(world.screen, 0, 0, 0);
	run_ms(20);
	screen_head_changed(world.screen, 0, 640, 480);
	run_ms(150);
	ck_assert_uint_eq(world.a.changes, 1);
	ck_assert_uint_eq(screen_desktop(world.screen)->width, 640);
	screen_head_changed(world.screen, 0, 0, 0);
	run_ms(150);
	ck_assert_uint_eq(world.a.changes, 2);
	ck_assert_uint_eq(screen_desktop(world.screen)->width, 0);
}
END_TEST

/* --- Damage ----------------------------------------------------------------------------------- */

START_TEST(damage_is_cut_and_moved)
{
	screen_head_changed(world.screen, 0, 100, 100);
	screen_head_changed(world.screen, 1, 50, 50);
	screen_watch(&world.a.viewer, true);
	screen_damaged(world.screen, 1, &(struct rectangle){10, 20, UINT32_MAX, UINT32_MAX});
	screen_world_expect(&world.a.last, 110, 20, 40, 30);
	world.a.damages = 0;
	screen_damaged(world.screen, 1, &(struct rectangle){50, 0, 1, 1});
	screen_damaged(world.screen, 1, &(struct rectangle){UINT32_MAX, UINT32_MAX, 9, 9});
	screen_damaged(world.screen, 1, &(struct rectangle){0, 0, 0, 7});
	screen_damaged(world.screen, 5, &(struct rectangle){0, 0, 7, 7});
	ck_assert_uint_eq(world.a.damages, 0);
}
END_TEST

START_TEST(the_source_works_while_somebody_looks)
{
	ck_assert(!world.source.watching);
	screen_watch(&world.a.viewer, true);
	screen_watch(&world.b.viewer, true);
	ck_assert(world.source.watching);
	ck_assert_uint_eq(world.source.watch_calls, 1);
	screen_watch(&world.a.viewer, false);
	ck_assert(world.source.watching);
	screen_remove_viewer(&world.b.viewer);
	ck_assert(!world.source.watching);
	ck_assert_uint_eq(world.source.watch_calls, 2);
}
END_TEST

START_TEST(what_a_viewer_missed_is_told)
{
	screen_head_changed(world.screen, 0, 100, 100);
	screen_watch(&world.a.viewer, true);
	screen_world_expect(&world.a.last, 0, 0, 100, 100);
	screen_watch(&world.b.viewer, true);
	screen_watch(&world.b.viewer, false);
	ck_assert_uint_eq(world.b.damages, 1);
	screen_damaged(world.screen, 0, &(struct rectangle){10, 10, 5, 5});
	screen_damaged(world.screen, 0, &(struct rectangle){30, 20, 5, 5});
	ck_assert_uint_eq(world.b.damages, 1);
	screen_watch(&world.b.viewer, true);
	ck_assert_uint_eq(world.b.damages, 2);
	screen_world_expect(&world.b.last, 10, 10, 25, 15);
	screen_watch(&world.b.viewer, false);
	screen_watch(&world.b.viewer, true);
	ck_assert_uint_eq(world.b.damages, 2);
}
END_TEST

START_TEST(viewers_may_go_while_they_are_told)
{
	ck_assert_int_eq(screen_add_viewer(world.screen, &world.c.viewer), 0);
	screen_head_changed(world.screen, 0, 100, 100);
	screen_watch(&world.a.viewer, true);
	screen_watch(&world.b.viewer, true);
	screen_watch(&world.c.viewer, true);
	world.a.damages = world.b.damages = world.c.damages = 0;
	/* Told in the order c, b, a. */
	world.c.throw_out_when_damaged = &world.b;
	world.c.leave_when_damaged = true;
	screen_damaged(world.screen, 0, &(struct rectangle){0, 0, 1, 1});
	ck_assert_uint_eq(world.a.damages, 1);
	ck_assert_uint_eq(world.b.damages, 0);
	ck_assert_uint_eq(world.c.damages, 1);
	ck_assert(world.source.watching);
}
END_TEST

START_TEST(there_is_a_limit_of_viewers)
{
	static struct fake_viewer many[SCREEN_MAX_VIEWERS];

	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++) {
		many[i].viewer.ops = world.a.viewer.ops;
		ck_assert_int_eq(screen_add_viewer(world.screen, &many[i].viewer),
				 i < SCREEN_MAX_VIEWERS - 2 ? 0 : -EMFILE);
	}
}
END_TEST

/* --- Cursor, LEDs ----------------------------------------------------------------------------- */

START_TEST(the_cursor_is_where_its_head_is)
{
	uint32_t pixels[16 * 8] = {7};
	struct desktop_cursor cursor = {.visible = true,
					.width = 16,
					.height = 8,
					.hot_x = 99,
					.hot_y = 2,
					.x = 3,
					.y = 4,
					.pixels = pixels};
	const struct desktop_cursor *mine = screen_cursor(world.screen);
	uint32_t generation;

	screen_head_changed(world.screen, 0, 100, 100);
	screen_head_changed(world.screen, 1, 100, 100);
	screen_set_cursor(world.screen, 1, &cursor);
	ck_assert(mine->visible);
	ck_assert_int_eq(mine->x, 103);
	ck_assert_uint_eq(mine->hot_x, 15);
	ck_assert_uint_eq(mine->pixels[0], 7);
	generation = mine->generation;
	cursor.x = 50;
	screen_set_cursor(world.screen, 1, &cursor);
	ck_assert_uint_eq(mine->generation, generation);
	/* It was never on head 0. */
	cursor.visible = false;
	screen_set_cursor(world.screen, 0, &cursor);
	ck_assert(mine->visible);
	screen_set_cursor(world.screen, 1, &cursor);
	ck_assert(!mine->visible);
	cursor.visible = true;
	cursor.width = 513;
	screen_set_cursor(world.screen, 1, &cursor);
	ck_assert(!mine->visible);
	ck_assert_uint_eq(world.a.cursors, 3);
}
END_TEST

START_TEST(leds_are_told_once)
{
	screen_set_leds(world.screen, 5);
	ck_assert_uint_eq(world.a.leds, 5);
	world.a.leds = 9;
	screen_set_leds(world.screen, 5);
	ck_assert_uint_eq(world.a.leds, 9);
}
END_TEST

START_TEST(the_end_of_the_source_closes_viewers)
{
	int error;

	ck_assert(!screen_ended(world.screen, &error));
	screen_source_ended(world.screen, -EPIPE);
	ck_assert_uint_eq(world.a.closes, 1);
	ck_assert_uint_eq(world.b.closes, 1);
	ck_assert(screen_ended(world.screen, &error));
	ck_assert_int_eq(error, -EPIPE);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("screen");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, heads_stand_side_by_side);
	tcase_add_test(tests, a_head_that_keeps_its_size_keeps_its_pixels);
	tcase_add_test(tests, heads_stand_where_the_session_says);
	tcase_add_test(tests, a_picture_has_bounds);
	tcase_add_test(tests, a_moment_of_darkness_is_not_shown);
	tcase_add_test(tests, damage_is_cut_and_moved);
	tcase_add_test(tests, the_source_works_while_somebody_looks);
	tcase_add_test(tests, what_a_viewer_missed_is_told);
	tcase_add_test(tests, viewers_may_go_while_they_are_told);
	tcase_add_test(tests, there_is_a_limit_of_viewers);
	tcase_add_test(tests, the_cursor_is_where_its_head_is);
	tcase_add_test(tests, leds_are_told_once);
	tcase_add_test(tests, the_end_of_the_source_closes_viewers);
	return suite_run_case("screen", tests);
}
