/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "resize_world.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void wish(unsigned int head, uint32_t width, uint32_t height)
{
	struct screen_wish wanted = {0};

	wanted.head[head].named = true;
	wanted.head[head].enabled = width > 0;
	wanted.head[head].width = width;
	wanted.head[head].height = height;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_VIEWER, &wanted), 0);
}

static void expect(unsigned int head, enum resize_followed followed)
{
	ck_assert_str_eq(resize_followed_name(resize_status(resize, head).followed),
			 resize_followed_name(followed));
}

static void expect_log(const char *text)
{
	ck_assert_str_eq(painted_source_log(&painted), text);
}

START_TEST(a_burst_is_its_first_and_its_last)
{
	painted.follows = true;
	for (uint32_t i = 0; i < 60; i++)
		wish(0, 800 + i, 600 + i);
	expect(0, RESIZE_WAITING);
	ck_assert(resize_is_waiting(resize));
	expect_log("");
	/* In one turn they are one; what follows within a drag is again. */
	run_for(1);
	expect_log("mode 0 859x659;");
	for (uint32_t i = 0; i < 60; i++) {
		wish(0, 900 + i, 700 + i);
		run_for(1);
	}
	expect_log("");
	expect(0, RESIZE_WAITING);
	run_for(RESIZE_CALM_MS);
	expect_log("mode 0 959x759;");
	expect(0, RESIZE_BY_ITSELF);
	ck_assert(!resize_is_waiting(resize));
	ck_assert_int_eq(resize_status(resize, 0).by, SCREEN_BY_VIEWER);
	/* Nothing comes after it. */
	run_for(300);
	expect_log("");
}
END_TEST

START_TEST(a_long_drag_is_followed_on_the_way)
{
	painted.follows = true;
	for (uint32_t i = 0; i < 14; i++) {
		wish(0, 800 + i, 600);
		run_for(40);
	}
	/* At once, and then as often as RESIZE_BURST_MS allows. */
	expect_log("mode 0 800x600;mode 0 807x600;");
	run_for(RESIZE_CALM_MS);
	expect_log("mode 0 813x600;");
}
END_TEST

START_TEST(every_mode_set_passes_through_nothing)
{
	wish(0, 800, 600);
	run_for(RESIZE_CALM_MS + 30);
	painted_source_show(&painted, 0, 0, 0);
	expect(0, RESIZE_WAITING);
	/* Viewers see no blank. */
	ck_assert_uint_eq(screen_desktop(screen)->width, 1024);
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_ITSELF);
	ck_assert_uint_eq(screen_desktop(screen)->width, 800);
}
END_TEST

START_TEST(the_session_is_asked_when_the_desktop_does_not_follow)
{
	has_session = true;
	strcpy(layout.session, "x11");
	layout.head[0] = (struct guest_head){
		.known = true, .enabled = true, .width = 1024, .height = 768, .primary = true};
	wish(0, 800, 600);
	run_for(RESIZE_CALM_MS + RESIZE_SESSION_MS + 50);
	ck_assert_uint_eq(asks, 1);
	ck_assert_uint_eq(asked.head[0].width, 800);
	ck_assert_uint_eq(asked.head[0].height, 600);
	ck_assert(asked.head[0].known && asked.head[0].enabled && asked.head[0].primary);
	ck_assert(!asked.head[1].known);
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_SESSION);
	resize_applied(resize, 1, 0, false);
	expect(0, RESIZE_BY_SESSION);
	run_for(50);
	expect_log("mode 0 800x600;");
}
END_TEST

