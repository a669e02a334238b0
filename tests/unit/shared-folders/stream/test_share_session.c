/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which thread runs a request. What a session says to its peer: test_stream.c. */
#include "shared-folders/stream/share_session.h"

#include "shared-folders/fuse/ahead.h"
#include "tests/unit/shared-folders/stream/fake_server.h"
#include "tests/unit/suite.h"

#include <linux/fuse.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 60000

static struct pool *pool;
static struct share_session *session;
static uint64_t next_unique;
/* By how much time goes on whenever somebody looks. */
static uint64_t tick_ns;

/* How long a request takes is not left to the machine. */
static uint64_t clock_ns(void)
{
	static uint64_t now_ns;

	now_ns += tick_ns;
	return now_ns;
}

/* Whoever waits looks again and again. */
static void on_wake(void *owner)
{
	(void)owner;
}

static void begin(void)
{
	static const uint8_t id[SHARE_SESSION_SIZE] = "0123456789abcdef";
	const struct server_options options = {.root = -1};
	struct server *server;

	fake_server_reset();
	next_unique = 1;
	tick_ns = 1000;
	ck_assert_int_eq(pool_new(2, &pool), 0);
	ck_assert_int_eq(share_session_new(id, pool, on_wake, NULL, &session), 0);
	share_session_use_clock(session, clock_ns);
	ck_assert_int_eq(server_new(&options, &server), 0);
	share_session_serve(session, server);
}

#define UNTIL(condition)                                                                           \
	for (unsigned int waited_ = 0; !(condition); waited_++) {                                  \
		ck_assert_msg(waited_ < PATIENCE_MS, "nothing came of it");                        \
		poll(NULL, 0, 1);                                                                  \
		share_session_collect(session);                                                    \
	}

static void finish(void)
{
	share_session_end(session);
	UNTIL(share_session_has_ended(session));
	share_session_free(session);
	pool_free(pool);
	ck_assert_uint_eq(fake_servers(), 0);
}

/* A request that has come, and is not begun. Return: its unique. */
static uint64_t ask_of(uint64_t node, uint32_t opcode, size_t more)
{
	const struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + more),
					      .opcode = opcode,
					      .unique = next_unique,
					      .nodeid = node};
	uint8_t *message = calloc(1, header.len);

	ck_assert_ptr_nonnull(message);
	memcpy(message, &header, sizeof(header));
	ck_assert_int_eq(share_session_message(session, message, header.len), 0);
	return next_unique++;
}

static uint64_t ask(uint32_t opcode, size_t more)
{
	return ask_of(0, opcode, more);
}

/* Return: was it this thread, the loop's? */
static bool is_in_line(uint64_t unique)
{
	UNTIL(fake_server_runs(unique) == 1);
	return fake_server_thread(unique) == gettid();
}

/* How many bytes there are for the peer. */
static size_t take_output(void)
{
	struct slice output;
	size_t taken = 0;

	while ((output = share_session_output(session)).length > 0) {
		taken += output.length;
		share_session_sent(session, output.length);
	}
	return taken;
}

START_TEST(what_comes_alone_is_answered_in_line)
{
	begin();
	for (int i = 0; i < 100; i++) {
		const uint64_t unique = ask(FAKE_ECHO, 100);

		ck_assert_uint_eq(fake_server_runs(unique), 0);
		share_session_collect(session);
		ck_assert_uint_eq(fake_server_runs(unique), 1);
		ck_assert(is_in_line(unique));
		ck_assert_uint_eq(take_output(), sizeof(struct fuse_out_header) + 100);
	}
	finish();
}
END_TEST

START_TEST(of_many_at_once_threads_take_their_part)
{
	enum { COUNT = 20 };
	uint64_t uniques[COUNT];
	size_t bytes = 0;

	begin();
	for (int i = 0; i < COUNT; i++)
		uniques[i] = ask(FAKE_ECHO, 0);
	share_session_collect(session);
	ck_assert(!is_in_line(uniques[0]));
	ck_assert(is_in_line(uniques[COUNT - 1]));
	UNTIL((bytes += take_output()) == COUNT * sizeof(struct fuse_out_header));
	finish();
}
END_TEST

START_TEST(so_they_do_of_two_that_carry_much)
{
	uint64_t first, second;

	begin();
	first = ask(FAKE_SILENT, 100000);
	second = ask(FAKE_SILENT, 100000);
	share_session_collect(session);
	ck_assert(!is_in_line(first));
	ck_assert(is_in_line(second));
	finish();
}
END_TEST

START_TEST(what_may_wait_for_a_disk_is_for_a_thread)
{
	static const uint32_t slow[] = {FUSE_FSYNC,	FUSE_FSYNCDIR, FUSE_SYNCFS,
					FUSE_FALLOCATE, FUSE_INIT,     FUSE_COPY_FILE_RANGE};

	begin();
	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		const uint64_t unique = ask(slow[i], 0);

		share_session_collect(session);
		ck_assert(!is_in_line(unique));
	}
	finish();
}
END_TEST

