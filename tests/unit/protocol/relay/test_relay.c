/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Four sessions in a row, without descriptors: a client asks the middle, which asks a server.
 */
#include "protocol/base/bytes.h"
#include "protocol/relay/relay.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct session *client, *near, *far, *server;
static struct stream *asked;  /* the server's end of the request */
static struct stream *opened; /* the client's */
static unsigned int ended;    /* relays */
static int closed_error;      /* of the client's stream; 1: open */
static char closed_text[64], message[64];
static size_t received; /* DATA bytes at the client */
static bool hold;	/* the client gives no credit */
static bool cancelled, ended_channel;

static uint64_t number(void *owner)
{
	static uint64_t last = 0x1234567;

	(void)owner;
	return last += 0x9e3779b97f4a7c15ULL;
}

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)owner;
	(void)peer;
}

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_wake(void *owner)
{
	(void)owner;
}

static void on_ended(void *owner)
{
	ck_assert_ptr_eq(owner, &ended);
	ended++;
}

static void pass_on(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	int r = relay_request(stream, far, method, params, on_ended, &ended);

	(void)owner;
	if (r < 0)
		stream_fail(stream, r, "not passed on");
}

static void server_cancelled(struct stream *stream, void *owner)
{
	(void)owner;
	cancelled = true;
	stream_fail(stream, ECANCELED, "stopped");
}

static void server_message(struct stream *stream, void *owner, struct slice name,
			   struct slice params)
{
	(void)owner;
	ck_assert_int_eq(stream_message(stream, name, params), 0);
}

static void server_end(struct stream *stream, void *owner, unsigned int channel)
{
	(void)stream;
	(void)owner;
	ck_assert_uint_eq(channel, 0);
	ended_channel = true;
}

static void serve(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	static const struct stream_handlers handlers = {
		.message = server_message, .end = server_end, .cancelled = server_cancelled};

	(void)owner;
	(void)params;
	ck_assert(slice_is(method, "do.it"));
	asked = stream;
	stream_set_handlers(stream, &handlers, NULL);
}

static const struct session_handlers plain = {
	.established = on_established, .lost = on_lost, .wake = on_wake, .random = number};
static const struct session_handlers passing = {.established = on_established,
						.lost = on_lost,
						.request = pass_on,
						.wake = on_wake,
						.random = number};
static const struct session_handlers serving = {.established = on_established,
						.lost = on_lost,
						.request = serve,
						.wake = on_wake,
						.random = number};

static bool move(struct session *from, struct session *to)
{
	uint8_t bytes[65536];
	const size_t length = session_output(from, bytes, sizeof(bytes));

	if (length > 0)
		ck_assert_int_eq(session_receive(to, bytes, length), 0);
	return length > 0;
}

static void settle(void)
{
	bool moved;

	do {
		moved = move(client, near);
		moved |= move(near, client);
		moved |= move(far, server);
		moved |= move(server, far);
	} while (moved);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	(void)stream;
	(void)owner;
	(void)params;
	ck_assert_uint_lt(name.length, sizeof(message));
	memcpy(message, name.bytes, name.length);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	(void)owner;
	received += bytes.length;
	if (!hold)
		stream_consumed(stream, channel, bytes.length);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	closed_error = result->error;
	if (result->text.length > 0)
		memcpy(closed_text, result->text.bytes,
		       MIN(result->text.length, sizeof(closed_text) - 1));
}

static void ask(void)
{
	static const struct stream_handlers handlers = {
		.message = on_message, .data = on_data, .closed = on_closed};

	closed_error = 1;
	ck_assert_int_eq(session_request(client, slice_of("do.it"), (struct slice){0}, &handlers,
					 NULL, &opened),
			 0);
	settle();
}

