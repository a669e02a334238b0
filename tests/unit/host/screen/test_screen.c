/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/screen.h"
#include "protocol/base/bytes.h"

#include <check.h>
#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- A source that remembers -------------------------------------------------------------------
 */

struct fake_source {
	struct source source;
	bool watching, freed;
	unsigned int watch_calls;
	char log[1024];
	uint32_t x, y;
	unsigned int head;
	struct rectangle at;
};

static struct fake_source *fake_of(struct source *source)
{
	return CONTAINER_OF(source, struct fake_source, source);
}

static void note(struct fake_source *fake, const char *text, int64_t a, int64_t b)
{
	size_t used = strlen(fake->log);

	snprintf(fake->log + used, sizeof(fake->log) - used, "%s %d %d;", text, (int)a, (int)b);
}

static void fake_watch(struct source *source, bool watching)
{
	fake_of(source)->watching = watching;
	fake_of(source)->watch_calls++;
}

static void fake_set_mode(struct source *source, unsigned int head, bool enabled,
			  const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	(void)enabled, (void)width_mm, (void)height_mm, (void)head;
	note(fake_of(source), "mode", place->width, place->height);
}

static void fake_key(struct source *source, uint32_t code, bool down)
{
	note(fake_of(source), "key", code, down);
}

static void fake_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
			 const struct rectangle *at)
{
	struct fake_source *fake = fake_of(source);

	fake->x = x;
	fake->y = y;
	fake->head = head;
	fake->at = *at;
}

static void fake_motion(struct source *source, int32_t dx, int32_t dy)
{
	note(fake_of(source), "motion", dx, dy);
}

static void fake_button(struct source *source, uint32_t code, bool down)
{
	note(fake_of(source), "button", code, down);
}

static void fake_wheel(struct source *source, int32_t dx, int32_t dy)
{
	note(fake_of(source), "wheel", dx, dy);
}

static void fake_free(struct source *source)
{
	fake_of(source)->freed = true;
}

static const struct source_ops fake_ops = {
	.name = "fake",
	.watch = fake_watch,
	.set_mode = fake_set_mode,
	.key = fake_key,
	.pointer = fake_pointer,
	.motion = fake_motion,
	.button = fake_button,
	.wheel = fake_wheel,
	.free = fake_free,
};

/* --- Viewers that remember ---------------------------------------------------------------------
 */

struct fake_viewer {
	struct viewer viewer;
	unsigned int changes, damages, cursors, leds, closes;
	struct rectangle last;
	bool leave_when_damaged;
	struct fake_viewer *throw_out_when_damaged;
};

static void saw_change(struct viewer *viewer)
{
	((struct fake_viewer *)viewer)->changes++;
}

static void saw_damage(struct viewer *viewer, const struct rectangle *where)
{
	struct fake_viewer *fake = (struct fake_viewer *)viewer;

	fake->damages++;
	fake->last = *where;
	if (fake->throw_out_when_damaged)
		screen_remove_viewer(&fake->throw_out_when_damaged->viewer);
	if (fake->leave_when_damaged)
		screen_remove_viewer(viewer);
}

static void saw_cursor(struct viewer *viewer)
{
	((struct fake_viewer *)viewer)->cursors++;
}

static void saw_leds(struct viewer *viewer, uint32_t leds)
{
	((struct fake_viewer *)viewer)->leds = leds;
}

static void saw_close(struct viewer *viewer)
{
	((struct fake_viewer *)viewer)->closes++;
}

static const struct viewer_ops viewer_ops = {
	.protocol = "fake",
	.desktop_changed = saw_change,
	.damaged = saw_damage,
	.cursor_changed = saw_cursor,
	.leds_changed = saw_leds,
	.close = saw_close,
};

/* --- Set-up ------------------------------------------------------------------------------------
 */

static uv_loop_t loop;
static struct screen *screen;
static struct fake_source source;
static struct fake_viewer a, b, c;

