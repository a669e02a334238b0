/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clipboard on Wayland, in a sway without a screen, with wl-clipboard as the desktop's program.
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

	world_start_sway(&world);
	world_do(&world, "printf 'copied \\303\\251' | wl-copy 2>/dev/null");
	world_wait_offered(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT);
	world_check_read(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, "copied \303\251", 9);

	world_do(&world, "printf selected | wl-copy -p 2>/dev/null");
	world_wait_offered(&world, CLIPBOARD_PRIMARY, CLIPBOARD_TEXT);
	world_check_read(&world, CLIPBOARD_PRIMARY, CLIPBOARD_TEXT, "selected", 8);

	much = world_noise(MUCH);
	world_put(&world, "picture", much, MUCH);
	world_do(&world, "wl-copy -t image/png <picture 2>/dev/null");
	world_wait_offered(&world, CLIPBOARD_CLIPBOARD, "image/png");
	world_check_read(&world, CLIPBOARD_CLIPBOARD, "image/png", much, MUCH);
	world_check_read(&world, CLIPBOARD_PRIMARY, CLIPBOARD_TEXT, "selected", 8);
	free(much);

	world.offered_serial[CLIPBOARD_CLIPBOARD]--;
	ck_assert_int_eq(world_read(&world, CLIPBOARD_CLIPBOARD, "image/png", &much, &(size_t){0}),
			 -ESTALE);
	free(much);
	world_stop(&world);
}
END_TEST

START_TEST(test_to_desktop)
{
	struct world world;
	uint8_t *much = world_noise(MUCH);

	world_start_sway(&world);
	world_has_bytes(&world, "from h\303\264te", 11);
	world_offer(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT);
	world_do(&world, "wl-paste -n >out");
	world_check_file(&world, "out", "from h\303\264te", 11);
	world_do(&world, "wl-paste -n -t STRING >out");
	world_check_file(&world, "out", "from h\364te", 10);
	world_do(&world, "wl-paste -l >out && grep -qx UTF8_STRING out && "
			 "grep -qx 'text/plain;charset=utf-8' out");

	world_has_bytes(&world, much, MUCH);
	world_offer(&world, CLIPBOARD_CLIPBOARD, "image/png");
	world_do(&world, "wl-paste -t image/png >out");
	world_check_file(&world, "out", much, MUCH);
	free(much);

	world_has_bytes(&world, "mouse", 5);
	world_offer(&world, CLIPBOARD_PRIMARY, CLIPBOARD_TEXT);
	world_do(&world, "wl-paste -p -n >out");
	world_check_file(&world, "out", "mouse", 5);
	/* What came from the host is never told back. */
	ck_assert_uint_eq(world.offers[CLIPBOARD_CLIPBOARD], 0);
	ck_assert_uint_eq(world.offers[CLIPBOARD_PRIMARY], 0);

	/* A program copies: that counts now, and the host is told. */
	world_do(&world, "printf mine | wl-copy 2>/dev/null");
	world_wait_offered(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT);
	world_check_read(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, "mine", 4);
	world_stop(&world);
}
END_TEST

START_TEST(test_files)
{
	static const char list[] = "file:///tmp/a%20b\r\n# two\r\nfile:///tmp/c";
	static const char gnome[] = "copy\nfile:///tmp/a%20b\nfile:///tmp/c";
	struct world world;

	world_start_sway(&world);
	world_has_bytes(&world, list, strlen(list));
	world_offer(&world, CLIPBOARD_CLIPBOARD, "text/uri-list");
	world_do(&world, "wl-paste -n -t text/uri-list >out");
	world_check_file(&world, "out", list, strlen(list));
	world_do(&world, "wl-paste -n -t x-special/gnome-copied-files >out");
	world_check_file(&world, "out", gnome, strlen(gnome));
	ck_assert_str_eq(world.wanted, "text/uri-list");
	world_stop(&world);
}
END_TEST

START_TEST(test_refusals)
{
	struct world world;

	world_start_sway(&world);
	world.refuses = ENOENT;
	world_offer(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT);
	world_do(&world, "wl-paste -n >out");
	world_check_file(&world, "out", "", 0);
	ck_assert_uint_eq(world.wants, 1);
	/* The host goes: so does what it has promised. */
	stream_cancel(world.attach);
	world_pass(&world, 200);
	ck_assert_ptr_null(world.attach);
	ck_assert_int_ne(world_run(&world, "wl-paste -n >out 2>/dev/null"), 0);
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

	world_start_sway(&world);
	world.silent = true;
	world_offer(&world, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT);
	ck_assert_int_eq(world_run(&world, "(wl-paste >out 2>&1 &)"), 0);
	world_wait(&world, is_wanted);
	world_stop(&world);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("all");

	if (!world_has("sway") || !world_has("wl-copy"))
		return EXIT_SUCCESS;
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, test_to_host);
	tcase_add_test(tcase, test_to_desktop);
	tcase_add_test(tcase, test_files);
	tcase_add_test(tcase, test_refusals);
	tcase_add_test(tcase, test_ends_amid_a_paste);
	return suite_run_case("session's clipboard on Wayland", tcase);
}
