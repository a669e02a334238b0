/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What viewers do to a screen: keys, pointers, wishes. */
#include "tests/unit/host/screen/screen_world.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/input-event-codes.h>

static struct screen_world world;

static void set_up(void)
{
	screen_world_start(&world);
}

static void tear_down(void)
{
	screen_world_stop(&world);
}

START_TEST(keys_go_up_when_a_viewer_goes)
{
	screen_key(&world.a.viewer, KEY_LEFTCTRL, true);
	screen_key(&world.a.viewer, KEY_A, true);
	screen_key(&world.b.viewer, KEY_A, true);
	screen_pointer(&world.a.viewer, 0, 0, 1);
	world.source.log[0] = 0;
	screen_remove_viewer(&world.a.viewer);
	ck_assert_str_eq(world.source.log, "key 29 0;button 272 0;");
	screen_remove_viewer(&world.b.viewer);
	ck_assert_str_eq(world.source.log, "key 29 0;button 272 0;key 30 0;");
}
END_TEST

START_TEST(keys_that_are_none_are_ignored)
{
	screen_key(&world.a.viewer, KEY_A, false);
	screen_key(&world.a.viewer, 0, true);
	screen_key(&world.a.viewer, 0x300, true);
	screen_key(&world.a.viewer, UINT32_MAX, true);
	ck_assert_str_eq(world.source.log, "");
	screen_key(&world.a.viewer, 0x2ff, true);
	ck_assert_str_eq(world.source.log, "key 767 1;");
}
END_TEST

START_TEST(buttons_are_those_of_all_viewers)
{
	screen_pointer(&world.a.viewer, 0, 0, 1 | 4);
	screen_pointer(&world.b.viewer, 0, 0, 1 | ~31U);
	screen_pointer(&world.a.viewer, 0, 0, 16);
	screen_motion(&world.b.viewer, 3, -4, 0);
	screen_wheel(&world.b.viewer, 0, 1);
	ck_assert_str_eq(world.source.log, "button 272 1;button 273 1;button 273 0;button 276 1;"
					   "motion 3 -4;button 272 0;wheel 0 1;");
}
END_TEST

START_TEST(who_may_only_look_only_looks)
{
	struct screen_wish wish = {.head[0] = {.named = true, .enabled = true, .width = 800}};

	world.a.viewer.view_only = true;
	screen_key(&world.a.viewer, KEY_A, true);
	screen_pointer(&world.a.viewer, 1, 1, 1);
	screen_motion(&world.a.viewer, 1, 1, 1);
	screen_wheel(&world.a.viewer, 1, 1);
	ck_assert_str_eq(world.source.log, "");
	ck_assert_int_eq(screen_request(world.screen, &world.a.viewer, SCREEN_BY_VIEWER, &wish),
			 -EPERM);
}
END_TEST

START_TEST(pointers_land_on_the_pixel)
{
	screen_head_changed(world.screen, 0, 1023, 767);
	screen_head_changed(world.screen, 1, 1366, 768);
	for (uint32_t x = 0; x < 1023 + 1366; x++) {
		screen_pointer(&world.a.viewer, x, 700, 0);
		ck_assert_uint_eq((uint64_t)world.source.x * (1023 + 1366) / 32768, x);
		ck_assert_uint_eq(world.source.head, x >= 1023);
	}
	/* A gap below head 0, and far outside. */
	screen_pointer(&world.a.viewer, 5, 767, 0);
	screen_world_expect(&world.source.at, 5, 766, 1023, 767);
	screen_pointer(&world.a.viewer, UINT32_MAX, UINT32_MAX, 0);
	screen_world_expect(&world.source.at, 1365, 767, 1366, 768);
	ck_assert_uint_le(world.source.x, 32767);
	ck_assert_uint_le(world.source.y, 32767);
}
END_TEST

START_TEST(pointers_go_by_the_guests_own_desktop)
{
	screen_head_changed(world.screen, 0, 1000, 1000);
	screen_head_changed(world.screen, 1, 2000, 2000);
	/* Head 1 is at scale 2: its 2000 pixels are 1000 wide, left of the other. */
	screen_place_head(world.screen, 0, true, 1000, 0, 1000);
	screen_place_head(world.screen, 1, true, 0, 0, 2000);
	screen_places_known(world.screen);
	screen_world_expect(screen_world_place(&world, 0), 0, 0, 1000, 1000);
	screen_pointer(&world.a.viewer, 0, 0, 0);
	ck_assert_uint_eq((uint64_t)world.source.x * 2000 / 32768, 1000);
	screen_pointer(&world.a.viewer, 1000 + 1000, 1999, 0);
	ck_assert_uint_eq((uint64_t)world.source.x * 2000 / 32768, 500);
	ck_assert_uint_eq((uint64_t)world.source.y * 1000 / 32768, 999);
}
END_TEST

