/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a client of the control socket asks and is told: sizes, info, files. */
#include "tests/unit/host/screen/control_world.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <sys/socket.h>

static struct control_world world;

static void setup(void)
{
	control_world_start(&world);
}

static void teardown(void)
{
	control_world_stop(&world);
}

START_TEST(a_display_is_set_and_told)
{
	struct control_answer answer, watch;
	struct screen_display wanted = {.width = 1023, .height = 767};
	struct screen_head head;
	struct stream *watching;

	world.painted.follows = true;
	painted_source_show(&world.painted, 0, 640, 480);
	watching = control_world_begin(&world, "screen.watch", NULL, NULL, &watch);
	control_world_call(&world, "screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, 0);
	control_answer_head(&answer, 0, &head);
	ck_assert_uint_eq(head.width, 1023);
	ck_assert_uint_eq(head.height, 767);
	ck_assert_uint_eq(head.requested_width, 1023);
	ck_assert(slice_is(head.by, "user"));
	ck_assert(slice_is(head.followed, "itself"));
	while (watch.messages == 0)
		uv_run(&world.loop, UV_RUN_ONCE);
	control_answer_head(&watch, 0, &head);
	ck_assert_uint_eq(head.width, 1023);
	stream_cancel(watching);
	control_world_finish(&world, &watch);
	ck_assert_int_eq(watch.error, 0);
	ck_assert_ptr_null(screen_viewers(world.services.screen));
	/* Nobody may switch the last one off, or ask for what cannot be. */
	wanted = (struct screen_display){.off = true};
	control_world_call(&world, "screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, -EINVAL);
	wanted = (struct screen_display){.width = 8193, .height = 1};
	control_world_call(&world, "screen.display", &message_screen_display, &wanted, &answer);
	control_answer_head(&answer, 0, &head);
	ck_assert_uint_eq(head.width, 8192);
	ck_assert_uint_eq(head.height, 64);
}
END_TEST

START_TEST(a_head_that_is_not_there_is_refused)
{
	struct control_answer answer;
	struct screen_display wanted = {.head = 9, .width = 640, .height = 480};

	painted_source_show(&world.painted, 0, 640, 480);
	world.painted.source.heads = 4;
	control_world_call(&world, "screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, -ENXIO);
	ck_assert_str_eq(answer.text, "it has 4 heads, the last is 3");
	wanted.off = true;
	control_world_call(&world, "screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, -ENXIO);
	wanted.head = 3;
	control_world_call(&world, "screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, 0);
	world.painted.source.heads = 0;
	control_world_call(&world, "screen.display", &message_screen_display, &wanted, &answer);
	ck_assert_int_eq(answer.error, -ENODEV);
	ck_assert_str_eq(answer.text, "there is no display yet");
}
END_TEST

START_TEST(info_of_a_screen_without_anything)
{
	struct control_answer answer;
	struct screen_info info;
	struct screen_head head;

	control_world_call(&world, "screen.info", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, 0);
	message_decode(&message_screen_info, control_answer_params(&answer), &info);
	ck_assert(slice_is(info.source, "painted"));
	control_answer_head(&answer, 0, &head);
	ck_assert_uint_eq(head.width, 0);
	ck_assert_uint_eq(head.requested_width, 0);
	control_world_call(&world, "screen.capture", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, -ENODATA);
	control_world_call(&world, "screen.nothing", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, -ENOSYS);
	control_world_call(&world, "screen.policy", NULL, NULL, &answer);
	ck_assert_int_eq(answer.error, 0);
}
END_TEST

/* The guest's agent. */
static struct played_end agent;

static void on_file(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct files_received received = {.size_bytes = 5,
						.name = SLICE_LITERAL("a (1).txt")};
	struct files_receive want;
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	(void)owner;
	ck_assert(slice_is(method, "files.receive"));
	ck_assert_int_eq(message_decode(&message_files_receive, params, &want), 0);
	ck_assert(slice_is(want.name, "a.txt"));
	message_encode(&message_files_received, &received, &writer);
	stream_reply(stream, cbor_written(&writer));
}

static void agent_comes(void)
{
	static const char *const files[] = {"files", NULL};
	int fd[2];

	agent.request = on_file;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	played_end_start(&agent, &world.loop, fd[1], SESSION_GUEST, files);
	ck_assert_int_eq(guest_attach(world.services.guest, fd[0]), 0);
	while (!guest_takes_files(world.services.guest))
		uv_run(&world.loop, UV_RUN_ONCE);
}

START_TEST(files_go_as_the_policy_allows)
{
	const struct files_receive want = {.name = SLICE_LITERAL("a.txt"), .size_bytes = 5};
	const struct screen_policy no_files = {.to_guest = SLICE_LITERAL("text,images")};
	const struct screen_policy files = {.to_guest = SLICE_LITERAL("files"), .max_bytes = 4096};
	struct files_received received;
	struct screen_policy policy;
	struct control_answer answer;

	control_world_call(&world, "screen.send-file", &message_files_receive, &want, &answer);
	ck_assert_int_eq(answer.error, -ENOTCONN);
	agent_comes();
	control_world_call(&world, "screen.policy", &message_screen_policy, &no_files, &answer);
	ck_assert_int_eq(answer.error, 0);
	control_world_call(&world, "screen.send-file", &message_files_receive, &want, &answer);
	ck_assert_int_eq(answer.error, -EPERM);
	control_world_call(&world, "screen.policy", &message_screen_policy, &files, &answer);
	ck_assert_int_eq(
		message_decode(&message_screen_policy, control_answer_params(&answer), &policy), 0);
	ck_assert(slice_is(policy.to_guest, "files"));
	ck_assert(slice_is(policy.to_host, "text"));
	ck_assert_uint_eq(policy.max_bytes, 4096);
	control_world_call(&world, "screen.send-file", &message_files_receive, &want, &answer);
	ck_assert_int_eq(answer.error, 0);
	ck_assert_int_eq(
		message_decode(&message_files_received, control_answer_params(&answer), &received),
		0);
	ck_assert(slice_is(received.name, "a (1).txt"));
	played_end_stop(&agent);
	while (guest_takes_files(world.services.guest))
		uv_run(&world.loop, UV_RUN_ONCE);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("control");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, files_go_as_the_policy_allows);
	tcase_add_test(tests, a_display_is_set_and_told);
	tcase_add_test(tests, a_head_that_is_not_there_is_refused);
	tcase_add_test(tests, info_of_a_screen_without_anything);
	return suite_run_case("control", tests);
}
