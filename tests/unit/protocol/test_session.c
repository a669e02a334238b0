/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/protocol/pair.h"

#include "protocol/base/bytes.h"
#include "protocol/frame.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static struct pair pair;
static struct end *const host = &pair.host, *const guest = &pair.guest;
static const struct slice nothing = {NULL, 0};

static void two_ends(void)
{
	pair_new(&pair);
}

static void no_ends(void)
{
	pair_free(&pair);
}

static void establish(void)
{
	session_start(host->session);
	pair_settle(&pair);
	ck_assert(session_is_established(host->session));
	ck_assert(session_is_established(guest->session));
}

/* The host asks for a method that the guest keeps open. */
static struct stream *open_stream(void)
{
	struct stream *stream = NULL;

	ck_assert_int_eq(session_request(host->session, SLICE_LITERAL("keep"), nothing,
					 &pair_stream_handlers, host, &stream),
			 0);
	pair_settle(&pair);
	ck_assert_ptr_nonnull(guest->asked);
	return stream;
}

static void expect_ping_works(void)
{
	unsigned int closed = host->closed;

	ck_assert_int_eq(session_request(host->session, SLICE_LITERAL("ping"), nothing,
					 &pair_stream_handlers, host, NULL),
			 0);
	pair_settle(&pair);
	ck_assert_uint_eq(host->closed, closed + 1);
	ck_assert_int_eq(host->last_error, 0);
}

/* --- Handshake ------------------------------------------------------------------------------ */

START_TEST(either_side_may_begin)
{
	session_start(_i ? guest->session : host->session);
	pair_settle(&pair);
	ck_assert_uint_eq(host->established, 1);
	ck_assert_uint_eq(guest->established, 1);
	ck_assert_uint_eq(host->lost + guest->lost, 0);
	expect_ping_works();
}
END_TEST

START_TEST(both_may_begin_at_once)
{
	session_start(host->session);
	session_start(guest->session);
	pair_settle(&pair);
	ck_assert_uint_eq(host->established, 1);
	ck_assert_uint_eq(guest->established, 1);
	expect_ping_works();
}
END_TEST

START_TEST(a_start_repeated_before_an_answer_is_one_session)
{
	for (int i = 0; i < 3; i++) {
		session_start(host->session);
		pair_collect(host);
	}
	pair_settle(&pair);
	ck_assert(session_is_established(host->session) && session_is_established(guest->session));
	expect_ping_works();
}
END_TEST

START_TEST(two_of_one_role_do_not_talk)
{
	session_start(host->session);
	pair_collect(host);
	pair_restart(guest);
	session_free(guest->session);
	guest->role = SESSION_HOST;
	guest->session = NULL;
	pair_restart(guest);
	pair_settle(&pair);
	ck_assert(!session_is_established(host->session));
	ck_assert(!session_is_established(guest->session));
}
END_TEST

/* A conversation with everything in it: requests, DATA both ways, a flood, an event, a ping. */
static void converse(void)
{
	static uint8_t block[3000];
	struct stream *stream = NULL;

	memset(block, 0xf7, sizeof(block));
	memcpy(block + 1000, sync_word, SYNC_WORD_SIZE);
	session_request(host->session, SLICE_LITERAL("keep"), nothing, &pair_stream_handlers, host,
			&stream);
	stream_send(stream, 0, block, sizeof(block));
	stream_end(stream, 0);
	session_ping(host->session, load_le64(sync_word));
	session_event(guest->session, "something", nothing);
	if (guest->asked)
		stream_send(guest->asked, 1, block, sizeof(block));
}

/* Length of what the host says in that conversation. */
static size_t conversation_length(void)
{
	establish();
	converse();
	pair_collect(host);
	return host->length;
}

START_TEST(a_conversation_survives_any_cut)
{
	size_t length = conversation_length();

	for (size_t cut = 0; cut <= length; cut++) {
		pair_free(&pair);
		pair_new(&pair);
		establish();
		converse();
		pair_collect(host);
		ck_assert_uint_eq(host->length, length);
		ck_assert_int_eq(pair_deliver(host, guest, cut), 0);
		ck_assert_int_eq(pair_deliver(host, guest, SIZE_MAX), 0);
		ck_assert_uint_eq(guest->received[0], 3000);
		ck_assert(guest->ended[0]);
		pair_settle(&pair);
		ck_assert_uint_eq(host->last_pong, load_le64(sync_word));
		ck_assert_uint_eq(host->lost + guest->lost, 0);
	}
}
END_TEST