static void set_up(void)
{
	client = session_new(SESSION_HOST, "client", NULL, &plain, NULL);
	near = session_new(SESSION_GUEST, "middle", NULL, &passing, NULL);
	far = session_new(SESSION_HOST, "middle", NULL, &plain, NULL);
	server = session_new(SESSION_GUEST, "server", NULL, &serving, NULL);
	session_start(client);
	session_start(far);
	settle();
	ck_assert(session_is_established(near) && session_is_established(server));
	ended = 0;
	received = 0;
	hold = cancelled = ended_channel = false;
	asked = NULL;
	memset(message, 0, sizeof(message));
	memset(closed_text, 0, sizeof(closed_text));
}

static void tear_down(void)
{
	session_free(client);
	session_free(near);
	session_free(far);
	session_free(server);
}

START_TEST(passes_the_answer_on)
{
	ask();
	ck_assert_ptr_nonnull(asked);
	ck_assert_int_eq(closed_error, 1);
	ck_assert_int_eq(stream_reply(asked, (struct slice){0}), 0);
	settle();
	ck_assert_int_eq(closed_error, 0);
	ck_assert_uint_eq(ended, 1);
}
END_TEST

START_TEST(passes_an_error_and_its_words_on)
{
	ask();
	stream_fail(asked, EPERM, "no way");
	settle();
	ck_assert_int_eq(closed_error, -EPERM);
	ck_assert_str_eq(closed_text, "no way");
	ck_assert_uint_eq(ended, 1);
}
END_TEST

START_TEST(passes_messages_and_ends_on)
{
	ask();
	ck_assert_int_eq(stream_message(opened, slice_of("hello"), (struct slice){0}), 0);
	stream_end(opened, 0);
	settle();
	ck_assert_str_eq(message, "hello");
	ck_assert(ended_channel);
	ck_assert_uint_eq(ended, 0);
}
END_TEST

START_TEST(keeps_a_stream_to_its_window)
{
	static const uint8_t zeroes[65536];
	size_t sent = 0;

	hold = true;
	ask();
	for (int i = 0; i < 20; i++) {
		ssize_t length = stream_send(asked, 1, zeroes, sizeof(zeroes));

		ck_assert_int_ge(length, 0);
		sent += (size_t)length;
		settle();
	}
	ck_assert_uint_eq(sent, SESSION_WINDOW);
	ck_assert_uint_eq(received, SESSION_WINDOW);
	stream_consumed(opened, 1, SESSION_WINDOW);
	settle();
	ck_assert_uint_eq(stream_credit(asked, 1), SESSION_WINDOW);
}
END_TEST

START_TEST(passes_a_cancel_on)
{
	ask();
	stream_cancel(opened);
	settle();
	ck_assert(cancelled);
	ck_assert_int_eq(closed_error, -ECANCELED);
	ck_assert_uint_eq(ended, 1);
}
END_TEST

START_TEST(stops_the_server_when_the_client_is_gone)
{
	ask();
	session_disconnected(near);
	ck_assert_uint_eq(ended, 1);
	settle();
	ck_assert(cancelled);
}
END_TEST

START_TEST(fails_when_the_server_is_gone)
{
	ask();
	session_disconnected(far);
	settle();
	ck_assert_int_eq(closed_error, -ECONNRESET);
	ck_assert_uint_eq(ended, 1);
	ask();
	ck_assert_int_eq(closed_error, -ENOTCONN);
	ck_assert_str_eq(closed_text, "not passed on");
	ck_assert_uint_eq(ended, 1);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("relay");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, passes_the_answer_on);
	tcase_add_test(tc, passes_an_error_and_its_words_on);
	tcase_add_test(tc, passes_messages_and_ends_on);
	tcase_add_test(tc, keeps_a_stream_to_its_window);
	tcase_add_test(tc, passes_a_cancel_on);
	tcase_add_test(tc, stops_the_server_when_the_client_is_gone);
	tcase_add_test(tc, fails_when_the_server_is_gone);
	return suite_run_case("relay", tc);
}
