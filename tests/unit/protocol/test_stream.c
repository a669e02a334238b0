/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/protocol/pair.h"
#include "tests/unit/suite.h"

#include "protocol/base/bytes.h"

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

START_TEST(a_reply_comes_behind_all_data)
{
	static uint8_t bytes[200000], expected[200000];
	struct stream *stream;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = expected[i] = (uint8_t)(i * 7 >> 3);
	for (size_t i = 0; i + SYNC_WORD_SIZE < sizeof(bytes); i += 9973)
		memcpy(bytes + i, sync_word, SYNC_WORD_SIZE), memcpy(expected + i, sync_word, 8);
	pair_establish(&pair);
	stream = pair_open_stream(&pair);
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

	pair_establish(&pair);
	stream = pair_open_stream(&pair);
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

	pair_establish(&pair);
	pair_open_stream(&pair);
	guest->keep_credit = true;
	frame_header_encode(&header, frame);
	for (int i = 0; i < SESSION_WINDOW / FRAME_MAX_PAYLOAD; i++)
		ck_assert_int_eq(session_receive(guest->session, frame, sizeof(frame)), 0);
	ck_assert_int_eq(session_receive(guest->session, frame, sizeof(frame)), -EPROTO);
	ck_assert_int_eq(guest->last_lost, -EPROTO);
	pair_settle(&pair);
	pair_expect_works(&pair);
}
END_TEST

START_TEST(cancel_reaches_the_responder_who_ends_it)
{
	static const uint8_t block[10000];
	struct stream *stream;

	pair_establish(&pair);
	stream = pair_open_stream(&pair);
	stream_send(guest->asked, 1, block, sizeof(block));
	stream_cancel(stream);
	stream_cancel(stream);
	ck_assert_int_eq(stream_send(stream, 0, block, 1), -EPIPE);
	pair_settle(&pair);
	ck_assert(guest->cancelled);
	ck_assert_uint_eq(host->closed, 1);
	ck_assert_int_eq(host->last_error, -ECANCELED);
	pair_expect_works(&pair);
}
END_TEST

START_TEST(more_requests_than_allowed_are_refused_one_by_one)
{
	pair_establish(&pair);
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
	pair_establish(&pair);
	ck_assert_int_eq(session_request(host->session, SLICE_LITERAL("keep"),
					 cbor_written(&writer), &pair_stream_handlers, host, NULL),
			 0);
	pair_settle(&pair);
	ck_assert_uint_eq(guest->requests, 1);
	ck_assert_int_eq(session_request(host->session, SLICE_LITERAL("keep"),
					 (struct slice){map, sizeof(map)}, &pair_stream_handlers,
					 host, NULL),
			 -EMSGSIZE);
	pair_expect_works(&pair);
}
END_TEST

/* An owner that did not say what to do on a cancel. */
START_TEST(a_cancel_ends_the_stream_of_an_owner_who_is_not_asked)
{
	static const struct stream_handlers deaf = {0};
	struct stream *stream;

	pair_establish(&pair);
	stream = pair_open_stream(&pair);
	guest->eager = _i & 1;
	if (_i & 2) {
		static struct stream_handlers only_closed;

		only_closed.closed = pair_stream_handlers.closed;
		stream_set_handlers(guest->asked, &only_closed, guest);
	} else {
		stream_set_handlers(guest->asked, &deaf, guest);
	}
	stream_cancel(stream);
	pair_settle(&pair);
	ck_assert_uint_eq(guest->closed, _i & 2 ? 1 : 0);
	ck_assert_uint_eq(host->closed, 1);
	ck_assert_int_eq(host->last_error, -ECANCELED);
	pair_expect_works(&pair);
}
END_TEST

/* A cancel needs no room among the control frames. */
START_TEST(a_cancel_is_not_lost_when_the_peer_reads_nothing)
{
	static uint8_t text[1000];
	struct stream *stream;
	uint8_t map[1100];
	struct cbor_writer writer = CBOR_WRITER(map);
	unsigned int events = 0;

	cbor_put_map(&writer, 1);
	cbor_put_text(&writer, SLICE_LITERAL("x"));
	cbor_put_bytes(&writer, (struct slice){text, sizeof(text)});
	pair_establish(&pair);
	stream = pair_open_stream(&pair);
	while (session_event(host->session, "event", cbor_written(&writer)) == 0)
		events++;
	ck_assert_uint_gt(events, 200);
	ck_assert_int_eq(stream_message(stream, SLICE_LITERAL("m"), cbor_written(&writer)),
			 -ENOBUFS);
	stream_cancel(stream);
	pair_settle(&pair);
	ck_assert_uint_eq(guest->events, events);
	ck_assert(guest->cancelled);
	ck_assert_uint_eq(host->closed, 1);
}
END_TEST

/* What the closing of one stream makes its owner say on another must not reach the next epoch. */
static void cancel_the_other(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct stream **open = owner;
	struct stream *other = stream == open[0] ? open[1] : open[0];

	ck_assert_int_eq(result->error, -ECONNRESET);
	if (!other)
		return;
	ck_assert_int_eq(stream_message(other, SLICE_LITERAL("m"), nothing), -EPIPE);
	stream_cancel(other);
	open[0] = open[1] = NULL;
}

START_TEST(closing_handlers_may_use_other_streams)
{
	static const struct stream_handlers handlers = {.closed = cancel_the_other};
	struct stream *open[2] = {NULL, NULL};

	pair_establish(&pair);
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		ck_assert_int_eq(session_request(host->session, SLICE_LITERAL("keep"), nothing,
						 &handlers, open, &open[i]),
				 0);
	pair_settle(&pair);
	session_start(host->session);
	ck_assert_ptr_null(open[0]);
	pair_settle(&pair);
	pair_expect_works(&pair);
}
END_TEST

START_TEST(messages_go_both_ways)
{
	struct stream *stream;

	pair_establish(&pair);
	stream = pair_open_stream(&pair);
	ck_assert_int_eq(stream_message(stream, SLICE_LITERAL("to the guest"), nothing), 0);
	ck_assert_int_eq(stream_message(guest->asked, SLICE_LITERAL("to the host"), nothing), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(guest->messages, 1);
	ck_assert_uint_eq(host->messages, 1);
	stream_reply(guest->asked, nothing);
	pair_settle(&pair);
	ck_assert_uint_eq(host->closed, 1);
}
END_TEST

START_TEST(an_error_carries_number_and_words)
{
	pair_establish(&pair);
	pair_open_stream(&pair);
	stream_fail(guest->asked, -ENOENT, "there is none");
	pair_settle(&pair);
	ck_assert_int_eq(host->last_error, -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("stream");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, two_ends, no_ends);
	tcase_add_test(tc, a_reply_comes_behind_all_data);
	tcase_add_test(tc, credit_stops_a_sender_and_lets_it_go_on);
	tcase_add_test(tc, a_peer_that_overdraws_is_refused);
	tcase_add_test(tc, cancel_reaches_the_responder_who_ends_it);
	tcase_add_test(tc, more_requests_than_allowed_are_refused_one_by_one);
	tcase_add_test(tc, a_large_request_is_put_together_and_a_larger_one_refused);
	tcase_add_loop_test(tc, a_cancel_ends_the_stream_of_an_owner_who_is_not_asked, 0, 4);
	tcase_add_test(tc, a_cancel_is_not_lost_when_the_peer_reads_nothing);
	tcase_add_test(tc, closing_handlers_may_use_other_streams);
	tcase_add_test(tc, messages_go_both_ways);
	tcase_add_test(tc, an_error_carries_number_and_words);
	return suite_run_case("stream", tc);
}