START_TEST(a_conversation_survives_single_bytes)
{
	conversation_length();
	while (host->length > 0)
		ck_assert_int_eq(pair_deliver(host, guest, 1), 0);
	ck_assert_uint_eq(guest->received[0], 3000);
	ck_assert(guest->ended[0]);
}
END_TEST

/* The host dies with any number of its bytes under way, any number of the guest's unread. */
START_TEST(the_host_restarts_at_any_byte)
{
	size_t length = conversation_length();

	for (size_t cut = 0; cut <= length; cut += cut < 200 ? 1 : 61) {
		pair_free(&pair);
		pair_new(&pair);
		establish();
		converse();
		pair_collect(host);
		pair_collect(guest);
		host->length = cut; /* the rest was never written */
		pair_restart(host);
		guest->length -= MIN(guest->length, cut % 40); /* and some was read */
		if (guest->length > 0)
			memmove(guest->pipe, guest->pipe + cut % 40, guest->length);
		session_start(host->session);
		pair_settle(&pair);
		ck_assert(session_is_established(host->session));
		ck_assert(session_is_established(guest->session));
		ck_assert_uint_ge(guest->lost, 1);
		expect_ping_works();
	}
}
END_TEST

START_TEST(the_guest_restarts_at_any_byte)
{
	size_t length;

	establish();
	open_stream();
	converse();
	pair_collect(guest);
	length = guest->length;
	for (size_t cut = 0; cut <= length; cut += cut < 200 ? 1 : 61) {
		pair_free(&pair);
		pair_new(&pair);
		establish();
		open_stream();
		converse();
		pair_collect(guest);
		pair_collect(host);
		guest->length = cut;
		pair_restart(guest);
		if (_i)
			session_start(guest->session);
		else
			host->lost = 1,
			session_start(host->session); /* its liveness check failed */
		pair_settle(&pair);
		ck_assert(session_is_established(host->session));
		ck_assert(session_is_established(guest->session));
		ck_assert_uint_ge(host->lost, 1);
		expect_ping_works();
	}
}
END_TEST

/* Both ends, in any order, with the pipes in any state: it always comes to a working session. */
START_TEST(any_order_of_restarts_converges)
{
	uint32_t random = (uint32_t)_i * 2654435761u + 1;

	for (int step = 0; step < 400; step++) {
		random = random * 1664525 + 1013904223;
		switch (random >> 24 & 7) {
		case 0:
			pair_restart(host);
			session_start(host->session);
			break;
		case 1:
			pair_restart(guest);
			session_start(guest->session);
			break;
		case 2:
			session_start(host->session);
			break;
		case 3:
			pair_collect(host);
			pair_deliver(host, guest, random >> 8 & 127);
			break;
		case 4:
			pair_collect(guest);
			pair_deliver(guest, host, random >> 8 & 127);
			break;
		case 5:
			if (session_is_established(host->session) &&
			    session_is_established(guest->session))
				converse();
			break;
		case 6:
			pair_collect(host);
			pair_collect(guest);
			break;
		default:
			pair_settle(&pair);
			break;
		}
	}
	pair_settle(&pair);
	session_start(host->session);
	pair_settle(&pair);
	ck_assert(session_is_established(host->session) && session_is_established(guest->session));
	expect_ping_works();
}
END_TEST

/* --- Streams -------------------------------------------------------------------------------- */

START_TEST(a_reply_comes_behind_all_data)
{
	static uint8_t bytes[200000], expected[200000];
	struct stream *stream;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = expected[i] = (uint8_t)(i * 7 >> 3);
	for (size_t i = 0; i + SYNC_WORD_SIZE < sizeof(bytes); i += 9973)
		memcpy(bytes + i, sync_word, SYNC_WORD_SIZE), memcpy(expected + i, sync_word, 8);
	establish();
	stream = open_stream();
	(void)stream;
	host->data = malloc(sizeof(bytes));
	ck_assert_int_eq(stream_send(guest->asked, 1, bytes, sizeof(bytes)), sizeof(bytes));
	stream_end(guest->asked, 1);
	stream_reply(guest->asked, nothing);
	pair_settle(&pair);
	ck_assert_uint_eq(host->received[1], sizeof(bytes));
	ck_assert(host->ended[1]);
	ck_assert_uint_eq(host->closed, 1);
	ck_assert_mem_eq(host->data, expected, sizeof(bytes));
	free(host->data);
}
END_TEST