static void set_up(void)
{
	uv_loop_init(&loop);
	screen = screen_new(&loop, "vm");
	ck_assert_ptr_nonnull(screen);
	source = (struct fake_source){.source = {.ops = &fake_ops, .heads = DESKTOP_MAX_HEADS}};
	screen_set_source(screen, &source.source);
	a = b = c = (struct fake_viewer){.viewer.ops = &viewer_ops};
	ck_assert_int_eq(screen_add_viewer(screen, &a.viewer), 0);
	ck_assert_int_eq(screen_add_viewer(screen, &b.viewer), 0);
}

static void tear_down(void)
{
	screen_free(screen);
	ck_assert(source.freed);
	/* Where uv_stop() was called outside of the loop, the first run does nothing. */
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void fill(unsigned int head, uint8_t value)
{
	struct rectangle place;
	size_t stride;
	uint8_t *pixels = screen_pixels(screen, head, &place, &stride);

	ck_assert_ptr_nonnull(pixels);
	for (uint32_t y = 0; y < place.height; y++)
		memset(pixels + y * stride, value, place.width * 4UL);
}

static const struct rectangle *place_of(unsigned int head)
{
	return &screen_desktop(screen)->head[head].place;
}

static void assert_rectangle(const struct rectangle *is, uint32_t x, uint32_t y, uint32_t width,
			     uint32_t height)
{
	ck_assert_uint_eq(is->x, x);
	ck_assert_uint_eq(is->y, y);
	ck_assert_uint_eq(is->width, width);
	ck_assert_uint_eq(is->height, height);
}

/* --- The picture -------------------------------------------------------------------------------
 */

START_TEST(heads_stand_side_by_side)
{
	const struct desktop *desktop = screen_desktop(screen);
	uint32_t generation = desktop->generation;

	ck_assert_uint_eq(desktop->width, 0);
	screen_head_changed(screen, 0, 640, 480);
	screen_head_changed(screen, 2, 100, 900);
	ck_assert_uint_eq(desktop->width, 740);
	ck_assert_uint_eq(desktop->height, 900);
	ck_assert_uint_eq(desktop->heads, 3);
	ck_assert(!desktop->head[1].enabled);
	assert_rectangle(place_of(2), 640, 0, 100, 900);
	ck_assert_uint_eq(desktop->generation, generation + 2);
	ck_assert_uint_eq(a.changes, 2);
}
END_TEST

START_TEST(a_head_that_keeps_its_size_keeps_its_pixels)
{
	const struct desktop *desktop = screen_desktop(screen);

	screen_head_changed(screen, 0, 100, 100);
	screen_head_changed(screen, 1, 80, 60);
	fill(0, 1);
	fill(1, 2);
	screen_head_changed(screen, 0, 200, 50);
	assert_rectangle(place_of(1), 200, 0, 80, 60);
	ck_assert_uint_eq(desktop->pixels[200 * 4], 2);
	ck_assert_uint_eq(desktop->pixels[59 * desktop->stride + 279 * 4], 2);
	ck_assert_uint_eq(desktop->pixels[0], 0);
}
END_TEST

START_TEST(heads_stand_where_the_session_says)
{
	screen_head_changed(screen, 0, 200, 100);
	screen_head_changed(screen, 1, 100, 100);
	screen_place_head(screen, 0, true, 0, 0, 1000);
	screen_place_head(screen, 1, true, -100, 40, 1000);
	screen_places_known(screen);
	assert_rectangle(place_of(1), 0, 40, 100, 100);
	assert_rectangle(place_of(0), 100, 0, 200, 100);
	ck_assert_uint_eq(screen_desktop(screen)->height, 140);
	/* One over the other, as mirrors are: side by side. */
	screen_place_head(screen, 1, true, 0, 0, 1000);
	screen_places_known(screen);
	assert_rectangle(place_of(1), 200, 0, 100, 100);
	/* Too far apart. */
	screen_place_head(screen, 1, true, 60000, 60000, 1000);
	screen_places_known(screen);
	assert_rectangle(place_of(1), 200, 0, 100, 100);
	screen_place_head(screen, 1, true, INT32_MIN, INT32_MAX, 16000);
	screen_place_head(screen, 0, true, INT32_MAX, INT32_MIN, 16000);
	screen_places_known(screen);
	assert_rectangle(place_of(1), 200, 0, 100, 100);
}
END_TEST

START_TEST(a_picture_has_bounds)
{
	const struct desktop *desktop = screen_desktop(screen);

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		screen_head_changed(screen, i, 8192, 8192);
		ck_assert_uint_le((uint64_t)desktop->width * desktop->height, DESKTOP_MAX_PIXELS);
	}
	assert_rectangle(place_of(0), 0, 0, 8192, 8192);
	ck_assert(!desktop->head[1].enabled);
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		screen_head_changed(screen, i, UINT32_MAX, UINT32_MAX);
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
	uv_stop(&loop);
}

