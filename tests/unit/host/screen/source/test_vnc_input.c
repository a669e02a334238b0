/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys and the pointer on their way to a VNC server. */
#include "tests/unit/host/screen/source/played_vnc.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <linux/input-event-codes.h>

static struct played_vnc vnc;

static void setup(void)
{
	played_vnc_open(&vnc);
}

static void teardown(void)
{
	played_vnc_close(&vnc);
}

START_TEST(keys_are_scancodes_with_the_layouts_keysym)
{
	played_vnc_begin(&vnc);
	screen_key(&vnc.viewer, KEY_Y, true); /* "z" to the Germans */
	EXPECT(&vnc, 255, 0, 0, 1, 0, 0, 0, 'z', 0, 0, 0, 0x15);
	screen_key(&vnc.viewer, KEY_Y, false);
	EXPECT(&vnc, 255, 0, 0, 0, 0, 0, 0, 'z', 0, 0, 0, 0x15);
	screen_key(&vnc.viewer, KEY_RIGHTCTRL, true);
	EXPECT(&vnc, 255, 0, 0, 1, 0, 0, 0xff, 0xe4, 0, 0, 0, 0x9d);
}
END_TEST

START_TEST(whether_keys_were_taken_is_asked)
{
	struct source *source;

	played_vnc_begin(&vnc);
	source = screen_source(vnc.screen);
	played_vnc_say_size(&vnc, 0, 0, WIDTH, HEIGHT);
	ck_assert(!source->ops->is_behind(source));
	played_vnc_expect_nothing(&vnc);
	screen_key(&vnc.viewer, KEY_A, true);
	EXPECT(&vnc, 255, 0, 0, 1, 0, 0, 0, 'a', 0, 0, 0, 0x1e);
	ck_assert(source->ops->is_behind(source));
	ck_assert(source->ops->is_behind(source));
	played_vnc_expect(&vnc, played_vnc_first_request, sizeof(played_vnc_first_request));
	played_vnc_say_size(&vnc, 0, 0, WIDTH, HEIGHT);
	ck_assert(!source->ops->is_behind(source));
	played_vnc_expect_nothing(&vnc);
}
END_TEST

START_TEST(an_old_server_answers_with_pixels)
{
	struct source *source;

	played_vnc_begin(&vnc);
	source = screen_source(vnc.screen);
	ck_assert(!source->ops->is_behind(source));
	screen_key(&vnc.viewer, KEY_A, true);
	ck_assert(source->ops->is_behind(source));
	played_vnc_say_picture(&vnc, 0);
	ck_assert(!source->ops->is_behind(source));
}
END_TEST

START_TEST(a_tablet_is_told_places)
{
	played_vnc_begin(&vnc);
	screen_pointer(&vnc.viewer, 5, 3, 0);
	EXPECT(&vnc, 5, 0, 0, 5, 0, 3);
	screen_pointer(&vnc.viewer, 5, 3, 4);
	EXPECT(&vnc, 5, 0, 0, 5, 0, 3, 5, 4, 0, 5, 0, 3);
	screen_wheel(&vnc.viewer, 0, -1);
	EXPECT(&vnc, 5, 20, 0, 5, 0, 3, 5, 4, 0, 5, 0, 3);
	screen_motion(&vnc.viewer, 100, -1, 4);
	EXPECT(&vnc, 5, 4, 0, WIDTH - 1, 0, 2);
}
END_TEST

START_TEST(a_mouse_is_told_how_far)
{
	played_vnc_begin(&vnc);
	played_vnc_say_rectangle(&vnc, 0, RFB_QEMU_MOTION);
	screen_pointer(&vnc.viewer, 5, 3, 0);
	played_vnc_expect_nothing(&vnc); /* from where? */
	screen_pointer(&vnc.viewer, 7, 2, 0);
	EXPECT(&vnc, 5, 0, 0x80, 0x01, 0x7f, 0xfe);
	screen_motion(&vnc.viewer, -2, 0, 1);
	EXPECT(&vnc, 5, 0, 0x7f, 0xfd, 0x7f, 0xff, 5, 1, 0x7f, 0xff, 0x7f, 0xff);
	screen_motion(&vnc.viewer, 1000000, 0, 1);
	EXPECT(&vnc, 5, 1, 0xff, 0xfe, 0x7f, 0xff);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("source/vnc-input");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, keys_are_scancodes_with_the_layouts_keysym);
	tcase_add_test(tests, whether_keys_were_taken_is_asked);
	tcase_add_test(tests, an_old_server_answers_with_pixels);
	tcase_add_test(tests, a_tablet_is_told_places);
	tcase_add_test(tests, a_mouse_is_told_how_far);
	return suite_run_case("source/vnc-input", tests);
}