START_TEST(after_one_that_took_long_threads_are_asked_for_a_while)
{
	uint64_t unique;
	unsigned int others = 0;

	begin();
	unique = ask(FAKE_SILENT, 0);
	tick_ns = 10000000;
	share_session_collect(session);
	tick_ns = 1000;
	ck_assert(is_in_line(unique));
	do {
		ck_assert_uint_le(++others, 1000);
		unique = ask(FAKE_SILENT, 0);
		share_session_collect(session);
	} while (!is_in_line(unique));
	ck_assert_uint_gt(others, 10);
	finish();
}
END_TEST

/* The first of what there is for the peer, which is a message of @length bytes; the rest waits. */
static void expect_message(void *message, size_t length)
{
	const struct slice output = share_session_output(session);

	ck_assert_uint_eq(output.length, length);
	memcpy(message, output.bytes, length);
	share_session_sent(session, length);
}

struct told {
	struct fuse_out_header header;
	struct fuse_ahead ahead;
};

START_TEST(what_comes_next_is_told_behind_the_reply)
{
	struct fuse_out_header reply;
	struct told told;
	uint64_t unique;

	begin();
	share_session_set_ahead(session, true);
	unique = ask_of(6, FUSE_UNLINK, 0);
	share_session_collect(session);
	expect_message(&reply, sizeof(reply));
	ck_assert_uint_eq(reply.unique, unique);
	expect_message(&told, sizeof(told));
	ck_assert_uint_eq(told.header.unique, 0);
	ck_assert_int_eq(told.header.error, FUSE_AHEAD);
	ck_assert_uint_eq(told.header.len, sizeof(told));
	ck_assert_uint_eq(told.ahead.unique, unique);
	ck_assert_uint_eq(told.ahead.flags, FUSE_AHEAD_ATTRIBUTES);
	ck_assert_uint_eq(told.ahead.node, 6);
	ck_assert_uint_eq(told.ahead.attributes.attr.size, FAKE_SIZE);
	ck_assert_uint_eq(take_output(), 0);
	finish();
}
END_TEST

START_TEST(a_close_is_told_to_be_quiet_only_where_it_is)
{
	struct told told;

	begin();
	share_session_set_ahead(session, true);
	ask_of(8, FUSE_OPEN, 0);
	share_session_collect(session);
	share_session_sent(session, share_session_output(session).length);
	expect_message(&told, sizeof(told));
	ck_assert_uint_eq(told.ahead.flags, FUSE_AHEAD_QUIET);
	ck_assert_uint_eq(told.ahead.file, 8);
	ck_assert_uint_eq(told.ahead.handle, FAKE_HANDLE);
	ask_of(9, FUSE_OPEN, 0);
	share_session_collect(session);
	ck_assert_uint_eq(take_output(),
			  sizeof(struct fuse_out_header) + sizeof(struct fuse_open_out));
	finish();
}
END_TEST

START_TEST(nothing_is_told_ahead_of_failures_or_to_who_did_not_ask)
{
	begin();
	ask_of(6, FUSE_UNLINK, 0);
	share_session_collect(session);
	ck_assert_uint_eq(take_output(), sizeof(struct fuse_out_header));
	share_session_set_ahead(session, true);
	ask_of(0, FUSE_UNLINK, 0);
	share_session_collect(session);
	ck_assert_uint_eq(take_output(), sizeof(struct fuse_out_header));
	finish();
}
END_TEST

START_TEST(with_others_behind_it_nothing_is_told_ahead)
{
	begin();
	share_session_set_ahead(session, true);
	ask_of(6, FUSE_UNLINK, 0);
	ask(FAKE_SILENT, 0);
	share_session_collect(session);
	ck_assert_uint_eq(take_output(), sizeof(struct fuse_out_header));
	finish();
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("share_session");

	tcase_set_timeout(tests, PATIENCE_MS / 1000.0 + 10);
	tcase_add_test(tests, what_comes_alone_is_answered_in_line);
	tcase_add_test(tests, of_many_at_once_threads_take_their_part);
	tcase_add_test(tests, so_they_do_of_two_that_carry_much);
	tcase_add_test(tests, what_may_wait_for_a_disk_is_for_a_thread);
	tcase_add_test(tests, after_one_that_took_long_threads_are_asked_for_a_while);
	tcase_add_test(tests, what_comes_next_is_told_behind_the_reply);
	tcase_add_test(tests, a_close_is_told_to_be_quiet_only_where_it_is);
	tcase_add_test(tests, nothing_is_told_ahead_of_failures_or_to_who_did_not_ask);
	tcase_add_test(tests, with_others_behind_it_nothing_is_told_ahead);
	return suite_run_case("share_session", tests);
}