START_TEST(credit_stops_a_sender_and_lets_it_go_on)
{
	static uint8_t block[SESSION_WINDOW + 1];
	struct stream *stream;

	establish();
	stream = open_stream();
	guest->keep_credit = true;
	ck_assert_int_eq(stream_send(stream, 0, block, sizeof(block)), SESSION_WINDOW);
	ck_assert_int_eq(stream_send(stream, 0, block, 1), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(guest->received[0], SESSION_WINDOW);
	ck_assert_uint_eq(host->credited, 0);
	stream_consumed(guest->asked, 0, SESSION_WINDOW);
	pair_settle(&pair);
	ck_assert_uint_eq(host->credited, SESSION_WINDOW);
	ck_assert_int_eq(stream_send(stream, 0, block, sizeof(block)), SESSION_WINDOW);
}
END_TEST

START_TEST(a_peer_that_overdraws_is_refused)
{
	struct frame_header header = {.type = FRAME_DATA, .stream = 1, .length = FRAME_MAX_PAYLOAD};
	static uint8_t frame[FRAME_HEADER_SIZE + FRAME_MAX_PAYLOAD];

	establish();
	open_stream();
	guest->keep_credit = true;
	frame_header_encode(&header, frame);
	for (int i = 0; i < SESSION_WINDOW / FRAME_MAX_PAYLOAD; i++)
		ck_assert_int_eq(session_receive(guest->session, frame, sizeof(frame)), 0);
	ck_assert_int_eq(session_receive(guest->session, frame, sizeof(frame)), -EPROTO);
	ck_assert_int_eq(guest->last_lost, -EPROTO);
	pair_settle(&pair);
	expect_ping_works();
}
END_TEST

START_TEST(cancel_reaches_the_responder_who_ends_it)
{
	static const uint8_t block[10000];
	struct stream *stream;

	establish();
	stream = open_stream();
	stream_send(guest->asked, 1, block, sizeof(block));
	stream_cancel(stream);
	stream_cancel(stream);
	ck_assert_int_eq(stream_send(stream, 0, block, 1), -EPIPE);
	pair_settle(&pair);
	ck_assert(guest->cancelled);
	ck_assert_uint_eq(host->closed, 1);
	ck_assert_int_eq(host->last_error, -ECANCELED);
	expect_ping_works();
}
END_TEST

START_TEST(more_requests_than_allowed_are_refused_one_by_one)
{
	establish();
	for (int i = 0; i < SESSION_MAX_STREAMS; i++)
		ck_assert_int_eq(session_request(host->session, SLICE_LITERAL("keep"), nothing,
						 &pair_stream_handlers, host, NULL),
				 0);
	ck_assert_int_eq(session_request(host->session, SLICE_LITERAL("keep"), nothing,
					 &pair_stream_handlers, host, NULL),
			 -EMFILE);
	pair_settle(&pair);
	ck_assert_uint_eq(guest->requests, SESSION_MAX_STREAMS);
	ck_assert_uint_eq(host->closed, 0);
}
END_TEST

START_TEST(a_large_request_is_put_together_and_a_larger_one_refused)
{
	static uint8_t map[FRAME_MAX_MESSAGE];
	struct cbor_writer writer = CBOR_WRITER(map);
	static uint8_t text[60000];

	for (size_t i = 0; i + 8 < sizeof(text); i += 8)
		memcpy(text + i, sync_word, SYNC_WORD_SIZE);
	cbor_put_map(&writer, 1);
	cbor_put_text(&writer, SLICE_LITERAL("x"));
	cbor_put_bytes(&writer, (struct slice){text, sizeof(text)});
	establish();
	ck_assert_int_eq(session_request(host->session, SLICE_LITERAL("keep"),
					 cbor_written(&writer), &pair_stream_handlers, host, NULL),
			 0);
	pair_settle(&pair);
	ck_assert_uint_eq(guest->requests, 1);
	ck_assert_int_eq(session_request(host->session, SLICE_LITERAL("keep"),
					 (struct slice){map, sizeof(map)}, &pair_stream_handlers,
					 host, NULL),
			 -EMSGSIZE);
	expect_ping_works();
}
END_TEST

/* Where in @end's pipe the first DATA on @channel stands. */
static size_t offset_of_data(const struct end *end, unsigned int channel)
{
	struct frame_header header;
	size_t at = 0;

	while (at < end->length) {
		ck_assert_int_eq(frame_header_decode(end->pipe + at, &header), 0);
		if (header.type == FRAME_DATA && header.channel == channel)
			return at;
		at += FRAME_HEADER_SIZE + header.length;
	}
	ck_abort_msg("no DATA on channel %u", channel);
}

/* Eight streams have all the DATA their credit allows; a ninth says one word behind all of them. */
START_TEST(a_flood_delays_another_stream_by_one_chunk_each)
{
	static uint8_t block[SESSION_WINDOW];
	struct stream *flood[8], *quiet;

	establish();
	for (size_t i = 0; i < ARRAY_SIZE(flood); i++)
		flood[i] = open_stream();
	quiet = open_stream();
	for (size_t i = 0; i < ARRAY_SIZE(flood); i++)
		ck_assert_int_eq(stream_send(flood[i], 0, block, sizeof(block)), sizeof(block));
	ck_assert_int_eq(stream_send(quiet, 2, "!", 1), 1);
	session_ping(host->session, 1);
	pair_collect(host);
	ck_assert_uint_ge(host->length, 8 * SESSION_WINDOW);
	ck_assert_uint_eq(host->pipe[0], FRAME_PING);
	ck_assert_uint_le(offset_of_data(host, 2), 9 * (32 * 1024 + 64));
	pair_settle(&pair);
	ck_assert_uint_eq(guest->received[2], 1);
	ck_assert_uint_eq(guest->received[0], 8 * SESSION_WINDOW);
}
END_TEST

/* --- Hostile peers -------------------------------------------------------------------------- */

START_TEST(random_bytes_neither_crash_nor_establish)
{
	uint64_t random = (uint64_t)_i + 1;
	uint8_t bytes[64];

	for (int turn = 0; turn < 62500; turn++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			bytes[i] = (uint8_t)random;
		}
		/* Often a sync word, sometimes the beginning of a frame. */
		if (random >> 40 & 1)
			memcpy(bytes + (random >> 50 & 31), sync_word, SYNC_WORD_SIZE);
		if (random >> 41 & 1)
			bytes[8] = (uint8_t)(random >> 56 & 15);
		session_receive(guest->session, bytes, random >> 58);
		if ((turn & 63) == 0)
			pair_collect(guest), guest->length = 0;
	}
	ck_assert(!session_is_established(guest->session));
	establish();
	expect_ping_works();
}
END_TEST

