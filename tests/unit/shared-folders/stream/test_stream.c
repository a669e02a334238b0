/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions of mounters: opened, lost, come back for, and ended by nonsense. */
#include "tests/unit/shared-folders/stream/stream_world.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

static struct stream_world world;

START_TEST(requests_are_run_and_answered)
{
	struct client client;
	uint8_t *big = calloc(1, SERVER_MAX_PAYLOAD);

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client_open(&client, false, 0);
	ck_assert(!client.opened.resumed);
	client_say(&client, FAKE_ECHO, 1, 1, "abc", 3);
	client_say(&client, FAKE_SILENT, 2, 1, NULL, 0);
	client_say(&client, FAKE_ECHO, 3, 1, big, SERVER_MAX_PAYLOAD);
	client_say_room(&client, 4, SERVER_MAX_PAYLOAD);
	UNTIL(&world, client.received == 3);
	ck_assert_uint_eq(client.replies[1], 1);
	ck_assert_uint_eq(client.replies[2], 0);
	ck_assert_uint_eq(client.replies[3], 1);
	ck_assert_uint_eq(client.replies[4], 1);
	ck_assert_uint_eq(fake_server_runs(2), 1);
	ck_assert_uint_eq(client.bytes,
			  3 * sizeof(struct fuse_out_header) + 3 + 2 * SERVER_MAX_PAYLOAD);
	stream_end(client.stream, 0);
	UNTIL(&world, client.closed && fake_servers() == 0);
	ck_assert_int_eq(client.error, 0);
	ck_assert(!stream_server_is_in_use(world.server));
	client_drop(&client);
	free(big);
	stream_world_finish(&world);
}
END_TEST

START_TEST(nothing_is_run_twice_or_lost_when_a_stream_is)
{
	struct client client;
	uint64_t received;

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client_open(&client, false, 0);
	for (uint64_t unique = 1; unique <= 40; unique++)
		client_say(&client, FAKE_ECHO, unique, 1, "abc", 3);
	/* Half a request goes lost with the stream. */
	UNTIL(&world, client.received >= 20);
	received = 20;
	UNTIL(&world, fake_server_runs(40) == 1);
	client_drop(&client);
	client_connect(&client, &world);
	client_open(&client, true, received);
	ck_assert(client.opened.resumed);
	ck_assert_uint_eq(client.opened.received, 40);
	UNTIL(&world, client.received == 40);
	for (uint64_t unique = 1; unique <= 40; unique++)
		ck_assert_uint_eq(fake_server_runs(unique), 1);
	ck_assert_uint_eq(fake_servers_made(), 1);
	/* What is acknowledged is not sent again. */
	client_acknowledge(&client, 0);
	client_say(&client, FAKE_ECHO, 41, 1, NULL, 0);
	UNTIL(&world, client.replies[41] == 1);
	client_drop(&client);
	client_connect(&client, &world);
	client_open(&client, true, 39);
	ck_assert_msg(!client.opened.resumed, "39 is less than what was acknowledged");
	ck_assert_msg(!fake_server_is_crowded(fake_server_latest()),
		      "the other one ends, or is gone");
	UNTIL(&world, fake_servers() == 1);
	client_drop(&client);
	stream_world_finish(&world);
}
END_TEST

START_TEST(half_a_request_goes_with_its_stream)
{
	struct client client;
	struct fuse_in_header header = {
		.len = sizeof(header) + 3, .opcode = FAKE_ECHO, .unique = 9, .nodeid = 1};

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client_open(&client, false, 0);
	client_say(&client, FAKE_ECHO, 1, 1, NULL, 0);
	memcpy(client.out + client.out_length, &header, sizeof(header));
	client.out_length += sizeof(header) - 10;
	client_send_more(&client);
	UNTIL(&world, client.replies[1] == 1);
	client_drop(&client);
	client_connect(&client, &world);
	client_open(&client, true, 1);
	ck_assert(client.opened.resumed);
	ck_assert_uint_eq(client.opened.received, 1);
	client_say(&client, FAKE_ECHO, 9, 1, "abc", 3);
	UNTIL(&world, client.replies[9] == 1);
	client_drop(&client);
	stream_world_finish(&world);
}
END_TEST

START_TEST(a_session_that_nobody_comes_for_ends)
{
	struct client client;

	stream_world_begin(&world, 1);
	client_connect(&client, &world);
	client_open(&client, false, 0);
	client_say(&client, FAKE_WAIT, 1, 1, NULL, 0);
	UNTIL(&world, fake_server_runs(1) == 1);
	client_drop(&client);
	UNTIL(&world, !stream_server_is_in_use(world.server));
	ck_assert_uint_eq(fake_servers(), 0);
	client_connect(&client, &world);
	client_open(&client, true, 0);
	ck_assert(!client.opened.resumed);
	client_drop(&client);
	stream_world_finish(&world);
}
END_TEST

static void expect_end(const struct fuse_in_header *header)
{
	struct client client;

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client_open(&client, false, 0);
	memcpy(client.out, header, sizeof(*header));
	client.out_length = sizeof(*header);
	client_send_more(&client);
	UNTIL(&world, client.closed && !stream_server_is_in_use(world.server));
	ck_assert_int_eq(client.error, -EPROTO);
	client_drop(&client);
	stream_world_finish(&world);
}

START_TEST(it_is_unused_when_nobody_can_come_back)
{
	struct client client;

	stream_world_begin(&world, 1);
	client_connect(&client, &world);
	client_open(&client, false, 0);
	client_drop(&client);
	UNTIL(&world, world.unused > 0);
	ck_assert_uint_eq(fake_servers(), 0);
	/* Without a session, as soon as the connection ends. */
	client_connect(&client, &world);
	UNTIL(&world, client.end.established);
	client_drop(&client);
	UNTIL(&world, world.unused > 1);
	ck_assert_uint_eq(world.unused, 2);
	stream_world_finish(&world);
}
END_TEST

