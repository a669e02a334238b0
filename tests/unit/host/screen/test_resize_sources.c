/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes where a source is not as others are. */
#include "resize_world.h"
#include "tests/unit/suite.h"

#include <errno.h>

static struct source_ops ops;

static void setup_source(void)
{
	setup();
	ops = *painted.source.ops;
	painted.source.ops = &ops;
	has_session = true;
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

	tcase_add_checked_fixture(tests, setup_source, teardown);
	tcase_add_test(tests, the_session_follows);
	tcase_add_loop_test(tests, nothing_is_unplugged, 0, 2);
	tcase_add_test(tests, nobody_could_do_it);
	tcase_add_test(tests, the_session_puts_it_on);
	tcase_add_test(tests, the_desktop_puts_it_on);
	tcase_add_test(tests, without_a_session_it_is_believed);
	return suite_run_case("resize by the source", tests);
}