START_TEST(a_replug_comes_last_and_once)
{
	wish(0, 800, 600);
	run_for(RESIZE_CALM_MS + RESIZE_REPLUG_MS + 50);
	expect_log("mode 0 800x600;mode 0 off;");
	/* It is dark when the guest says so. */
	run_for(RESIZE_GAP_MS);
	expect_log("");
	painted_source_show(&painted, 0, 0, 0);
	run_for(RESIZE_BLINK_MS);
	expect_log("mode 0 800x600;");
	/* All the time viewers see what was there. */
	ck_assert_uint_eq(screen_desktop(screen)->width, 1024);
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_REPLUG);
	ck_assert_uint_eq(screen_desktop(screen)->width, 800);
	/* Another guest follows nothing. */
	wish(0, 900, 600);
	run_for(RESIZE_REPLUG_MS + RESIZE_DARK_MS + RESIZE_GIVE_UP_MS + 100);
	expect_log("mode 0 900x600;mode 0 off;mode 0 900x600;");
	expect(0, RESIZE_NOT);
	ck_assert(!resize_is_waiting(resize));
	ck_assert_uint_eq(resize_status(resize, 0).width, 900);
	/* Late. */
	painted_source_show(&painted, 0, 900, 600);
	expect(0, RESIZE_BY_ITSELF);
}
END_TEST

START_TEST(a_session_may_ask_for_the_replug)
{
	has_session = true;
	strcpy(layout.session, "wayland");
	wish(0, 800, 600);
	run_for(RESIZE_CALM_MS + RESIZE_SESSION_MS + 50);
	expect_log("mode 0 800x600;");
	resize_applied(resize, 7, EAGAIN, true);
	expect_log("");
	resize_applied(resize, 1, EAGAIN, true);
	expect_log("mode 0 off;");
}
END_TEST

START_TEST(a_text_console_keeps_its_frame_buffer)
{
	has_session = true;
	strcpy(layout.session, "console");
	wish(0, 800, 600);
	run_for(RESIZE_CALM_MS + RESIZE_SESSION_MS + 50);
	resize_applied(resize, 1, 0, false);
	expect(0, RESIZE_BY_SESSION);
	run_for(RESIZE_REPLUG_MS);
	expect_log("mode 0 800x600;");
	ck_assert_int_eq(resize_status(resize, 0).by, SCREEN_BY_VIEWER);
}
END_TEST

START_TEST(places_and_scales_are_the_sessions)
{
	struct screen_wish wanted = {0};

	has_session = true;
	painted.follows = true;
	strcpy(layout.session, "wayland");
	wanted.head[0].named = wanted.head[0].enabled = true;
	wanted.head[0].scale_milli = 2000;
	wanted.head[1].named = wanted.head[1].enabled = true;
	wanted.head[1].width = 640;
	wanted.head[1].height = 480;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wanted), 0);
	run_for(RESIZE_CALM_MS + 50);
	expect(0, RESIZE_WAITING);
	expect(1, RESIZE_BY_ITSELF);
	ck_assert_uint_ge(asks, 1);
	ck_assert_uint_eq(asked.head[0].width, 1024);
	ck_assert_uint_eq(asked.head[0].scale_milli, 2000);
	/* In a row, as the desktop counts. */
	ck_assert_int_eq(asked.head[1].x, 512);
	resize_applied(resize, asks, 0, false);
	expect(0, RESIZE_BY_SESSION);
}
END_TEST

START_TEST(heads_come_and_go)
{
	struct screen_wish wanted = {.all = true};

	painted.follows = true;
	wish(1, 640, 480);
	run_for(RESIZE_CALM_MS + 30);
	expect_log("mode 1 640x480;");
	ck_assert(screen_desktop(screen)->head[1].enabled);
	wish(1, 0, 0);
	run_for(RESIZE_CALM_MS + SCREEN_DARK_MS + 60);
	expect_log("mode 1 off;");
	expect(1, RESIZE_BY_ITSELF);
	ck_assert(!screen_desktop(screen)->head[1].enabled);
	/* Only what is named stays. */
	wish(1, 640, 480);
	run_for(RESIZE_CALM_MS + 30);
	painted_source_log(&painted);
	wanted.head[1].named = wanted.head[1].enabled = true;
	wanted.head[1].width = wanted.head[1].height = 100;
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_VIEWER, &wanted), 0);
	run_for(RESIZE_CALM_MS + 30);
	expect_log("mode 0 off;mode 1 100x100;");
	/* An unplugged monitor that the guest goes on to show is asked about, never replugged. */
	painted.follows = false;
	wish(0, 640, 480);
	run_for(RESIZE_CALM_MS + 30);
	painted_source_show(&painted, 0, 640, 480);
	wish(0, 0, 0);
	painted_source_log(&painted);
	run_for(RESIZE_CALM_MS + RESIZE_REPLUG_MS + 100);
	expect_log("mode 0 off;");
	expect(0, RESIZE_NOT);
}
END_TEST

