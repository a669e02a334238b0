/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/protocol/pair.h"
#include "tests/unit/suite.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <malloc.h>
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

/* Length of what the host says in that conversation. */
static size_t conversation_length(void)
{
	pair_establish(&pair);
	pair_converse(&pair);
	pair_collect(host);
	return host->length;
}

START_TEST(a_conversation_survives_any_cut)
{
	size_t length = conversation_length();

	for (size_t cut = 0; cut <= length; cut++) {
		pair_free(&pair);
		pair_new(&pair);
		pair_establish(&pair);
		pair_converse(&pair);
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
	pair_establish(&pair);
	pair_expect_works(&pair);
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
			pair_establish(&pair);
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

/* Frames that break the rules of an established session, one each. */
static const struct {
	enum frame_type type;
	uint32_t stream; /* 1 is open and ours, from the host's view; 3 has never been */
	const char *payload;
	size_t length;
} illegal[] = {
	{FRAME_REQUEST, 2, "\x61x\xa0", 3},	/* the guest's parity */
	{FRAME_REQUEST, 1, "\x61x\xa0", 3},	/* used */
	{FRAME_REQUEST, 3, "\x61x", 2},		/* no parameters */
	{FRAME_REQUEST, 3, "\x61x\x80", 3},	/* not a map */
	{FRAME_REQUEST, 3, "\x61x\xa0\xa0", 4}, /* something behind */
	{FRAME_REPLY, 1, "\xa0", 1},		/* from the requester */
	{FRAME_REPLY, 3, "\xa0", 1},		/* never opened */
	{FRAME_CANCEL, 3, NULL, 0},		/* never opened */
	{FRAME_MESSAGE, 1, "\xa0", 1},		/* no name */
	{FRAME_CREDIT, 1, "\0\0\0\0", 4},	/* nothing */
	{FRAME_CREDIT, 1, "\1\0\0\0", 4},	/* more than was consumed */
	{FRAME_EVENT, 0, "\xff", 1},		/* no CBOR */
	{FRAME_PING, 0, "1234567", 7},		/* short */
	{FRAME_PONG, 0, "1", 1},		/* short */
	{FRAME_HELLO, 0, "\xa0", 1},		/* without a sync word */
};

START_TEST(what_breaks_the_rules_ends_the_epoch)
{
	pair_establish(&pair);
	pair_open_stream(&pair);
	ck_assert_int_eq(pair_forge(guest, illegal[_i].type, illegal[_i].stream,
				    (struct slice){(const uint8_t *)illegal[_i].payload,
						   illegal[_i].length}),
			 -EPROTO);
	ck_assert_int_eq(guest->last_lost, -EPROTO);
	ck_assert_uint_eq(guest->closed, 1);
	pair_settle(&pair);
	pair_expect_works(&pair);
}
END_TEST

START_TEST(nothing_but_hello_follows_the_sync_word)
{
	pair_establish(&pair);
	ck_assert_int_eq(session_receive(guest->session, sync_word, SYNC_WORD_SIZE), 0);
	ck_assert_int_eq(pair_forge(guest, FRAME_PING, 0, SLICE_LITERAL("12345678")), -EPROTO);
	pair_settle(&pair);
	pair_expect_works(&pair);
}
END_TEST

START_TEST(frames_of_an_ended_stream_are_ignored)
{
	pair_establish(&pair);
	pair_open_stream(&pair);
	stream_reply(guest->asked, nothing);
	pair_settle(&pair);
	ck_assert_int_eq(pair_forge(guest, FRAME_CANCEL, 1, nothing), 0);
	ck_assert_int_eq(pair_forge(guest, FRAME_DATA, 1, SLICE_LITERAL("late")), 0);
	ck_assert_int_eq(pair_forge(host, FRAME_REPLY, 1, SLICE_LITERAL("\xa0")), 0);
	pair_expect_works(&pair);
}
END_TEST

START_TEST(a_reply_must_be_a_map)
{
	pair_establish(&pair);
	pair_open_stream(&pair);
	ck_assert_int_eq(pair_forge(host, _i ? FRAME_ERROR : FRAME_REPLY, 1, SLICE_LITERAL("\x80")),
			 -EPROTO);
	ck_assert_int_eq(host->last_error, -ECONNRESET);
}
END_TEST

START_TEST(requests_beyond_the_limit_are_answered_then_end_the_epoch)
{
	uint32_t id = 1;
	int r = 0;

	pair_establish(&pair);
	for (; id < 1 + 2 * SESSION_MAX_STREAMS; id += 2)
		ck_assert_int_eq(pair_forge(guest, FRAME_REQUEST, id, SLICE_LITERAL("\x61x\xa0")),
				 0);
	ck_assert_uint_eq(guest->requests, SESSION_MAX_STREAMS);
	/* It never reads what it is told: that has an end. */
	while (r == 0 && id < 100000) {
		r = pair_forge(guest, FRAME_REQUEST, id, SLICE_LITERAL("\x61x\xa0"));
		id += 2;
	}
	ck_assert_int_eq(r, -EPROTO);
	ck_assert_uint_eq(guest->requests, SESSION_MAX_STREAMS);
	pair_collect(guest);
	ck_assert_uint_le(guest->length, 4096);
	pair_settle(&pair);
	pair_expect_works(&pair);
}
END_TEST

START_TEST(pieces_of_two_messages_do_not_mix)
{
	struct frame_header header = {.type = FRAME_EVENT, .flags = FRAME_MORE, .length = 2};
	uint8_t piece[FRAME_HEADER_SIZE + 2] = {0};

	pair_establish(&pair);
	frame_header_encode(&header, piece);
	memcpy(piece + FRAME_HEADER_SIZE, "\x61x", 2);
	ck_assert_int_eq(session_receive(guest->session, piece, sizeof(piece)), 0);
	if (_i) {
		ck_assert_int_eq(pair_forge(guest, FRAME_EVENT, 0, SLICE_LITERAL("\xa0")), 0);
		ck_assert_uint_eq(guest->events, 1);
	} else {
		ck_assert_int_eq(pair_forge(guest, FRAME_PING, 0, SLICE_LITERAL("12345678")),
				 -EPROTO);
	}
}
END_TEST

START_TEST(a_message_in_pieces_has_a_bound)
{
	struct frame_header header = {
		.type = FRAME_EVENT, .flags = FRAME_MORE, .length = FRAME_MAX_MESSAGE / 2 + 1};
	static uint8_t piece[FRAME_HEADER_SIZE + FRAME_MAX_MESSAGE / 2 + 1];

	pair_establish(&pair);
	frame_header_encode(&header, piece);
	ck_assert_int_eq(session_receive(guest->session, piece, sizeof(piece)), 0);
	ck_assert_int_eq(session_receive(guest->session, piece, sizeof(piece)), -EPROTO);
}
END_TEST

/* A peer that asks and asks and reads nothing. */
START_TEST(a_deaf_peer_costs_bounded_memory)
{
	struct frame_header half = {.type = FRAME_EVENT, .flags = FRAME_MORE, .length = 1};
	uint8_t piece[FRAME_HEADER_SIZE + 1] = {0};
	size_t before, after;
	bool open = true;

	pair_establish(&pair);
	before = mallinfo2().uordblks;
	for (uint32_t id = 1; id < 2 * SESSION_MAX_STREAMS; id += 2)
		pair_forge(guest, FRAME_REQUEST, id, SLICE_LITERAL("\x64ping\xa0"));
	for (int i = 0; i < 100000 && open; i++)
		open = pair_forge(guest, FRAME_PING, 0, SLICE_LITERAL("12345678")) == 0;
	frame_header_encode(&half, piece);
	for (int i = 0; i < FRAME_MAX_MESSAGE && open; i++)
		open = session_receive(guest->session, piece, sizeof(piece)) == 0;
	ck_assert(open);
	ck_assert_uint_eq(guest->requests, SESSION_MAX_STREAMS);
	after = mallinfo2().uordblks;
	ck_assert_uint_le(after - MIN(before, after), 1 << 20);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("receive");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, two_ends, no_ends);
	tcase_add_test(tc, a_conversation_survives_any_cut);
	tcase_add_test(tc, a_conversation_survives_single_bytes);
	tcase_add_loop_test(tc, random_bytes_neither_crash_nor_establish, 0, 8);
	tcase_add_loop_test(tc, random_frames_cost_one_epoch_at_most, 0, 8);
	tcase_add_loop_test(tc, what_breaks_the_rules_ends_the_epoch, 0, ARRAY_SIZE(illegal));
	tcase_add_test(tc, nothing_but_hello_follows_the_sync_word);
	tcase_add_test(tc, frames_of_an_ended_stream_are_ignored);
	tcase_add_loop_test(tc, a_reply_must_be_a_map, 0, 2);
	tcase_add_test(tc, requests_beyond_the_limit_are_answered_then_end_the_epoch);
	tcase_add_loop_test(tc, pieces_of_two_messages_do_not_mix, 0, 2);
	tcase_add_test(tc, a_message_in_pieces_has_a_bound);
	tcase_add_test(tc, a_deaf_peer_costs_bounded_memory);
	return suite_run_case("receive", tc);
}