/* --- Wishes ----------------------------------------------------------------------------------- */

static struct screen_wish wished;
static unsigned int wishes;

static void on_request(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	(void)owner, (void)who;
	wished = *wish;
	wishes++;
}

static const struct screen_hooks hooks = {.requested = on_request};

START_TEST(wishes_are_checked)
{
	struct screen_wish wish = {.head[1] = {.named = true, .enabled = true, .width = 1U << 31}};

	ck_assert_int_eq(screen_request(world.screen, NULL, SCREEN_BY_USER, &wish), -EOPNOTSUPP);
	screen_set_hooks(world.screen, &hooks, NULL);
	wish.head[1].height = 1;
	ck_assert_int_eq(screen_request(world.screen, &world.a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[1].width, 8192);
	ck_assert_uint_eq(wished.head[1].height, 64);
	wish.head[1].named = false;
	ck_assert_int_eq(screen_request(world.screen, NULL, SCREEN_BY_USER, &wish), -EINVAL);
	/* All monitors off. */
	screen_head_changed(world.screen, 0, 100, 100);
	wish.head[0].named = true;
	ck_assert_int_eq(screen_request(world.screen, NULL, SCREEN_BY_USER, &wish), -EINVAL);
	screen_head_changed(world.screen, 1, 100, 100);
	ck_assert_int_eq(screen_request(world.screen, NULL, SCREEN_BY_USER, &wish), 0);
	wish.all = true;
	ck_assert_int_eq(screen_request(world.screen, NULL, SCREEN_BY_USER, &wish), -EINVAL);
	screen_set_hooks(world.screen, NULL, NULL);
}
END_TEST

static void no_more_than_300(const struct source *from, unsigned int head,
			     struct rectangle size[DESKTOP_MAX_HEADS])
{
	uint32_t others = 0;

	(void)from;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		others += i == head ? 0 : size[i].width;
	size[head].width = MIN(size[head].width, 300 - others);
}

START_TEST(wishes_are_what_the_machine_can_be)
{
	struct screen_wish wish = {.head[1] = {.named = true, .enabled = true, .width = 640}};
	struct source_ops ops = screen_world_source_ops;

	screen_set_hooks(world.screen, &hooks, NULL);
	ops.limit = no_more_than_300;
	world.source.source.ops = &ops;
	world.source.source.heads = 2;
	screen_head_changed(world.screen, 0, 100, 100);
	wish.head[1].height = 480;
	ck_assert_int_eq(screen_request(world.screen, &world.a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[1].width, 200);
	ck_assert_uint_eq(wished.head[1].height, 480);
	/* The other goes, or shrinks. */
	wish.all = true;
	ck_assert_int_eq(screen_request(world.screen, &world.a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[1].width, 300);
	wish.head[0] = wish.head[1];
	wish.head[0].width = 64;
	ck_assert_int_eq(screen_request(world.screen, &world.a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[0].width, 64);
	ck_assert_uint_eq(wished.head[1].width, 236);
	/* As it is. */
	wish.head[1].width = wish.head[1].height = 0;
	ck_assert_int_eq(screen_request(world.screen, &world.a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[1].width, 0);
	/* It has no third head, and none before it says so. */
	wish.head[2] = wish.head[0];
	wishes = 0;
	ck_assert_int_eq(screen_request(world.screen, NULL, SCREEN_BY_USER, &wish), -ENXIO);
	wish.head[2].named = false;
	world.source.source.heads = 0;
	ck_assert_int_eq(screen_request(world.screen, NULL, SCREEN_BY_USER, &wish), -EOPNOTSUPP);
	ck_assert_uint_eq(wishes, 0);
	screen_set_hooks(world.screen, NULL, NULL);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("screen-input");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, keys_go_up_when_a_viewer_goes);
	tcase_add_test(tests, keys_that_are_none_are_ignored);
	tcase_add_test(tests, buttons_are_those_of_all_viewers);
	tcase_add_test(tests, who_may_only_look_only_looks);
	tcase_add_test(tests, pointers_land_on_the_pixel);
	tcase_add_test(tests, pointers_go_by_the_guests_own_desktop);
	tcase_add_test(tests, wishes_are_checked);
	tcase_add_test(tests, wishes_are_what_the_machine_can_be);
	return suite_run_case("screen-input", tests);
}