START_TEST(the_last_wish_wins_and_the_guest_may_change_it)
{
	painted.follows = true;
	wish(0, 800, 600);
	run_for(RESIZE_CALM_MS / 2);
	wish(0, 900, 700);
	run_for(RESIZE_CALM_MS + 30);
	expect_log("mode 0 800x600;mode 0 900x700;");
	painted_source_show(&painted, 0, 1280, 720);
	ck_assert_int_eq(resize_status(resize, 0).by, SCREEN_BY_GUEST);
	run_for(RESIZE_START_MS);
	expect_log("");
	/* That stays when another session comes. */
	has_session = true;
	strcpy(layout.session, "x11");
	resize_session_changed(resize);
	ck_assert_uint_eq(asks, 0);
}
END_TEST

START_TEST(what_one_session_could_not_another_is_asked_for)
{
	wish(0, 900, 700);
	run_for(RESIZE_REPLUG_MS + RESIZE_DARK_MS + RESIZE_GIVE_UP_MS + 100);
	expect(0, RESIZE_NOT);
	has_session = true;
	strcpy(layout.session, "x11");
	resize_session_changed(resize);
	ck_assert_uint_eq(asks, 1);
	ck_assert_uint_eq(asked.head[0].width, 900);
	painted_source_show(&painted, 0, 900, 700);
	expect(0, RESIZE_BY_SESSION);
	/* The same again asks nothing. */
	resize_session_changed(resize);
	ck_assert_uint_eq(asks, 1);
}
END_TEST

START_TEST(nobody_has_helped_who_is_not_there)
{
	wish(0, 800, 600);
	run_for(RESIZE_SESSION_MS + 50);
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_ITSELF);
}
END_TEST

static void guest_says(const char *session_name, const char *backend, uint32_t width,
		       uint32_t height)
{
	strcpy(layout.session, session_name);
	strcpy(layout.backend, backend);
	layout.head[0] = (struct guest_head){
		.known = true, .enabled = true, .width = width, .height = height};
	resize_session_changed(resize);
}

/* It wants a replug, and comes back as it was. */
static void replug_in_vain(void)
{
	has_session = true;
	guest_says("wayland", "wlr", 1024, 768);
	wish(0, 1366, 768);
	run_for(RESIZE_SESSION_MS + 10);
	ck_assert_uint_eq(asks, 1);
	resize_applied(resize, 1, EAGAIN, true);
	painted_source_show(&painted, 0, 0, 0);
	run_for(RESIZE_GAP_MS + RESIZE_BLINK_MS);
	expect_log("mode 0 1366x768;mode 0 off;mode 0 1366x768;");
}

START_TEST(the_session_is_asked_again_after_a_replug)
{
	replug_in_vain();
	painted_source_show(&painted, 0, 1024, 768);
	expect(0, RESIZE_WAITING);
	run_for(RESIZE_BACK_MS);
	ck_assert_uint_eq(asks, 2);
	ck_assert_uint_eq(asked.head[0].width, 1366);
	painted_source_show(&painted, 0, 1366, 768);
	expect(0, RESIZE_BY_SESSION);
	expect_log("");
}
END_TEST