static void run_ms(uint64_t ms)
{
	uv_timer_t timer;

	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, stop, ms, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_run(&loop, UV_RUN_NOWAIT);
}

START_TEST(a_moment_of_darkness_is_not_shown)
{
	screen_head_changed(screen, 0, 640, 480);
	screen_head_changed(screen, 0, 0, 0);
	run_ms(20);
	screen_head_changed(screen, 0, 640, 480);
	run_ms(150);
	ck_assert_uint_eq(a.changes, 1);
	ck_assert_uint_eq(screen_desktop(screen)->width, 640);
	screen_head_changed(screen, 0, 0, 0);
	run_ms(150);
	ck_assert_uint_eq(a.changes, 2);
	ck_assert_uint_eq(screen_desktop(screen)->width, 0);
}
END_TEST

/* --- Damage ------------------------------------------------------------------------------------
 */

START_TEST(damage_is_cut_and_moved)
{
	screen_head_changed(screen, 0, 100, 100);
	screen_head_changed(screen, 1, 50, 50);
	screen_watch(&a.viewer, true);
	screen_damaged(screen, 1, &(struct rectangle){10, 20, UINT32_MAX, UINT32_MAX});
	assert_rectangle(&a.last, 110, 20, 40, 30);
	a.damages = 0;
	screen_damaged(screen, 1, &(struct rectangle){50, 0, 1, 1});
	screen_damaged(screen, 1, &(struct rectangle){UINT32_MAX, UINT32_MAX, 9, 9});
	screen_damaged(screen, 1, &(struct rectangle){0, 0, 0, 7});
	screen_damaged(screen, 5, &(struct rectangle){0, 0, 7, 7});
	ck_assert_uint_eq(a.damages, 0);
}
END_TEST

START_TEST(the_source_works_while_somebody_looks)
{
	ck_assert(!source.watching);
	screen_watch(&a.viewer, true);
	screen_watch(&b.viewer, true);
	ck_assert(source.watching);
	ck_assert_uint_eq(source.watch_calls, 1);
	screen_watch(&a.viewer, false);
	ck_assert(source.watching);
	screen_remove_viewer(&b.viewer);
	ck_assert(!source.watching);
	ck_assert_uint_eq(source.watch_calls, 2);
}
END_TEST

START_TEST(what_a_viewer_missed_is_told)
{
	screen_head_changed(screen, 0, 100, 100);
	screen_watch(&a.viewer, true);
	assert_rectangle(&a.last, 0, 0, 100, 100);
	screen_watch(&b.viewer, true);
	screen_watch(&b.viewer, false);
	ck_assert_uint_eq(b.damages, 1);
	screen_damaged(screen, 0, &(struct rectangle){10, 10, 5, 5});
	screen_damaged(screen, 0, &(struct rectangle){30, 20, 5, 5});
	ck_assert_uint_eq(b.damages, 1);
	screen_watch(&b.viewer, true);
	ck_assert_uint_eq(b.damages, 2);
	assert_rectangle(&b.last, 10, 10, 25, 15);
	screen_watch(&b.viewer, false);
	screen_watch(&b.viewer, true);
	ck_assert_uint_eq(b.damages, 2);
}
END_TEST

