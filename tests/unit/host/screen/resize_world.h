/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resize_world - resizes of a painted source's heads, a guest's session that is asked and told, and
 * a clock that goes as the test says
 *
 * For programs of tests alone: it takes the place of clock_gettime().
 */
#ifndef LODGE_TEST_RESIZE_WORLD_H
#define LODGE_TEST_RESIZE_WORLD_H

#include "host/screen/resize.h"
#include "painted_source.h"

#include <check.h>
#include <string.h>
#include <time.h>

static uv_loop_t loop;
static struct screen *screen;
static struct resize *resize;
static struct painted_source painted;
static struct guest_layout layout; /* what the guest has said */

/* The guest's session. */
static bool has_session;
static struct guest_layout asked;
static unsigned int asks;

static bool can_apply(void *owner)
{
	(void)owner;
	return has_session;
}

static int apply(void *owner, const struct guest_layout *shall, uint64_t *serial)
{
	(void)owner;
	asked = *shall;
	*serial = ++asks;
	return 0;
}

static const struct guest_layout *layout_now(void *owner)
{
	(void)owner;
	return &layout;
}

static const struct resize_session session = {
	.can_apply = can_apply, .apply = apply, .layout = layout_now};

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	(void)owner;
	resize_requested(resize, who, wish);
}

static void on_head_changed(void *owner, unsigned int head, uint32_t width, uint32_t height)
{
	(void)owner;
	resize_head_changed(resize, head, width, height);
}

static void on_source_ready(void *owner)
{
	(void)owner;
	resize_source_changed(resize);
}

static const struct screen_hooks hooks = {.requested = on_requested,
					  .source_ready = on_source_ready,
					  .head_changed = on_head_changed};

static void setup(void)
{
	uv_loop_init(&loop);
	screen = screen_new(&loop, "vm");
	resize = resize_new(screen, &session, NULL);
	screen_set_hooks(screen, &hooks, NULL);
	painted_source_init(&painted);
	screen_set_source(screen, &painted.source);
	memset(&layout, 0, sizeof(layout));
	has_session = false;
	asks = 0;
	painted_source_show(&painted, 0, 1024, 768);
}

static void teardown(void)
{
	screen_set_hooks(screen, NULL, NULL);
	screen_free(screen);
	resize_free(resize);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/*
 * The loop's clock goes as the tests say, so that how busy the machine is makes no difference:
 * libuv asks this function.
 */
static int64_t now_ms = 1000;

int clock_gettime(clockid_t clock, struct timespec *time)
{
	(void)clock;
	*time = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
	return 0;
}

static void run_for(int64_t ms)
{
	for (; ms > 0; ms--) {
		now_ms++;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
}

#endif