/* Frames with right headers and wild contents, in an established session. */
START_TEST(random_frames_cost_one_epoch_at_most)
{
	uint64_t random = (uint64_t)_i + 77;
	uint8_t frame[FRAME_HEADER_SIZE + 64];

	for (int turn = 0; turn < 62500; turn++) {
		if (!session_is_established(guest->session)) {
			pair_restart(host);
			guest->length = 0;
			establish();
		}
		for (size_t i = 0; i < sizeof(frame); i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			frame[i] = (uint8_t)random;
		}
		frame[0] = (uint8_t)(2 + random % 11);
		frame[1] = random >> 20 & 1;
		frame[2] = (uint8_t)(random >> 21 & 3);
		frame[3] = 0;
		store_le32(frame + 4, (uint32_t)(random >> 30 & 7));
		store_le32(frame + 8, (uint32_t)(random >> 34 & 63));
		session_receive(guest->session, frame, FRAME_HEADER_SIZE + (random >> 34 & 63));
		pair_collect(guest);
		guest->length = 0;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, two_ends, no_ends);
	tcase_add_loop_test(tc, either_side_may_begin, 0, 2);
	tcase_add_test(tc, both_may_begin_at_once);
	tcase_add_test(tc, a_start_repeated_before_an_answer_is_one_session);
	tcase_add_test(tc, two_of_one_role_do_not_talk);
	tcase_add_test(tc, a_conversation_survives_any_cut);
	tcase_add_test(tc, a_conversation_survives_single_bytes);
	tcase_add_test(tc, the_host_restarts_at_any_byte);
	tcase_add_loop_test(tc, the_guest_restarts_at_any_byte, 0, 2);
	tcase_add_loop_test(tc, any_order_of_restarts_converges, 0, 40);
	tcase_add_test(tc, a_reply_comes_behind_all_data);
	tcase_add_test(tc, credit_stops_a_sender_and_lets_it_go_on);
	tcase_add_test(tc, a_peer_that_overdraws_is_refused);
	tcase_add_test(tc, cancel_reaches_the_responder_who_ends_it);
	tcase_add_test(tc, more_requests_than_allowed_are_refused_one_by_one);
	tcase_add_test(tc, a_large_request_is_put_together_and_a_larger_one_refused);
	tcase_add_test(tc, a_flood_delays_another_stream_by_one_chunk_each);
	tcase_add_loop_test(tc, random_bytes_neither_crash_nor_establish, 0, 8);
	tcase_add_loop_test(tc, random_frames_cost_one_epoch_at_most, 0, 8);
	suite_add_tcase(suite, tc);

	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