START_TEST(viewers_may_go_while_they_are_told)
{
	ck_assert_int_eq(screen_add_viewer(screen, &c.viewer), 0);
	screen_head_changed(screen, 0, 100, 100);
	screen_watch(&a.viewer, true);
	screen_watch(&b.viewer, true);
	screen_watch(&c.viewer, true);
	a.damages = b.damages = c.damages = 0;
	/* Told in the order c, b, a. */
	c.throw_out_when_damaged = &b;
	c.leave_when_damaged = true;
	screen_damaged(screen, 0, &(struct rectangle){0, 0, 1, 1});
	ck_assert_uint_eq(a.damages, 1);
	ck_assert_uint_eq(b.damages, 0);
	ck_assert_uint_eq(c.damages, 1);
	ck_assert(source.watching);
}
END_TEST

START_TEST(there_is_a_limit_of_viewers)
{
	static struct fake_viewer many[SCREEN_MAX_VIEWERS];

	for (unsigned int i = 0; i < ARRAY_SIZE(many); i++) {
		many[i].viewer.ops = &viewer_ops;
		ck_assert_int_eq(screen_add_viewer(screen, &many[i].viewer),
				 i < SCREEN_MAX_VIEWERS - 2 ? 0 : -EMFILE);
	}
}
END_TEST

/* --- Cursor, LEDs ------------------------------------------------------------------------------
 */

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
	const struct desktop_cursor *mine = screen_cursor(screen);
	uint32_t generation;

	screen_head_changed(screen, 0, 100, 100);
	screen_head_changed(screen, 1, 100, 100);
	screen_set_cursor(screen, 1, &cursor);
	ck_assert(mine->visible);
	ck_assert_int_eq(mine->x, 103);
	ck_assert_uint_eq(mine->hot_x, 15);
	ck_assert_uint_eq(mine->pixels[0], 7);
	generation = mine->generation;
	cursor.x = 50;
	screen_set_cursor(screen, 1, &cursor);
	ck_assert_uint_eq(mine->generation, generation);
	/* It was never on head 0. */
	cursor.visible = false;
	screen_set_cursor(screen, 0, &cursor);
	ck_assert(mine->visible);
	screen_set_cursor(screen, 1, &cursor);
	ck_assert(!mine->visible);
	cursor.visible = true;
	cursor.width = 513;
	screen_set_cursor(screen, 1, &cursor);
	ck_assert(!mine->visible);
	ck_assert_uint_eq(a.cursors, 3);
}
END_TEST

START_TEST(leds_are_told_once)
{
	screen_set_leds(screen, 5);
	ck_assert_uint_eq(a.leds, 5);
	a.leds = 9;
	screen_set_leds(screen, 5);
	ck_assert_uint_eq(a.leds, 9);
}
END_TEST

/* --- Input -------------------------------------------------------------------------------------
 */

START_TEST(keys_go_up_when_a_viewer_goes)
{
	screen_key(&a.viewer, KEY_LEFTCTRL, true);
	screen_key(&a.viewer, KEY_A, true);
	screen_key(&b.viewer, KEY_A, true);
	screen_pointer(&a.viewer, 0, 0, 1);
	source.log[0] = 0;
	screen_remove_viewer(&a.viewer);
	ck_assert_str_eq(source.log, "key 29 0;button 272 0;");
	screen_remove_viewer(&b.viewer);
	ck_assert_str_eq(source.log, "key 29 0;button 272 0;key 30 0;");
}
END_TEST

