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

	pair_establish(&pair);
	for (size_t i = 0; i < ARRAY_SIZE(flood); i++)
		flood[i] = pair_open_stream(&pair);
	quiet = pair_open_stream(&pair);
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

/* One stream floods two channels and says a word on the third: no channel waits for the others. */
START_TEST(channels_of_a_stream_take_turns)
{
	static uint8_t block[SESSION_WINDOW];
	struct stream *stream;

	pair_establish(&pair);
	stream = pair_open_stream(&pair);
	ck_assert_int_eq(stream_send(stream, 0, block, sizeof(block)), sizeof(block));
	ck_assert_int_eq(stream_send(stream, 1, block, sizeof(block)), sizeof(block));
	ck_assert_int_eq(stream_send(stream, 2, "!", 1), 1);
	pair_collect(host);
	ck_assert_uint_le(offset_of_data(host, 2), 2 * (32 * 1024 + 64));
	pair_settle(&pair);
	ck_assert_uint_eq(guest->received[2], 1);
	ck_assert_uint_eq(guest->received[0] + guest->received[1], 2 * sizeof(block));
}
END_TEST

/* Whatever the size of the buffers, a turn follows the last one. */
START_TEST(a_small_buffer_starves_nobody)
{
	static uint8_t block[SESSION_WINDOW];
	struct stream *flood, *quiet;
	size_t capacity = FRAME_HEADER_SIZE + 4096 + (size_t)_i * 1111;

	pair_establish(&pair);
	flood = pair_open_stream(&pair);
	quiet = pair_open_stream(&pair);
	stream_send(flood, 0, block, sizeof(block));
	stream_send(quiet, 2, "!", 1);
	for (int i = 0; i < 2; i++)
		host->length += session_output(host->session, host->pipe + host->length, capacity);
	ck_assert_uint_le(offset_of_data(host, 2), 2 * capacity);
	pair_settle(&pair);
	ck_assert_uint_eq(guest->received[0], sizeof(block));
}
END_TEST

/* Replies are control, and a flood of them does not keep DATA of others back for ever. */
START_TEST(replies_and_data_get_through_together)
{
	static uint8_t block[SESSION_WINDOW];
	struct stream *kept[10];

	pair_establish(&pair);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		pair_open_stream(&pair);
		kept[i] = guest->asked;
		stream_send(kept[i], 1, block, i * 20000);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		stream_reply(kept[i], nothing);
	pair_settle(&pair);
	ck_assert_uint_eq(host->closed, ARRAY_SIZE(kept));
	ck_assert_uint_eq(host->received[1], 45 * 20000);
}
END_TEST

START_TEST(wake_is_called_once_until_the_output_was_empty)
{
	pair_establish(&pair);
	guest->eager = true;
	/* At once, from within a call that is not a receive. */
	ck_assert_int_eq(session_ping(guest->session, 3), 0);
	ck_assert_uint_eq(guest->length, FRAME_HEADER_SIZE + 8);
	/* And after a receive, in its one call. */
	session_ping(host->session, 4);
	session_ping(host->session, 5);
	pair_collect(host);
	guest->wakes = 0;
	pair_deliver(host, guest, SIZE_MAX);
	ck_assert_uint_eq(guest->wakes, 1);
	ck_assert_uint_eq(guest->length, 3 * (FRAME_HEADER_SIZE + 8));
	pair_settle(&pair);
	ck_assert_uint_eq(host->last_pong, 5);
	ck_assert_uint_eq(guest->pongs, 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("output");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, two_ends, no_ends);
	tcase_add_test(tc, a_flood_delays_another_stream_by_one_chunk_each);
	tcase_add_test(tc, channels_of_a_stream_take_turns);
	tcase_add_loop_test(tc, a_small_buffer_starves_nobody, 0, 60);
	tcase_add_test(tc, replies_and_data_get_through_together);
	tcase_add_test(tc, wake_is_called_once_until_the_output_was_empty);
	return suite_run_case("output", tc);
}
