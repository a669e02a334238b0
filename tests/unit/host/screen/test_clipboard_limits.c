/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may pass, how much, and a guest that has nobody for it. */
#include "tests/unit/host/screen/clipboard_world.h"

START_TEST(the_policy_holds_by_direction_and_type)
{
	struct world world;

	world_new(&world, false);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_ALL);
	GUEST_COPIES(&world, "image/png", "UTF8_STRING", "text/html");
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 3);
	ck_assert_str_eq(seen(&world.viewer[0]).type[1], CLIPBOARD_TEXT);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_TEXT_ONLY);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], CLIPBOARD_TEXT);
	world.viewer[1].viewer.view_only = true;
	ck_assert_uint_eq(seen(&world.viewer[1]).count, 0);
	world.viewer[1].viewer.view_only = false;
	GUEST_COPIES(&world, "image/png");
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_OFF);
	GUEST_COPIES(&world, "UTF8_STRING");
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	/* Secrets go only where everything does. */
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_TEXT_ONLY);
	guest_copies_as(&world, "clipboard", 8, (const char *const[]){"UTF8_STRING"}, 1, true);
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	GUEST_COPIES(&world, "UTF8_STRING", CLIPBOARD_SECRET);
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_ALL);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	/* PRIMARY only if it was asked for. */
	guest_copies_as(&world, "primary", 9, (const char *const[]){"STRING"}, 1, false);
	ck_assert_uint_eq(
		clipboard_types(world.clipboard, &world.viewer[0].viewer, CLIPBOARD_PRIMARY).serial,
		0);
	clipboard_set_policy(world.clipboard,
			     (struct clipboard_policy){.to_host = CLIPBOARD_ALL, .primary = true});
	ck_assert_uint_eq(
		clipboard_types(world.clipboard, &world.viewer[0].viewer, CLIPBOARD_PRIMARY).count,
		1);
	world_free(&world);
}
END_TEST

START_TEST(the_policy_knows_kinds)
{
	struct world world;

	world_new(&world, false);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_TEXT_ONLY | CLIPBOARD_IMAGES);
	GUEST_COPIES(&world, "text/html", "image/png", "text/uri-list", "UTF8_STRING");
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 2);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], "image/png");
	ck_assert_str_eq(seen(&world.viewer[0]).type[1], CLIPBOARD_TEXT);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_FILES);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], "text/uri-list");
	/* Not even secret files. */
	guest_copies_as(&world, "clipboard", 20, (const char *const[]){"text/uri-list"}, 1, true);
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	/* Between viewers: what both directions allow. */
	allow(&world, CLIPBOARD_TEXT_ONLY | CLIPBOARD_IMAGES, CLIPBOARD_IMAGES | CLIPBOARD_FILES);
	clipboard_copied(world.clipboard, &world.viewer[1].viewer, CLIPBOARD_CLIPBOARD,
			 (const char *const[]){"UTF8_STRING", "image/png", "text/uri-list"}, 3,
			 on_wanted);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], "image/png");
	world_free(&world);
}
END_TEST

static void count(void *owner)
{
	(*(unsigned int *)owner)++;
}

START_TEST(another_policy_is_told)
{
	struct world world;
	unsigned int changes = 0;

	world_new(&world, false);
	clipboard_watch_policy(world.clipboard, count, &changes);
	ck_assert_uint_eq(changes, 0);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_OFF);
	ck_assert_uint_eq(changes, 1);
	world_free(&world);
}
END_TEST

START_TEST(the_policy_bounds_copies)
{
	struct world world;

	world_new(&world, false);
	clipboard_set_policy(world.clipboard,
			     (struct clipboard_policy){.to_guest = CLIPBOARD_ALL, .max_bytes = 3});
	ck_assert_int_eq(clipboard_copied_bytes(world.clipboard, &world.viewer[0].viewer,
						CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, "four", 4),
			 -EFBIG);
	ck_assert_int_eq(clipboard_copied_bytes(world.clipboard, &world.viewer[0].viewer,
						CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, "two", 3),
			 0);
	world_free(&world);
}
END_TEST

START_TEST(offers_are_bounded)
{
	static char name[200][CLIPBOARD_TYPE_MAX + 20];
	const char *types[200];
	struct world world;

	world_new(&world, false);
	allow(&world, CLIPBOARD_ALL, CLIPBOARD_ALL);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		snprintf(name[i], sizeof(name[i]), i % 2 ? "x/%zu" : "x/%0140zu", i);
		types[i] = name[i];
	}
	guest_copies_as(&world, "clipboard", 1, types, ARRAY_SIZE(types), false);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, CLIPBOARD_MAX_TYPES);
	for (size_t i = 0; i < CLIPBOARD_MAX_TYPES; i++)
		ck_assert_str_eq(seen(&world.viewer[0]).type[i], name[2 * i + 1]);
	/* The same again, and again: said once. */
	world.viewer[0].changes = 0;
	guest_copies_as(&world, "nonsense", 1, types, 1, false);
	for (int i = 0; i < 100; i++) {
		clipboard_copied(world.clipboard, &world.viewer[1].viewer, CLIPBOARD_CLIPBOARD,
				 types + 1, 1, on_wanted);
	}
	calm(&world);
	ck_assert_uint_eq(world.viewer[0].changes, 1);
	ck_assert_uint_eq(world.offers, 1);
	world_free(&world);
}
END_TEST

START_TEST(a_guest_without_a_desktop_is_asked_again_later)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, true);
	viewer_copies(&world.viewer[0], CLIPBOARD_TEXT);
	ck_assert_ptr_null(world.attach);
	world.detached = false;
	clipboard_guest_changed(world.clipboard);
	run_until(&world, attached);
	calm(&world);
	ck_assert_str_eq(world.offered, "clipboard: text/plain;charset=utf-8");
	/* The desktop goes, and what it had; another comes after a while. */
	world.has = "x";
	GUEST_COPIES(&world, "STRING");
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	stream_fail(world.attach, ENOTCONN, NULL);
	world.attach = NULL;
	calm(&world);
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 0);
	run_until(&world, attached);
	/* The agent goes in the middle. */
	world.silent = true;
	GUEST_COPIES(&world, "STRING");
	paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer);
	calm(&world);
	clipboard_guest_lost(world.clipboard);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ECONNRESET);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("clipboard limits");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_policy_holds_by_direction_and_type);
	tcase_add_test(tests, the_policy_knows_kinds);
	tcase_add_test(tests, another_policy_is_told);
	tcase_add_test(tests, the_policy_bounds_copies);
	tcase_add_test(tests, offers_are_bounded);
	tcase_add_test(tests, a_guest_without_a_desktop_is_asked_again_later);
	return suite_run_case("clipboard limits", tests);
}
