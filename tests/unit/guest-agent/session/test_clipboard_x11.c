/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clipboard on X11, on an X server of the test's own, with xclip as the desktop's program.
 */
#include "tests/unit/guest-agent/session/clipboard_world.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MUCH (20U << 20)

START_TEST(test_to_host)
{
	struct world world;
	uint8_t *much;
	unsigned int offers;

	world_start_x11(&world);
	world_do(&world, "printf 'copied \\303\\251' | xclip -selection "
			 "clipboard -i 2>/dev/null");
	world_wait_offered(&world, CLIPBOARD_CLIPBOARD, "UTF8_STRING");
	world_check_read(&world, CLIPBOARD_CLIPBOARD, "UTF8_STRING", "copied \303\251", 9);
	ck_assert_ptr_null(strstr(world.offered[CLIPBOARD_CLIPBOARD], "TARGETS"));

	world_do(&world, "printf selected | xclip -selection primary -i");
	world_wait_offered(&world, CLIPBOARD_PRIMARY, "UTF8_STRING");
	world_check_read(&world, CLIPBOARD_PRIMARY, "UTF8_STRING", "selected", 8);
	world_check_read(&world, CLIPBOARD_CLIPBOARD, "UTF8_STRING", "copied \303\251", 9);

	/* A picture, by INCR. */
	much = world_noise(MUCH);
	world_put(&world, "picture", much, MUCH);
	world_do(&world, "xclip -selection clipboard -t image/png -i picture");
	world_wait_offered(&world, CLIPBOARD_CLIPBOARD, "image/png");
	world_check_read(&world, CLIPBOARD_CLIPBOARD, "image/png", much, MUCH);
	free(much);

	/* Replaced: what was said of the last one is no more. */
	offers = world.offers[CLIPBOARD_CLIPBOARD];
	world.offered_serial[CLIPBOARD_CLIPBOARD]--;
	ck_assert_int_eq(world_read(&world, CLIPBOARD_CLIPBOARD, "image/png", &much, &(size_t){0}),
			 -ESTALE);
	free(much);
	world.offered_serial[CLIPBOARD_CLIPBOARD]++;
	ck_assert_uint_eq(world.offers[CLIPBOARD_CLIPBOARD], offers);
	world_stop(&world);
}
END_TEST

START_TEST(test_to_desktop)
{
	struct world world;
	uint8_t *much = world_noise(MUCH);
	unsigned int offers;

	world_start_x11(&world);
	offers = world.offers[CLIPBOARD_CLIPBOARD];
	world_has_bytes(&world, "from h\303\264te", 11);
	world_offer(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT);
	world_do(&world, "xclip -selection clipboard -o >out");
	world_check_file(&world, "out", "from h\303\264te", 11);
	ck_assert_str_eq(world.wanted, CLIPBOARD_TEXT);
	world_do(&world, "xclip -selection clipboard -t STRING -o -noutf8 >out");
	world_check_file(&world, "out", "from h\364te", 10);
	world_do(&world, "xclip -selection clipboard -t TARGETS -o >out && "
			 "grep -qx UTF8_STRING out && grep -qx TIMESTAMP out && "
			 "grep -qx 'text/plain;charset=utf-8' out");
	world_do(&world, "xclip -selection clipboard -t TIMESTAMP -o >out");
	ck_assert_int_ne(
		world_run(&world, "xclip -selection clipboard -t MULTIPLE -o >out 2>/dev/null"), 0);
	ck_assert_int_ne(
		world_run(&world, "xclip -selection clipboard -t image/png -o >out 2>/dev/null"),
		0);

	world_has_bytes(&world, much, MUCH);
	world_offer(&world, CLIPBOARD_CLIPBOARD, "image/png");
	world_do(&world, "xclip -selection clipboard -t image/png -o >out");
	world_check_file(&world, "out", much, MUCH);
	free(much);

	world_has_bytes(&world, "mouse", 5);
	world_offer(&world, CLIPBOARD_PRIMARY, CLIPBOARD_TEXT);
	world_do(&world, "xclip -selection primary -o >out");
	world_check_file(&world, "out", "mouse", 5);
	/* What came from the host is never told back. */
	ck_assert_uint_eq(world.offers[CLIPBOARD_CLIPBOARD], offers);
	ck_assert_uint_eq(world.offers[CLIPBOARD_PRIMARY], 0);
	world_stop(&world);
}
END_TEST

START_TEST(test_files)
{
	static const char list[] = "file:///tmp/a%20b\r\n# two\r\nfile:///tmp/c";
	static const char gnome[] = "copy\nfile:///tmp/a%20b\nfile:///tmp/c";
	struct world world;

	world_start_x11(&world);
	world_has_bytes(&world, list, strlen(list));
	world_offer(&world, CLIPBOARD_CLIPBOARD, "text/uri-list");
	world_do(&world, "xclip -selection clipboard -t text/uri-list -o >out");
	world_check_file(&world, "out", list, strlen(list));
	world_do(&world, "xclip -selection clipboard -t x-special/gnome-copied-files -o >out");
	world_check_file(&world, "out", gnome, strlen(gnome));
	ck_assert_str_eq(world.wanted, "text/uri-list");
	world_stop(&world);
}
END_TEST

START_TEST(test_refusals)
{
	struct world world;
	unsigned int wants;

	world_start_x11(&world);
	world.refuses = ENOENT;
	world_offer(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT);
	ck_assert_int_ne(world_run(&world, "xclip -selection clipboard -o >out 2>/dev/null"), 0);
	ck_assert_uint_ge(world.wants, 1); /* it tries several names of text */
	wants = world.wants;
	/* The host goes: so does what it has promised. */
	world.refuses = 0;
	stream_cancel(world.attach);
	world_pass(&world, 200);
	ck_assert_ptr_null(world.attach);
	ck_assert_int_ne(world_run(&world, "xclip -selection clipboard -o >out 2>/dev/null"), 0);
	ck_assert_uint_eq(world.wants, wants);
	world_stop(&world);
}
END_TEST

static bool is_wanted(struct world *world)
{
	return world->wants > 0;
}

START_TEST(test_ends_amid_a_paste)
{
	struct world world;

	world_start_x11(&world);
	world.silent = true;
	world_offer(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT);
	ck_assert_int_eq(world_run(&world, "(xclip -selection clipboard -o >out 2>&1 &)"), 0);
	world_wait(&world, is_wanted);
	world_stop(&world);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("all");

	if (!world_has("Xvfb") || !world_has("xclip"))
		return EXIT_SUCCESS;
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, test_to_host);
	tcase_add_test(tcase, test_to_desktop);
	tcase_add_test(tcase, test_files);
	tcase_add_test(tcase, test_refusals);
	tcase_add_test(tcase, test_ends_amid_a_paste);
	return suite_run_case("session's clipboard on X11", tcase);
}