START_TEST(however_late_it_is_back)
{
	replug_in_vain();
	run_for(RESIZE_GIVE_UP_MS);
	/* It has been asked, and has no such monitor yet: that is no answer. */
	ck_assert_uint_eq(asks, 2);
	resize_applied(resize, 2, ENODEV, false);
	expect(0, RESIZE_NOT);
	run_for(7000);
	for (unsigned int i = 0; i < RESIZE_ASKS_AGAIN; i++) {
		guest_says("wayland", "wlr", 1024, 768);
		run_for(RESIZE_BACK_MS);
		ck_assert_uint_eq(asks, 3 + i);
		resize_applied(resize, 3 + i, EIO, false);
		expect(0, RESIZE_NOT);
	}
	/* No more than that. */
	guest_says("wayland", "wlr", 1024, 768);
	run_for(RESIZE_BACK_MS + RESIZE_GIVE_UP_MS);
	ck_assert_uint_eq(asks, 2 + RESIZE_ASKS_AGAIN);
	expect_log("");
}
END_TEST

START_TEST(however_late_its_answer_is)
{
	replug_in_vain();
	run_for(2 * RESIZE_GIVE_UP_MS);
	ck_assert_uint_eq(asks, 2);
	expect(0, RESIZE_NOT);
	run_for(5000);
	resize_applied(resize, 2, EAGAIN, true);
	expect(0, RESIZE_WAITING);
	run_for(RESIZE_DARK_AGAIN_MS + 10);
	expect_log("mode 0 off;mode 0 1366x768;");
	run_for(2 * RESIZE_GIVE_UP_MS);
	ck_assert_uint_eq(asks, 3);
	expect(0, RESIZE_NOT);
	/* By now it is the guest's business. */
	run_for(RESIZE_LATE_MS);
	resize_applied(resize, 3, EAGAIN, true);
	expect(0, RESIZE_NOT);
	expect_log("");
}
END_TEST

START_TEST(another_wish_ends_what_the_last_one_began)
{
	replug_in_vain();
	run_for(RESIZE_GIVE_UP_MS);
	resize_applied(resize, 2, EIO, false);
	wish(0, 1024, 768);
	painted_source_show(&painted, 0, 1024, 768);
	run_for(1);
	expect(0, RESIZE_BY_ITSELF);
	guest_says("wayland", "wlr", 1024, 768);
	run_for(5000);
	ck_assert_uint_eq(asks, 2);
}
END_TEST

START_TEST(who_needed_help_gets_it_soon)
{
	has_session = true;
	guest_says("x11", "randr", 1024, 768);
	wish(0, 800, 600);
	run_for(RESIZE_SESSION_MS + 10);
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_SESSION);
	resize_applied(resize, 1, 0, false);
	wish(0, 900, 600);
	run_for(RESIZE_SOON_MS + 2);
	ck_assert_uint_eq(asks, 2);
	painted_source_show(&painted, 0, 900, 600);
	expect(0, RESIZE_BY_SESSION);
	/* Not who comes after it, nor who does it alone by now. */
	guest_says("x11", "mutter", 900, 600);
	wish(0, 800, 600);
	run_for(RESIZE_SESSION_MS - 10);
	ck_assert_uint_eq(asks, 2);
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_ITSELF);
}
END_TEST

START_TEST(another_backend_is_asked_for_what_is_not_met)
{
	has_session = true;
	guest_says("wayland", "wlr", 1024, 768);
	wish(0, 800, 600);
	run_for(RESIZE_SESSION_MS + 10);
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_SESSION);
	/* The compositor begins anew, with a size of its own. */
	painted_source_show(&painted, 0, 1024, 768);
	ck_assert_int_eq(resize_status(resize, 0).by, SCREEN_BY_GUEST);
	run_for(3000);
	ck_assert_uint_eq(asks, 1);
	guest_says("wayland", "kscreen", 1024, 768);
	ck_assert_uint_eq(asks, 2);
	ck_assert_uint_eq(asked.head[0].width, 800);
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_SESSION);
	ck_assert_int_eq(resize_status(resize, 0).by, SCREEN_BY_VIEWER);
}
END_TEST

