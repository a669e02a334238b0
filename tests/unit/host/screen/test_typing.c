/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text and keys, as the control socket takes them. */
#include "tests/unit/host/screen/control_world.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static struct control_world world;

static void setup(void)
{
	control_world_start(&world);
}

static void teardown(void)
{
	control_world_stop(&world);
}

static void expect_keys(const char *keys)
{
	ck_assert_str_eq(painted_source_log(&world.painted), keys);
}

START_TEST(text_is_typed_by_the_layout)
{
	struct control_answer answer;
	struct screen_type text = {.data = SLICE_LITERAL("aZ\n")};

	control_world_call(&world, "screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+30 -30 +42 +44 -44 -42 +28 -28 ");
	text = (struct screen_type){.data = SLICE_LITERAL("z@"), .layout = SLICE_LITERAL("de")};
	control_world_call(&world, "screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+21 -21 +100 +16 -16 -100 ");
	text = (struct screen_type){.data = SLICE_LITERAL("a\xe4\xb8\xad")};
	control_world_call(&world, "screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, -EILSEQ);
	ck_assert_ptr_nonnull(strstr(answer.text, "U+4E2D"));
	text = (struct screen_type){.data = SLICE_LITERAL("a\xff")};
	control_world_call(&world, "screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, -EILSEQ);
	text = (struct screen_type){.data = SLICE_LITERAL("a"), .layout = SLICE_LITERAL("xx")};
	control_world_call(&world, "screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, -ENOENT);
	expect_keys("");
	ck_assert_ptr_null(screen_viewers(world.services.screen));
}
END_TEST

START_TEST(a_look_types_nothing)
{
	struct control_answer answer;
	struct screen_type text = {.data = SLICE_LITERAL("aZ\n"), .look = true};

	control_world_call(&world, "screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, 0);
	text.data = (struct slice)SLICE_LITERAL("a\xe4\xb8\xad");
	control_world_call(&world, "screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, -EILSEQ);
	expect_keys("");
	ck_assert_ptr_null(screen_viewers(world.services.screen));
}
END_TEST

static struct screen_key names(uint8_t *bytes, size_t capacity, const char *first,
			       const char *second)
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = capacity};

	cbor_put_array(&writer, 2);
	cbor_put_text(&writer, slice_of(first));
	cbor_put_text(&writer, slice_of(second));
	return (struct screen_key){.keys = cbor_written(&writer)};
}

START_TEST(keys_are_pressed_by_name)
{
	uint8_t bytes[128];
	struct control_answer answer;
	struct screen_key keys = names(bytes, sizeof(bytes), "ctrl-alt-f2", "super");

	control_world_call(&world, "screen.key", &message_screen_key, &keys, &answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+29 +56 +60 -60 -56 -29 +125 -125 ");
	keys = names(bytes, sizeof(bytes), "a", "ctrl-foo");
	control_world_call(&world, "screen.key", &message_screen_key, &keys, &answer);
	ck_assert_int_eq(answer.error, -EINVAL);
	ck_assert_ptr_nonnull(strstr(answer.text, "ctrl-foo"));
	keys.keys = SLICE_LITERAL("\x82\x61\x61\x05");
	control_world_call(&world, "screen.key", &message_screen_key, &keys, &answer);
	ck_assert_int_lt(answer.error, 0);
	expect_keys("");
}
END_TEST

static void on_enough(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

START_TEST(a_busy_guest_or_machine_is_waited_for)
{
	struct control_answer answer;
	struct screen_type text = {.data = SLICE_LITERAL("a")};
	bool enough = false;
	uv_timer_t timer = {.data = &enough};

	world.busy = _i == 0;
	world.painted.is_behind = _i == 1;
	control_world_begin(&world, "screen.type", &message_screen_type, &text, &answer);
	uv_timer_init(&world.loop, &timer);
	/* Again and again: the first time may be before the loop begins to wait. */
	uv_timer_start(&timer, on_enough, 50, 50);
	while (!enough)
		uv_run(&world.loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	expect_keys("");
	world.busy = world.painted.is_behind = false;
	control_world_finish(&world, &answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+30 -30 ");
}
END_TEST

START_TEST(nobody_is_waited_for_for_ever)
{
	struct control_answer answer;
	struct screen_type text = {.data = SLICE_LITERAL("aa")};

	world.busy = true;
	control_world_call(&world, "screen.type", &message_screen_type, &text, &answer);
	ck_assert_int_eq(answer.error, 0);
	expect_keys("+30 -30 +30 -30 ");
}
END_TEST

START_TEST(a_cancelled_typist_lets_go)
{
	struct control_answer answer, second;
	struct screen_type text = {.data = SLICE_LITERAL("AAAAAAAAAAAAAAAA")};
	struct stream *stream =
		control_world_begin(&world, "screen.type", &message_screen_type, &text, &answer);

	control_world_begin(&world, "screen.type", &message_screen_type, &text, &second);
	while (!strstr(world.painted.log, "+30"))
		uv_run(&world.loop, UV_RUN_ONCE);
	stream_cancel(stream);
	control_world_finish(&world, &answer);
	ck_assert_int_eq(answer.error, -ECANCELED);
	/* The other one goes on. */
	control_world_finish(&world, &second);
	ck_assert_int_eq(second.error, 0);
	ck_assert_str_eq(world.painted.log + strlen(world.painted.log) - 8, "-30 -42 ");
	/* The client hangs up in the middle: keys go up. */
	control_world_begin(&world, "screen.type", &message_screen_type, &text, &answer);
	world.painted.log[0] = '\0';
	while (!strstr(world.painted.log, "+30"))
		uv_run(&world.loop, UV_RUN_ONCE);
	session_start(world.client.session);
	while (screen_viewers(world.services.screen))
		uv_run(&world.loop, UV_RUN_ONCE);
	ck_assert_str_eq(world.painted.log + strlen(world.painted.log) - 8, "-30 -42 ");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("typing");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, text_is_typed_by_the_layout);
	tcase_add_test(tests, a_look_types_nothing);
	tcase_add_test(tests, keys_are_pressed_by_name);
	tcase_add_loop_test(tests, a_busy_guest_or_machine_is_waited_for, 0, 2);
	tcase_add_test(tests, nobody_is_waited_for_for_ever);
	tcase_add_test(tests, a_cancelled_typist_lets_go);
	return suite_run_case("typing", tests);
}