START_TEST(keys_that_are_none_are_ignored)
{
	screen_key(&a.viewer, KEY_A, false);
	screen_key(&a.viewer, 0, true);
	screen_key(&a.viewer, 0x300, true);
	screen_key(&a.viewer, UINT32_MAX, true);
	ck_assert_str_eq(source.log, "");
	screen_key(&a.viewer, 0x2ff, true);
	ck_assert_str_eq(source.log, "key 767 1;");
}
END_TEST

START_TEST(buttons_are_those_of_all_viewers)
{
	screen_pointer(&a.viewer, 0, 0, 1 | 4);
	screen_pointer(&b.viewer, 0, 0, 1 | ~31U);
	screen_pointer(&a.viewer, 0, 0, 16);
	screen_motion(&b.viewer, 3, -4, 0);
	screen_wheel(&b.viewer, 0, 1);
	ck_assert_str_eq(source.log, "button 272 1;button 273 1;button 273 0;button 276 1;"
				     "motion 3 -4;button 272 0;wheel 0 1;");
}
END_TEST

START_TEST(who_may_only_look_only_looks)
{
	struct screen_wish wish = {.head[0] = {.named = true, .enabled = true, .width = 800}};

	a.viewer.view_only = true;
	screen_key(&a.viewer, KEY_A, true);
	screen_pointer(&a.viewer, 1, 1, 1);
	screen_motion(&a.viewer, 1, 1, 1);
	screen_wheel(&a.viewer, 1, 1);
	ck_assert_str_eq(source.log, "");
	ck_assert_int_eq(screen_request(screen, &a.viewer, SCREEN_BY_VIEWER, &wish), -EPERM);
}
END_TEST

START_TEST(pointers_land_on_the_pixel)
{
	screen_head_changed(screen, 0, 1023, 767);
	screen_head_changed(screen, 1, 1366, 768);
	for (uint32_t x = 0; x < 1023 + 1366; x++) {
		screen_pointer(&a.viewer, x, 700, 0);
		ck_assert_uint_eq((uint64_t)source.x * (1023 + 1366) / 32768, x);
		ck_assert_uint_eq(source.head, x >= 1023);
	}
	/* A gap below head 0, and far outside. */
	screen_pointer(&a.viewer, 5, 767, 0);
	assert_rectangle(&source.at, 5, 766, 1023, 767);
	screen_pointer(&a.viewer, UINT32_MAX, UINT32_MAX, 0);
	assert_rectangle(&source.at, 1365, 767, 1366, 768);
	ck_assert_uint_le(source.x, 32767);
	ck_assert_uint_le(source.y, 32767);
}
END_TEST

START_TEST(pointers_go_by_the_guests_own_desktop)
{
	screen_head_changed(screen, 0, 1000, 1000);
	screen_head_changed(screen, 1, 2000, 2000);
	/* Head 1 is at scale 2: its 2000 pixels are 1000 wide, left of the other. */
	screen_place_head(screen, 0, true, 1000, 0, 1000);
	screen_place_head(screen, 1, true, 0, 0, 2000);
	screen_places_known(screen);
	assert_rectangle(place_of(0), 0, 0, 1000, 1000);
	screen_pointer(&a.viewer, 0, 0, 0);
	ck_assert_uint_eq((uint64_t)source.x * 2000 / 32768, 1000);
	screen_pointer(&a.viewer, 1000 + 1000, 1999, 0);
	ck_assert_uint_eq((uint64_t)source.x * 2000 / 32768, 500);
	ck_assert_uint_eq((uint64_t)source.y * 1000 / 32768, 999);
}
END_TEST

