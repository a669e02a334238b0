/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is copied on one side comes when it is pasted on the other. */
#include "tests/unit/host/screen/clipboard_world.h"

START_TEST(text_of_the_guest_comes_when_it_is_pasted)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	world.has = "two\r\nlines";
	GUEST_COPIES(&world, "TARGETS", "STRING", "UTF8_STRING", "text/plain");
	ck_assert_uint_eq(seen(&world.viewer[0]).count, 1);
	ck_assert_str_eq(seen(&world.viewer[0]).type[0], CLIPBOARD_TEXT);
	ck_assert_uint_eq(world.viewer[0].changes, 1);
	ck_assert_uint_eq(world.reads, 0);
	paste_start(&world, &world.viewer[0], CLIPBOARD_TEXT, 100, &answer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, 0);
	ck_assert_str_eq((char *)answer.bytes, "two\nlines");
	/* What the guest has is not offered to it. */
	ck_assert_uint_eq(world.offers, 0);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

START_TEST(one_fetch_serves_all_who_wait)
{
	struct world world;
	struct answer first = {0}, second = {0}, third = {0};
	struct clipboard_paste *given_up;

	world_new(&world, false);
	world.silent = true;
	GUEST_COPIES(&world, "text/plain;charset=utf-8");
	paste_start(&world, &world.viewer[0], CLIPBOARD_TEXT, 100, &first);
	paste_start(&world, &world.viewer[1], CLIPBOARD_TEXT, 3, &second);
	given_up = paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &third);
	calm(&world);
	ck_assert_uint_eq(world.reads, 1);
	clipboard_paste_cancel(given_up);
	stream_send(world.read, 1, "late", 4);
	stream_reply(world.read, (struct slice){0});
	await(&world, &first);
	await(&world, &second);
	ck_assert_str_eq((char *)first.bytes, "late");
	ck_assert_int_eq(second.error, -EFBIG);
	ck_assert(!third.done);
	free(first.bytes);
	free(second.bytes);
	world_free(&world);
}
END_TEST

START_TEST(nobody_waits_so_the_guest_is_told_to_stop)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	world.silent = true;
	GUEST_COPIES(&world, "text/plain");
	clipboard_paste_cancel(paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer));
	calm(&world);
	ck_assert(world.read_cancelled);
	/* A viewer that goes takes its pastes with it. */
	world.read_cancelled = false;
	paste_start(&world, &world.viewer[0], CLIPBOARD_TEXT, 100, &answer);
	clipboard_forget(world.clipboard, &world.viewer[0].viewer);
	calm(&world);
	ck_assert(world.read_cancelled);
	ck_assert(!answer.done);
	world_free(&world);
}
END_TEST

START_TEST(a_guest_that_never_answers_or_never_ends_is_left)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	clipboard_set_policy(world.clipboard, (struct clipboard_policy){.to_host = CLIPBOARD_ALL});
	world.sized = true;
	GUEST_COPIES(&world, "text/plain", "image/png");
	paste_start(&world, NULL, "image/png", 5 << 20, &answer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -EFBIG);
	world.sized = false;
	world.silent = true;
	paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ETIMEDOUT);
	world.silent = false;
	world.has = NULL;
	paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ENOENT);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

START_TEST(a_new_copy_ends_what_was_under_way)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	world.silent = true;
	GUEST_COPIES(&world, "text/plain");
	paste_start(&world, NULL, CLIPBOARD_TEXT, 100, &answer);
	GUEST_COPIES(&world, "text/plain");
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ESTALE);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

START_TEST(text_of_a_viewer_leaves_when_the_guest_wants_it)
{
	struct world world;

	world_new(&world, false);
	world.viewer[0].answers = true;
	ck_assert_int_eq(viewer_copies(&world.viewer[0], "UTF8_STRING"), 0);
	ck_assert_str_eq(world.offered, "clipboard: text/plain;charset=utf-8");
	ck_assert_uint_eq(world.viewer[0].wants, 0);
	/* Not shown to who has it, but to the other viewer only if both ways allow it. */
	ck_assert_uint_eq(seen(&world.viewer[0]).serial, 0);
	ck_assert_uint_eq(seen(&world.viewer[1]).count, 1);
	ck_assert_uint_eq(world.viewer[0].changes, 0);
	ck_assert_uint_eq(world.viewer[1].changes, 1);
	guest_wants(&world, world.offered_serial, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, 0);
	ck_assert_uint_eq(world.got_length, 16);
	ck_assert_mem_eq(world.got, "from the viewer\n", 16);
	ck_assert_str_eq(world.viewer[0].type, "UTF8_STRING");
	world_free(&world);
}
END_TEST

