/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/host/screen/screen_world.h"

#include "protocol/base/bytes.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

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

const struct source_ops screen_world_source_ops = {
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

void screen_world_start(struct screen_world *world)
{
	uv_loop_init(&world->loop);
	world->screen = screen_new(&world->loop, "vm");
	ck_assert_ptr_nonnull(world->screen);
	world->source = (struct fake_source){
		.source = {.ops = &screen_world_source_ops, .heads = DESKTOP_MAX_HEADS}};
	screen_set_source(world->screen, &world->source.source);
	world->a = world->b = world->c = (struct fake_viewer){.viewer.ops = &viewer_ops};
	ck_assert_int_eq(screen_add_viewer(world->screen, &world->a.viewer), 0);
	ck_assert_int_eq(screen_add_viewer(world->screen, &world->b.viewer), 0);
}

void screen_world_stop(struct screen_world *world)
{
	screen_free(world->screen);
	ck_assert(world->source.freed);
	/* Where uv_stop() was called outside of the loop, the first run does nothing. */
	uv_run(&world->loop, UV_RUN_NOWAIT);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&world->loop), 0);
}

const struct rectangle *screen_world_place(const struct screen_world *world, unsigned int head)
{
	return &screen_desktop(world->screen)->head[head].place;
}

void screen_world_expect(const struct rectangle *is, uint32_t x, uint32_t y, uint32_t width,
			 uint32_t height)
{
	ck_assert_uint_eq(is->x, x);
	ck_assert_uint_eq(is->y, y);
	ck_assert_uint_eq(is->width, width);
	ck_assert_uint_eq(is->height, height);
}