START_TEST(a_late_answer_to_an_older_wish_is_not_the_last)
{
	wish(0, 800, 600);
	run_for(1);
	/* Back to what it still shows. */
	wish(0, 1024, 768);
	run_for(RESIZE_CALM_MS);
	expect(0, RESIZE_BY_ITSELF);
	expect_log("mode 0 800x600;mode 0 1024x768;");
	has_session = true;
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_WAITING);
	run_for(RESIZE_SESSION_MS);
	ck_assert_uint_eq(asks, 1);
	ck_assert_uint_eq(asked.head[0].width, 1024);
	painted_source_show(&painted, 0, 1024, 768);
	expect(0, RESIZE_BY_SESSION);
}
END_TEST

START_TEST(a_wish_in_a_replug_waits_for_its_end)
{
	wish(0, 800, 600);
	run_for(RESIZE_REPLUG_MS + 10);
	expect_log("mode 0 800x600;mode 0 off;");
	wish(0, 900, 700);
	run_for(RESIZE_CALM_MS);
	expect_log("");
	painted_source_show(&painted, 0, 0, 0);
	run_for(RESIZE_GAP_MS);
	expect_log("mode 0 900x700;");
	painted_source_show(&painted, 0, 900, 700);
	expect(0, RESIZE_BY_REPLUG);
}
END_TEST

/* As QEMU's, whose heads are dark when it is told so, whatever the guest does. */
static void takes_its_own_word(struct source *source, unsigned int head, bool enabled,
			       const struct rectangle *place, uint32_t width_mm, uint32_t height_mm)
{
	(void)width_mm;
	(void)height_mm;
	strcat(painted.log, enabled ? "on;" : "off;");
	if (!enabled)
		screen_head_changed(source->screen, head, 0, 0);
	(void)place;
}

START_TEST(the_session_says_that_it_is_dark)
{
	static struct source_ops ops;

	ops = *painted.source.ops;
	ops.set_mode = takes_its_own_word;
	painted.source.ops = &ops;
	has_session = true;
	guest_says("wayland", "weston", 1024, 768);
	wish(0, 800, 600);
	run_for(RESIZE_SESSION_MS + 10);
	resize_applied(resize, 1, EAGAIN, true);
	/* A slow guest. */
	run_for(RESIZE_DARK_MS - 100);
	expect_log("on;off;");
	layout.head[0] = (struct guest_head){0};
	resize_session_changed(resize);
	run_for(RESIZE_BLINK_MS);
	expect_log("on;");
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_REPLUG);
	/* Where there is none, it is a matter of time. */
	has_session = false;
	wish(0, 900, 600);
	run_for(RESIZE_REPLUG_MS + RESIZE_BLIND_MS - 10);
	expect_log("on;off;");
	run_for(20);
	expect_log("on;");
}
END_TEST

START_TEST(what_nobody_noticed_is_done_again_for_longer)
{
	has_session = true;
	guest_says("wayland", "weston", 1024, 768);
	wish(0, 800, 600);
	run_for(RESIZE_SESSION_MS + 10);
	resize_applied(resize, 1, EAGAIN, true);
	run_for(RESIZE_DARK_MS + RESIZE_GIVE_UP_MS + 20);
	expect_log("mode 0 800x600;mode 0 off;mode 0 800x600;");
	ck_assert_uint_eq(asks, 2);
	resize_applied(resize, 2, EAGAIN, true);
	run_for(RESIZE_DARK_AGAIN_MS - 100);
	expect_log("mode 0 off;");
	/* At last. */
	painted_source_show(&painted, 0, 0, 0);
	run_for(RESIZE_BLINK_MS + 10);
	expect_log("mode 0 800x600;");
	painted_source_show(&painted, 0, 800, 600);
	expect(0, RESIZE_BY_REPLUG);
	/* Twice is enough. */
	wish(0, 900, 600);
	run_for(RESIZE_SESSION_MS + 10);
	resize_applied(resize, 3, EAGAIN, true);
	run_for(RESIZE_DARK_MS + RESIZE_GIVE_UP_MS + 20);
	resize_applied(resize, 4, EAGAIN, true);
	run_for(RESIZE_DARK_AGAIN_MS + RESIZE_GIVE_UP_MS + 20);
	resize_applied(resize, 5, EAGAIN, true);
	expect(0, RESIZE_NOT);
	expect_log("mode 0 900x600;mode 0 off;mode 0 900x600;mode 0 off;mode 0 900x600;");
}
END_TEST

