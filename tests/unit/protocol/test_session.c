/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/protocol/pair.h"
#include "tests/unit/protocol/vectors.h"
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

/* --- Handshake ------------------------------------------------------------------------------ */

START_TEST(either_side_may_begin)
{
	session_start(_i ? guest->session : host->session);
	pair_settle(&pair);
	ck_assert_uint_eq(host->established, 1);
	ck_assert_uint_eq(guest->established, 1);
	ck_assert_uint_eq(host->lost + guest->lost, 0);
	pair_expect_works(&pair);
}
END_TEST

START_TEST(both_may_begin_at_once)
{
	session_start(host->session);
	session_start(guest->session);
	pair_settle(&pair);
	ck_assert_uint_eq(host->established, 1);
	ck_assert_uint_eq(guest->established, 1);
	pair_expect_works(&pair);
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
	pair_expect_works(&pair);
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

/* Length of what the host says in that conversation. */
static size_t conversation_length(void)
{
	pair_establish(&pair);
	pair_converse(&pair);
	pair_collect(host);
	return host->length;
}

/* The host dies with any number of its bytes under way, any number of the guest's unread. */
START_TEST(the_host_restarts_at_any_byte)
{
	size_t length = conversation_length();

	for (size_t cut = 0; cut <= length; cut += cut < 200 ? 1 : 61) {
		pair_free(&pair);
		pair_new(&pair);
		pair_establish(&pair);
		pair_converse(&pair);
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
		pair_expect_works(&pair);
	}
}
END_TEST

START_TEST(the_guest_restarts_at_any_byte)
{
	size_t length;

	pair_establish(&pair);
	pair_open_stream(&pair);
	pair_converse(&pair);
	pair_collect(guest);
	length = guest->length;
	for (size_t cut = 0; cut <= length; cut += cut < 200 ? 1 : 61) {
		pair_free(&pair);
		pair_new(&pair);
		pair_establish(&pair);
		pair_open_stream(&pair);
		pair_converse(&pair);
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
		pair_expect_works(&pair);
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
				pair_converse(&pair);
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
	pair_expect_works(&pair);
}
END_TEST

/* Each end may die (and start again), say HELLO again, and be heard in whole or in part. */
enum step {
	HOST_DIES,
	GUEST_DIES,
	HOST_STARTS,
	GUEST_STARTS,
	HOST_IS_HEARD,
	GUEST_IS_HEARD,
	HOST_IS_HALF_HEARD,
	GUEST_IS_HALF_HEARD,
	STEP_COUNT,
};

static void do_step(enum step step)
{
	struct end *end = step % 2 ? guest : host;

	switch (step) {
	case HOST_DIES:
	case GUEST_DIES:
		pair_restart(end);
		session_start(end->session);
		break;
	case HOST_STARTS:
	case GUEST_STARTS:
		session_start(end->session);
		break;
	default:
		pair_collect(end);
		pair_deliver(end, end == host ? guest : host,
			     step == HOST_IS_HEARD || step == GUEST_IS_HEARD ? end->length
									     : end->length / 2);
		break;
	}
}

#define SEQUENCE_LENGTH 5

/* Every sequence of so many steps, from where both have just said HELLO, and from the middle of a
 * conversation, with ends that take their output late or at once. No further HELLO is needed. */
START_TEST(every_sequence_of_steps_converges)
{
	bool conversing = _i & 1, eager = _i & 2;
	unsigned int sequences = 1;

	for (int i = 0; i < SEQUENCE_LENGTH; i++)
		sequences *= STEP_COUNT;
	for (unsigned int sequence = 0; sequence < sequences; sequence++) {
		pair_free(&pair);
		pair_new(&pair);
		host->eager = guest->eager = eager;
		if (conversing) {
			pair_establish(&pair);
			pair_open_stream(&pair);
			pair_converse(&pair);
			pair_collect(host);
			pair_collect(guest);
		} else {
			session_start(host->session);
			session_start(guest->session);
		}
		for (unsigned int i = 0, rest = sequence; i < SEQUENCE_LENGTH; i++) {
			do_step((enum step)(rest % STEP_COUNT));
			rest /= STEP_COUNT;
		}
		pair_settle(&pair);
		pair_expect_works(&pair);
	}
}
END_TEST

/* --- Odd peers ------------------------------------------------------------------------------ */

START_TEST(an_epoch_never_spells_the_sync_word)
{
	uint64_t sync = be64toh(load_le64(sync_word));
	uint8_t bytes[FRAME_HEADER_SIZE + 4096];

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	sync = load_le64(sync_word);
#endif
	/* Ours: another one is taken. */
	guest->next_epoch = sync;
	session_start(guest->session);
	pair_settle(&pair);
	pair_expect_works(&pair);
	/* A peer's: its HELLO is not one. */
	session_disconnected(guest->session);
	pair_forge_hello(guest, sync, 0, 1);
	ck_assert_uint_eq(session_output(guest->session, bytes, sizeof(bytes)), 0);
	pair_establish(&pair);
	pair_expect_works(&pair);
}
END_TEST

START_TEST(no_version_in_common_is_answered_and_told)
{
	guest->next_epoch = 7;
	session_start(guest->session);
	pair_collect(guest);
	guest->length = 0;
	ck_assert_int_eq(pair_forge_hello(guest, 5, 7, 2), 0);
	ck_assert(!session_is_established(guest->session));
	ck_assert_int_eq(guest->last_lost, -EPROTONOSUPPORT);
	pair_collect(guest);
	ck_assert_uint_gt(guest->length, SYNC_WORD_SIZE);
	/* Said once, not for ever. */
	guest->length = 0;
	pair_forge_hello(guest, 5, 7, 2);
	pair_collect(guest);
	ck_assert_uint_eq(guest->length, 0);
	pair_establish(&pair);
	pair_expect_works(&pair);
}
END_TEST

/* A peer that died after it had read our HELLO, and whose next life answers that. */
START_TEST(a_new_life_that_heard_the_old_hello_is_a_new_session)
{
	guest->next_epoch = 7;
	session_start(guest->session);
	pair_forge_hello(guest, 5, 7, 1);
	ck_assert_uint_eq(guest->established, 1);
	pair_forge_hello(guest, 6, 7, 1);
	ck_assert_uint_eq(guest->lost, 1);
	ck_assert_int_eq(guest->last_lost, -ECONNRESET);
	ck_assert_uint_eq(guest->established, 2);
	/* An old answer of the same life changes nothing. */
	pair_forge_hello(guest, 6, 99, 1);
	ck_assert_uint_eq(guest->lost, 1);
	/* A life that knows neither starts anew, and so does this side. */
	guest->next_epoch = 17;
	pair_forge_hello(guest, 8, 99, 1);
	ck_assert_uint_eq(guest->lost, 2);
	pair_forge_hello(guest, 8, 7, 1);
	ck_assert(!session_is_established(guest->session));
	pair_forge_hello(guest, 8, 17, 1);
	ck_assert(session_is_established(guest->session));
}
END_TEST

START_TEST(disconnected_ends_say_nothing_until_they_start)
{
	pair_establish(&pair);
	pair_open_stream(&pair);
	session_disconnected(host->session);
	ck_assert_int_eq(host->last_lost, -ECONNRESET);
	ck_assert_uint_eq(host->closed, 1);
	ck_assert(!session_has_output(host->session));
	ck_assert_int_eq(session_ping(host->session, 1), -ENOTCONN);
	ck_assert_int_eq(session_event(host->session, "x", nothing), -ENOTCONN);
	pair_establish(&pair);
	pair_expect_works(&pair);
}
END_TEST

/* --- The golden conversation ---------------------------------------------------------------- */

static struct stream *golden_stream;

static void golden_request(const char *method)
{
	static const uint8_t params[] = {0xa1, 0x61, 'n', 1}; /* {"n": 1} */

	session_request(host->session, slice_of(method), (struct slice){params, sizeof(params)},
			&pair_stream_handlers, host, &golden_stream);
}

/* What leads to each line of vectors/conversation.txt. */
static void golden_step(unsigned int step)
{
	switch (step) {
	case 0:
		host->next_epoch = 0x1111111111111111;
		guest->next_epoch = 0x2222222222222222;
		session_start(host->session);
		break;
	case 3:
		golden_request("keep");
		stream_send(golden_stream, 0, "input", 5);
		stream_end(golden_stream, 0);
		break;
	case 4:
		stream_message(guest->asked, SLICE_LITERAL("started"), nothing);
		stream_send(guest->asked, 1, "output", 6);
		stream_send(guest->asked, 2, sync_word, SYNC_WORD_SIZE);
		break;
	case 5:
		stream_end(guest->asked, 1);
		stream_reply(guest->asked, nothing);
		break;
	case 6:
		session_ping(host->session, 0x0807060504030201);
		session_ping(host->session, load_le64(sync_word));
		break;
	case 8:
		session_event(guest->session, "changed", nothing);
		break;
	case 9:
		golden_request("keep");
		stream_cancel(golden_stream);
		break;
	default: /* an answer to the line before */
		break;
	}
}

/* "host HEX" or "guest HEX": what that end says now, byte for byte; then the other end hears it. */
static void check_line(const char *line)
{
	static unsigned int step;
	struct end *speaker = line[0] == 'h' ? host : guest;
	uint8_t bytes[VECTOR_MAX];
	size_t length = vector_bytes(strchr(line, ' '), bytes);

	golden_step(step++);
	pair_collect(speaker);
	ck_assert_msg(speaker->length == length && memcmp(speaker->pipe, bytes, length) == 0,
		      "line %u is said otherwise", step);
	ck_assert_int_eq(pair_deliver(speaker, speaker == host ? guest : host, SIZE_MAX), 0);
}

START_TEST(the_golden_conversation_is_said_and_heard)
{
	each_vector("protocol/vectors/conversation.txt", check_line);
	pair_settle(&pair);
	ck_assert_uint_eq(guest->received[0], 5);
	ck_assert_uint_eq(host->received[1], 6);
	ck_assert_uint_eq(host->received[2], SYNC_WORD_SIZE);
	ck_assert_uint_eq(host->pongs, 2);
	ck_assert_uint_eq(host->events, 1);
	ck_assert_uint_eq(host->messages, 1);
	ck_assert_uint_eq(host->closed, 2);
	ck_assert_int_eq(host->last_error, -ECANCELED);
	pair_expect_works(&pair);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("session");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, two_ends, no_ends);
	tcase_add_loop_test(tc, either_side_may_begin, 0, 2);
	tcase_add_test(tc, both_may_begin_at_once);
	tcase_add_test(tc, a_start_repeated_before_an_answer_is_one_session);
	tcase_add_test(tc, two_of_one_role_do_not_talk);
	tcase_add_test(tc, the_host_restarts_at_any_byte);
	tcase_add_loop_test(tc, the_guest_restarts_at_any_byte, 0, 2);
	tcase_add_loop_test(tc, any_order_of_restarts_converges, 0, 40);
	tcase_add_loop_test(tc, every_sequence_of_steps_converges, 0, 4);
	tcase_add_test(tc, an_epoch_never_spells_the_sync_word);
	tcase_add_test(tc, no_version_in_common_is_answered_and_told);
	tcase_add_test(tc, a_new_life_that_heard_the_old_hello_is_a_new_session);
	tcase_add_test(tc, disconnected_ends_say_nothing_until_they_start);
	tcase_add_test(tc, the_golden_conversation_is_said_and_heard);
	return suite_run_case("session", tc);
}