START_TEST(the_guest_gets_only_what_it_was_shown)
{
	struct world world;

	world_new(&world, false);
	world.viewer[0].answers = true;
	guest_wants(&world, 1, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, ESTALE);
	viewer_copies(&world.viewer[0], CLIPBOARD_TEXT);
	guest_wants(&world, world.offered_serial + 1, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, ESTALE);
	guest_wants(&world, world.offered_serial, "image/png");
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, ESTALE);
	/* Its viewer was put on watching only. */
	world.viewer[0].viewer.view_only = true;
	guest_wants(&world, world.offered_serial, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, EPERM);
	world.viewer[0].viewer.view_only = false;
	/* The policy has changed since. */
	allow(&world, CLIPBOARD_OFF, CLIPBOARD_ALL);
	ck_assert_str_eq(world.offered, "clipboard:");
	guest_wants(&world, world.offered_serial, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_number, ESTALE);
	ck_assert_uint_eq(world.viewer[0].wants, 0);
	ck_assert_int_eq(viewer_copies(&world.viewer[0], CLIPBOARD_TEXT), -EPERM);
	world_free(&world);
}
END_TEST

START_TEST(a_viewer_goes_and_with_it_what_it_had)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	viewer_copies(&world.viewer[0], CLIPBOARD_TEXT);
	paste_start(&world, &world.viewer[1], CLIPBOARD_TEXT, 100, &answer);
	ck_assert_uint_eq(world.viewer[0].wants, 1);
	clipboard_forget(world.clipboard, &world.viewer[0].viewer);
	await(&world, &answer);
	ck_assert_int_eq(answer.error, -ESTALE);
	ck_assert_int_eq(clipboard_answer(world.clipboard, &world.viewer[0].viewer,
					  world.viewer[0].wanted, "x", 1),
			 -ESTALE);
	calm(&world);
	ck_assert_str_eq(world.offered, "clipboard:");
	free(answer.bytes);
	world_free(&world);
}
END_TEST

START_TEST(bytes_may_be_there_already)
{
	struct world world;
	struct answer answer = {0};

	world_new(&world, false);
	ck_assert_int_eq(clipboard_copied_bytes(world.clipboard, &world.viewer[0].viewer,
						CLIPBOARD_CLIPBOARD, "STRING", "gr\xfc\xdf\r", 5),
			 0);
	paste_start(&world, &world.viewer[1], CLIPBOARD_TEXT, 100, &answer);
	await(&world, &answer);
	ck_assert_str_eq((char *)answer.bytes, "gr\xc3\xbc\xc3\x9f\n");
	calm(&world);
	guest_wants(&world, world.offered_serial, CLIPBOARD_TEXT);
	run_until(&world, guest_got);
	ck_assert_uint_eq(world.got_length, 7);
	/* Its owner takes it back, and only its owner can. */
	clipboard_copied(world.clipboard, &world.viewer[1].viewer, CLIPBOARD_CLIPBOARD, NULL, 0,
			 on_wanted);
	calm(&world);
	ck_assert_uint_eq(seen(&world.viewer[1]).count, 1);
	clipboard_copied(world.clipboard, &world.viewer[0].viewer, CLIPBOARD_CLIPBOARD, NULL, 0,
			 on_wanted);
	calm(&world);
	ck_assert_uint_eq(seen(&world.viewer[1]).count, 0);
	free(answer.bytes);
	world_free(&world);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("clipboard");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, text_of_the_guest_comes_when_it_is_pasted);
	tcase_add_test(tests, one_fetch_serves_all_who_wait);
	tcase_add_test(tests, nobody_waits_so_the_guest_is_told_to_stop);
	tcase_add_test(tests, a_guest_that_never_answers_or_never_ends_is_left);
	tcase_add_test(tests, a_new_copy_ends_what_was_under_way);
	tcase_add_test(tests, text_of_a_viewer_leaves_when_the_guest_wants_it);
	tcase_add_test(tests, the_guest_gets_only_what_it_was_shown);
	tcase_add_test(tests, a_viewer_goes_and_with_it_what_it_had);
	tcase_add_test(tests, bytes_may_be_there_already);
	return suite_run_case("clipboard", tests);
}