START_TEST(several_viewers_and_the_last_wins)
{
	struct viewer looks = {.view_only = true};
	struct screen_wish wanted = {0};

	painted.follows = true;
	wish(0, 800, 600);
	run_for(200);
	wish(0, 900, 700);
	run_for(200);
	expect_log("mode 0 800x600;mode 0 900x700;");
	wanted.head[0].named = wanted.head[0].enabled = true;
	wanted.head[0].width = wanted.head[0].height = 500;
	ck_assert_int_eq(screen_request(screen, &looks, SCREEN_BY_VIEWER, &wanted), -EPERM);
	ck_assert_int_eq(screen_request(screen, NULL, SCREEN_BY_USER, &wanted), 0);
	run_for(200);
	expect_log("mode 0 500x500;");
	ck_assert_int_eq(resize_status(resize, 0).by, SCREEN_BY_USER);
	/* The first viewer's window again. */
	wish(0, 800, 600);
	run_for(200);
	expect_log("mode 0 800x600;");
	ck_assert_int_eq(resize_status(resize, 0).by, SCREEN_BY_VIEWER);
}
END_TEST

START_TEST(another_source_is_told_the_monitors)
{
	struct painted_source other;

	painted.follows = true;
	wish(0, 800, 600);
	run_for(1);
	painted_source_init(&other);
	other.follows = true;
	other.source.heads = 0;
	screen_set_source(screen, &other.source);
	painted_source_show(&other, 0, 640, 480);
	ck_assert_str_eq(painted_source_log(&other), "");
	other.source.heads = 2;
	screen_source_ready(screen);
	ck_assert_str_eq(painted_source_log(&other), "mode 0 800x600;");
	expect(0, RESIZE_BY_ITSELF);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("resize");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, a_burst_is_its_first_and_its_last);
	tcase_add_test(tests, a_long_drag_is_followed_on_the_way);
	tcase_add_test(tests, every_mode_set_passes_through_nothing);
	tcase_add_test(tests, the_session_is_asked_when_the_desktop_does_not_follow);
	tcase_add_test(tests, a_replug_comes_last_and_once);
	tcase_add_test(tests, a_session_may_ask_for_the_replug);
	tcase_add_test(tests, a_text_console_keeps_its_frame_buffer);
	tcase_add_test(tests, places_and_scales_are_the_sessions);
	tcase_add_test(tests, heads_come_and_go);
	tcase_add_test(tests, the_last_wish_wins_and_the_guest_may_change_it);
	tcase_add_test(tests, what_one_session_could_not_another_is_asked_for);
	tcase_add_test(tests, nobody_has_helped_who_is_not_there);
	tcase_add_test(tests, the_session_is_asked_again_after_a_replug);
	tcase_add_test(tests, however_late_it_is_back);
	tcase_add_test(tests, however_late_its_answer_is);
	tcase_add_test(tests, another_wish_ends_what_the_last_one_began);
	tcase_add_test(tests, who_needed_help_gets_it_soon);
	tcase_add_test(tests, another_backend_is_asked_for_what_is_not_met);
	tcase_add_test(tests, a_late_answer_to_an_older_wish_is_not_the_last);
	tcase_add_test(tests, a_wish_in_a_replug_waits_for_its_end);
	tcase_add_test(tests, the_session_says_that_it_is_dark);
	tcase_add_test(tests, what_nobody_noticed_is_done_again_for_longer);
	tcase_add_test(tests, several_viewers_and_the_last_wins);
	tcase_add_test(tests, another_source_is_told_the_monitors);
	return suite_run_case("resize", tests);
}