START_TEST(nonsense_ends_the_session)
{
	static const struct fuse_in_header headers[] = {
		{.len = 0, .opcode = FAKE_ECHO, .unique = 1},
		{.len = sizeof(struct fuse_in_header) - 1, .opcode = FAKE_ECHO, .unique = 1},
		{.len = SERVER_MAX_MESSAGE + 1, .opcode = FAKE_ECHO, .unique = 1},
		{.len = UINT32_MAX, .opcode = FAKE_ECHO, .unique = 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		expect_end(&headers[i]);
}
END_TEST

START_TEST(what_nobody_sent_cannot_have_been_received)
{
	for (uint64_t i = 0; i < 2; i++) {
		struct client client;

		stream_world_begin(&world, 0);
		client_connect(&client, &world);
		client_open(&client, false, 0);
		client_say_received(&client, i, 1 - i);
		UNTIL(&world, client.closed && !stream_server_is_in_use(world.server));
		ck_assert_int_eq(client.error, -EPROTO);
		client_drop(&client);
		stream_world_finish(&world);
	}
}
END_TEST

START_TEST(a_second_stream_takes_the_session)
{
	struct client one, two;

	stream_world_begin(&world, 0);
	client_connect(&one, &world);
	client_open(&one, false, 0);
	client_say(&one, FAKE_ECHO, 1, 1, NULL, 0);
	UNTIL(&world, one.replies[1] == 1);
	client_connect(&two, &world);
	client_open(&two, true, 1);
	ck_assert(two.opened.resumed);
	UNTIL(&world, one.closed);
	ck_assert_int_eq(one.error, -ECONNABORTED);
	client_say(&two, FAKE_ECHO, 2, 1, NULL, 0);
	UNTIL(&world, two.replies[2] == 1);
	client_drop(&one);
	client_drop(&two);
	stream_world_finish(&world);
}
END_TEST

/* --- Bounds --------------------------------------------------------------------------------- */

START_TEST(a_peer_that_takes_nothing_is_given_little)
{
	struct client client;

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client_open(&client, false, 0);
	client.keep_credit = true;
	/* 400 MiB are asked for; what nobody takes and acknowledges is not even read from files. */
	for (uint64_t unique = 1; unique <= 400; unique++)
		client_say_room(&client, unique, SERVER_MAX_PAYLOAD);
	UNTIL(&world, client.bytes == SESSION_WINDOW);
	ck_assert_uint_eq(fake_server_runs(100), 0);
	ck_assert_uint_eq(fake_server_runs(400), 0);
	client_drop(&client);
	stream_world_finish(&world);
}
END_TEST

START_TEST(what_is_acknowledged_makes_room)
{
	struct client client;

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client_open(&client, false, 0);
	for (uint64_t unique = 1; unique <= 100; unique++) {
		client_say_room(&client, unique, SERVER_MAX_PAYLOAD);
		UNTIL(&world, client.received == unique);
		client_acknowledge(&client, 0);
	}
	client_drop(&client);
	stream_world_finish(&world);
}
END_TEST

START_TEST(notifications_are_bounded_and_kept)
{
	struct fuse_out_header note = {.len = sizeof(note), .error = FUSE_NOTIFY_INVAL_INODE};
	const struct iovec message = {&note, sizeof(note)};
	struct client client;

	stream_world_begin(&world, 0);
	client_connect(&client, &world);
	client_open(&client, false, 0);
	for (unsigned int i = 0; i < SHARE_NOTIFY_MAX; i++)
		ck_assert_int_eq(fake_server_notify(&message, 1), 0);
	ck_assert_int_eq(fake_server_notify(&message, 1), -ENOBUFS);
	UNTIL(&world, client.notifications == SHARE_NOTIFY_MAX);
	client_acknowledge(&client, 24);
	client_say(&client, FAKE_ECHO, 1, 1, NULL, 0);
	UNTIL(&world, client.replies[1] == 1);
	for (unsigned int i = 0; i < 24; i++)
		ck_assert_int_eq(fake_server_notify(&message, 1), 0);
	ck_assert_int_eq(fake_server_notify(&message, 1), -ENOBUFS);
	client_drop(&client);
	/* Those that were on their way are sent again. */
	client_connect(&client, &world);
	client_open(&client, true, SHARE_NOTIFY_MAX + 1);
	ck_assert(client.opened.resumed);
	UNTIL(&world, client.notifications == 24);
	client_drop(&client);
	stream_world_finish(&world);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("stream");

	tcase_set_timeout(tests, PATIENCE_MS / 1000.0 + 10);
	tcase_add_test(tests, requests_are_run_and_answered);
	tcase_add_test(tests, nothing_is_run_twice_or_lost_when_a_stream_is);
	tcase_add_test(tests, half_a_request_goes_with_its_stream);
	tcase_add_test(tests, a_session_that_nobody_comes_for_ends);
	tcase_add_test(tests, it_is_unused_when_nobody_can_come_back);
	tcase_add_test(tests, nonsense_ends_the_session);
	tcase_add_test(tests, what_nobody_sent_cannot_have_been_received);
	tcase_add_test(tests, a_peer_that_takes_nothing_is_given_little);
	tcase_add_test(tests, what_is_acknowledged_makes_room);
	tcase_add_test(tests, notifications_are_bounded_and_kept);
	tcase_add_test(tests, a_second_stream_takes_the_session);
	return suite_run_case("stream", tests);
}
