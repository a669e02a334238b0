/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes where a source is not as others are. */
#include "host/screen/resize.h"

#include "painted_source.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <time.h>

static uv_loop_t loop;
static struct screen *screen;
static struct resize *resize;
static struct painted_source painted;
static struct source_ops ops;
static struct guest_layout layout;
static bool has_session;
static unsigned int asks;

static bool can_apply(void *owner)
{
	(void)owner;
	return has_session;
}

static int apply(void *owner, const struct guest_layout *shall, uint64_t *serial)
{
	(void)owner, (void)shall;
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

static const struct screen_hooks hooks = {.requested = on_requested,
					  .head_changed = on_head_changed};

static void setup(void)
{
	uv_loop_init(&loop);
	screen = screen_new(&loop, "vm");
	resize = resize_new(screen, &session, NULL);
	screen_set_hooks(screen, &hooks, NULL);
	painted_source_init(&painted);
	ops = *painted.source.ops;
	painted.source.ops = &ops;
	screen_set_source(screen, &painted.source);
	memset(&layout, 0, sizeof(layout));
	has_session = true;
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

/* The loop's clock goes as the tests say: libuv asks this function. */
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

static void wish(uint32_t width, uint32_t height)
{
	struct screen_wish wanted = {0};

	wanted.head[0].named = wanted.head[0].enabled = true;
	wanted.head[0].width = width;
	wanted.head[0].height = height;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wanted), 0);
	run_for(1);
	ck_assert_str_eq(painted_source_log(&painted), "mode 0 800x600;");
}

static void expect(enum resize_followed followed)
{
	ck_assert_str_eq(resize_followed_name(resize_status(resize, 0).followed),
			 resize_followed_name(followed));
}

/* --- A monitor that is not for us to change: there are pictures of it, and no more ------------ */

/* Nothing but the session can do something, so it is asked at once; pictures come seldom. */
START_TEST(the_session_follows)
{
	ops.fixed = true;
	wish(800, 600);
	run_for(RESIZE_SOON_MS);
	ck_assert_uint_eq(asks, 1);
	run_for(200);
	resize_applied(resize, asks, 0, false);
	run_for(RESIZE_REPLUG_MS);
	expect(RESIZE_WAITING);
	painted_source_show(&painted, 0, 800, 600);
	expect(RESIZE_BY_SESSION);
	ck_assert_uint_eq(asks, 1);
	ck_assert_str_eq(painted_source_log(&painted), "");
}
END_TEST

/* Nor when the session asks for it is the monitor unplugged. */
START_TEST(nothing_is_unplugged)
{
	ops.fixed = true;
	wish(800, 600);
	run_for(RESIZE_SOON_MS);
	if (_i)
		resize_applied(resize, asks, EAGAIN, true);
	run_for(RESIZE_FIXED_MS);
	expect(RESIZE_NOT);
	run_for(20000);
	ck_assert_uint_eq(asks, 1);
	ck_assert_str_eq(painted_source_log(&painted), "");
	painted_source_show(&painted, 0, 800, 600);
	expect(RESIZE_BY_ITSELF);
}
END_TEST

START_TEST(nobody_could_do_it)
{
	ops.fixed = true;
	has_session = false;
	wish(800, 600);
	run_for(RESIZE_SESSION_MS);
	expect(RESIZE_NOT);
	run_for(20000);
	ck_assert_str_eq(painted_source_log(&painted), "");
}
END_TEST

/* --- A head that the guest has off, and that looks as if it were on --------------------------- */

/* What the guest's session has. */
static void lay_out(unsigned int number, bool enabled)
{
	layout.head[number] =
		(struct guest_head){.known = true, .enabled = enabled, .width = 800, .height = 600};
	resize_session_changed(resize);
}

static void look_on(void)
{
	struct screen_wish wanted = {0};

	ops.seems_on = true;
	strcpy(layout.session, "x11");
	lay_out(0, true);
	lay_out(1, false);
	wanted.head[1].named = wanted.head[1].enabled = true;
	wanted.head[1].width = 800;
	wanted.head[1].height = 600;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wanted), 0);
	run_for(1);
	painted_source_show(&painted, 1, 800, 600);
}

static enum resize_followed followed(void)
{
	return resize_status(resize, 1).followed;
}

START_TEST(the_session_puts_it_on)
{
	look_on();
	ck_assert_int_eq(followed(), RESIZE_WAITING);
	run_for(RESIZE_SESSION_MS);
	ck_assert_uint_eq(asks, 1);
	ck_assert_int_eq(followed(), RESIZE_WAITING);
	lay_out(1, true);
	resize_applied(resize, asks, 0, false);
	ck_assert_int_eq(followed(), RESIZE_BY_SESSION);
}
END_TEST

START_TEST(the_desktop_puts_it_on)
{
	look_on();
	run_for(RESIZE_SESSION_MS / 2);
	lay_out(1, true);
	ck_assert_int_eq(followed(), RESIZE_BY_ITSELF);
	run_for(RESIZE_SESSION_MS);
	ck_assert_uint_eq(asks, 0);
}
END_TEST

/* Nobody can tell. */
START_TEST(without_a_session_it_is_believed)
{
	has_session = false;
	look_on();
	ck_assert_int_eq(followed(), RESIZE_BY_ITSELF);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("sources");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_session_follows);
	tcase_add_loop_test(tests, nothing_is_unplugged, 0, 2);
	tcase_add_test(tests, nobody_could_do_it);
	tcase_add_test(tests, the_session_puts_it_on);
	tcase_add_test(tests, the_desktop_puts_it_on);
	tcase_add_test(tests, without_a_session_it_is_believed);
	return suite_run_case("resize by the source", tests);
}