/* --- Wishes ------------------------------------------------------------------------------------
 */

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

	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wish), -EOPNOTSUPP);
	screen_set_hooks(screen, &hooks, NULL);
	wish.head[1].height = 1;
	ck_assert_int_eq(screen_request(screen, &a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[1].width, 8192);
	ck_assert_uint_eq(wished.head[1].height, 64);
	wish.head[1].named = false;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wish), -EINVAL);
	/* All monitors off. */
	screen_head_changed(screen, 0, 100, 100);
	wish.head[0].named = true;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wish), -EINVAL);
	screen_head_changed(screen, 1, 100, 100);
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wish), 0);
	wish.all = true;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wish), -EINVAL);
	screen_set_hooks(screen, NULL, NULL);
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
	struct source_ops ops = fake_ops;

	screen_set_hooks(screen, &hooks, NULL);
	ops.limit = no_more_than_300;
	source.source.ops = &ops;
	source.source.heads = 2;
	screen_head_changed(screen, 0, 100, 100);
	wish.head[1].height = 480;
	ck_assert_int_eq(screen_request(screen, &a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[1].width, 200);
	ck_assert_uint_eq(wished.head[1].height, 480);
	/* The other goes, or shrinks. */
	wish.all = true;
	ck_assert_int_eq(screen_request(screen, &a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[1].width, 300);
	wish.head[0] = wish.head[1];
	wish.head[0].width = 64;
	ck_assert_int_eq(screen_request(screen, &a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[0].width, 64);
	ck_assert_uint_eq(wished.head[1].width, 236);
	/* As it is. */
	wish.head[1].width = wish.head[1].height = 0;
	ck_assert_int_eq(screen_request(screen, &a.viewer, SCREEN_BY_VIEWER, &wish), 0);
	ck_assert_uint_eq(wished.head[1].width, 0);
	/* It has no third head, and none before it says so. */
	wish.head[2] = wish.head[0];
	wishes = 0;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wish), -ENXIO);
	wish.head[2].named = false;
	source.source.heads = 0;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wish), -EOPNOTSUPP);
	ck_assert_uint_eq(wishes, 0);
	screen_set_hooks(screen, NULL, NULL);
}
END_TEST

START_TEST(the_end_of_the_source_closes_viewers)
{
	int error;

	ck_assert(!screen_ended(screen, &error));
	screen_source_ended(screen, -EPIPE);
	ck_assert_uint_eq(a.closes, 1);
	ck_assert_uint_eq(b.closes, 1);
	ck_assert(screen_ended(screen, &error));
	ck_assert_int_eq(error, -EPIPE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("screen");
	TCase *tc = tcase_create("screen");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, heads_stand_side_by_side);
	tcase_add_test(tc, a_head_that_keeps_its_size_keeps_its_pixels);
	tcase_add_test(tc, heads_stand_where_the_session_says);
	tcase_add_test(tc, a_picture_has_bounds);
	tcase_add_test(tc, a_moment_of_darkness_is_not_shown);
	tcase_add_test(tc, damage_is_cut_and_moved);
	tcase_add_test(tc, the_source_works_while_somebody_looks);
	tcase_add_test(tc, what_a_viewer_missed_is_told);
	tcase_add_test(tc, viewers_may_go_while_they_are_told);
	tcase_add_test(tc, there_is_a_limit_of_viewers);
	tcase_add_test(tc, the_cursor_is_where_its_head_is);
	tcase_add_test(tc, leds_are_told_once);
	tcase_add_test(tc, keys_go_up_when_a_viewer_goes);
	tcase_add_test(tc, keys_that_are_none_are_ignored);
	tcase_add_test(tc, buttons_are_those_of_all_viewers);
	tcase_add_test(tc, who_may_only_look_only_looks);
	tcase_add_test(tc, pointers_land_on_the_pixel);
	tcase_add_test(tc, pointers_go_by_the_guests_own_desktop);
	tcase_add_test(tc, wishes_are_checked);
	tcase_add_test(tc, wishes_are_what_the_machine_can_be);
	tcase_add_test(tc, the_end_of_the_source_closes_viewers);
	suite_add_tcase(suite, tc);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
