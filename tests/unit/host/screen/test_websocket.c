/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/websocket.h"

#include "host/screen/link.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- Frames of a client --------------------------------------------------------------------- */

struct frames {
	uint8_t bytes[1 << 18];
	size_t length;
};

static struct frames frames;
static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

/* @first: FIN and opcode. */
static void add_frame(uint8_t first, const void *payload, size_t length)
{
	uint8_t *at = frames.bytes + frames.length;
	size_t header = 2;

	at[0] = first;
	if (length < 126) {
		at[1] = (uint8_t)(0x80 | length);
	} else if (length <= UINT16_MAX) {
		uint16_t wire = htobe16((uint16_t)length);

		at[1] = 0x80 | 126;
		memcpy(at + 2, &wire, sizeof(wire));
		header = 4;
	} else {
		uint64_t wire = htobe64(length);

		at[1] = 0x80 | 127;
		memcpy(at + 2, &wire, sizeof(wire));
		header = 10;
	}
	memcpy(at + header, mask, 4);
	for (size_t i = 0; i < length; i++)
		at[header + 4 + i] = ((const uint8_t *)payload)[i] ^ mask[i & 3];
	frames.length += header + 4 + length;
	ck_assert_uint_le(frames.length, sizeof(frames.bytes));
}

static void setup(void)
{
	frames.length = 0;
}

/* --- The core ------------------------------------------------------------------------------- */

struct outcome {
	uint8_t data[1 << 18];
	size_t length;
	unsigned int pings;
	int last; /* event */
	struct websocket websocket;
};

static struct outcome outcome;

/* Fed in pieces of @step bytes. */
static void decode(size_t step)
{
	static uint8_t copy[sizeof(frames.bytes)];

	memcpy(copy, frames.bytes, frames.length);
	outcome = (struct outcome){0};
	for (size_t at = 0; at < frames.length; at += step) {
		size_t end = MIN(at + step, frames.length), done = at;

		do {
			const uint8_t *payload;
			size_t used, length;

			outcome.last = websocket_decode(&outcome.websocket, copy + done, end - done,
							&used, &payload, &length);
			if (outcome.last < 0 || outcome.last == WEBSOCKET_CLOSED)
				return;
			done += used;
			if (outcome.last == WEBSOCKET_DATA) {
				memcpy(outcome.data + outcome.length, payload, length);
				outcome.length += length;
			} else if (outcome.last == WEBSOCKET_PINGED) {
				outcome.pings++;
			}
		} while (outcome.last != WEBSOCKET_NEED_MORE);
		ck_assert_uint_eq(done, end);
	}
}

static const size_t steps[] = {1, 2, 3, 7, 100, 1 << 18};

START_TEST(payload_of_all_lengths)
{
	static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 70000};
	static uint8_t payload[70000], expected[1 << 18];
	size_t total = 0;

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 31 + 7);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		if (total + lengths[i] > sizeof(expected) - 1000)
			break;
		add_frame(0x82, payload, lengths[i]);
		memcpy(expected + total, payload, lengths[i]);
		total += lengths[i];
	}
	decode(steps[_i]);
	ck_assert_int_eq(outcome.last, WEBSOCKET_NEED_MORE);
	ck_assert_uint_eq(outcome.length, total);
	ck_assert_mem_eq(outcome.data, expected, total);
}
END_TEST

START_TEST(fragments_with_control_frames_between)
{
	add_frame(0x02, "one ", 4);
	add_frame(0x89, "are you there", 13);
	add_frame(0x00, "two ", 4);
	add_frame(0x8a, "", 0);
	add_frame(0x80, "three", 5);
	add_frame(0x82, ".", 1);
	decode(steps[_i]);
	ck_assert_uint_eq(outcome.pings, 1);
	ck_assert_uint_eq(outcome.length, 14);
	ck_assert_mem_eq(outcome.data, "one two three.", 14);
}
END_TEST

START_TEST(close_ends_it)
{
	add_frame(0x82, "a", 1);
	add_frame(0x88, "\x03\xe8 bye", 6);
	add_frame(0x82, "b", 1);
	decode(steps[_i]);
	ck_assert_int_eq(outcome.last, WEBSOCKET_CLOSED);
	ck_assert_uint_eq(outcome.websocket.status, WEBSOCKET_NORMAL);
	ck_assert_uint_eq(outcome.length, 1);
}
END_TEST

static const struct {
	const char *what;
	uint8_t bytes[16];
	size_t length;
	uint16_t status;
} bad[] = {
	{"not masked", {0x82, 0x01, 'a'}, 3, WEBSOCKET_PROTOCOL_ERROR},
	{"reserved bit", {0xc2, 0x81, 0, 0, 0, 0, 'a'}, 7, WEBSOCKET_PROTOCOL_ERROR},
	{"unknown opcode", {0x83, 0x80, 0, 0, 0, 0}, 6, WEBSOCKET_PROTOCOL_ERROR},
	{"unknown control opcode", {0x8b, 0x80, 0, 0, 0, 0}, 6, WEBSOCKET_PROTOCOL_ERROR},
	{"text", {0x81, 0x81, 0, 0, 0, 0, 'a'}, 7, WEBSOCKET_UNSUPPORTED},
	{"continuation of nothing", {0x80, 0x80, 0, 0, 0, 0}, 6, WEBSOCKET_PROTOCOL_ERROR},
	{"message within a message",
	 {0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0},
	 12,
	 WEBSOCKET_PROTOCOL_ERROR},
	{"fragmented ping", {0x09, 0x80, 0, 0, 0, 0}, 6, WEBSOCKET_PROTOCOL_ERROR},
	{"long ping", {0x89, 0x80 | 126, 0, 126, 0, 0, 0, 0}, 8, WEBSOCKET_PROTOCOL_ERROR},
	{"longer form than needed",
	 {0x82, 0x80 | 126, 0, 125, 0, 0, 0, 0},
	 8,
	 WEBSOCKET_PROTOCOL_ERROR},
	{"64-bit form for 16 bits",
	 {0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0},
	 14,
	 WEBSOCKET_PROTOCOL_ERROR},
	{"top bit", {0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 14, WEBSOCKET_TOO_BIG},
	{"too large", {0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 1, 0, 0, 0, 0}, 14, WEBSOCKET_TOO_BIG},
	{"close of one byte", {0x88, 0x81, 0, 0, 0, 0, 3}, 7, WEBSOCKET_PROTOCOL_ERROR},
	{"close with a status that is not sent",
	 {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed},
	 8,
	 WEBSOCKET_PROTOCOL_ERROR},
};

START_TEST(what_breaks_the_rules)
{
	memcpy(frames.bytes, bad[_i].bytes, bad[_i].length);
	frames.length = bad[_i].length;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		decode(steps[i]);
		ck_assert_msg(outcome.last == -EPROTO, "%s: %d", bad[_i].what, outcome.last);
		ck_assert_uint_eq(outcome.websocket.status, bad[_i].status);
	}
}
END_TEST

START_TEST(headers_of_ours)
{
	uint8_t header[WEBSOCKET_MAX_HEADER];

	ck_assert_uint_eq(websocket_header(header, WEBSOCKET_BINARY, 125), 2);
	ck_assert_mem_eq(header, "\x82\x7d", 2);
	ck_assert_uint_eq(websocket_header(header, WEBSOCKET_PONG, 0), 2);
	ck_assert_mem_eq(header, "\x8a\x00", 2);
	ck_assert_uint_eq(websocket_header(header, WEBSOCKET_BINARY, 126), 4);
	ck_assert_mem_eq(header, "\x82\x7e\x00\x7e", 4);
	ck_assert_uint_eq(websocket_header(header, WEBSOCKET_BINARY, 65536), 10);
	ck_assert_mem_eq(header, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}
END_TEST

/* The example of RFC 6455, section 1.3. */
START_TEST(key_and_its_answer)
{
	char accept[WEBSOCKET_ACCEPT_SIZE];

	ck_assert_int_eq(websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", accept), 0);
	ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	ck_assert_int_eq(websocket_accept("", accept), -EINVAL);
	ck_assert_int_eq(websocket_accept("dGhlIHNhbXBsZSBub25j", accept), -EINVAL);
	ck_assert_int_eq(websocket_accept("dGhlIHNhbXBsZSBub25jZTE5", accept), -EINVAL);
	ck_assert_int_eq(websocket_accept("????????????????????????", accept), -EINVAL);
}
END_TEST

/* --- The layer ------------------------------------------------------------------------------ */

struct side {
	uv_loop_t loop;
	struct link *link;
	int peer;
	char got[64];
	size_t length;
	bool closed;
	int error;
};

static size_t received(void *owner, const uint8_t *bytes, size_t length)
{
	struct side *side = owner;

	ck_assert_uint_lt(length, sizeof(side->got) - side->length);
	memcpy(side->got + side->length, bytes, length);
	side->length += length;
	return length;
}

static void closed(void *owner, int error)
{
	struct side *side = owner;

	side->closed = true;
	side->error = error;
	link_free(take_ptr(side->link));
}

static const struct link_handlers handlers = {received, NULL, closed};

static void open_side(struct side *side)
{
	int fds[2];

	*side = (struct side){0};
	uv_loop_init(&side->loop);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	side->link = link_new(&side->loop, fds[0]);
	side->peer = fds[1];
	link_set_handlers(side->link, &handlers, side);
	ck_assert_int_eq(link_start_websocket(side->link), 0);
}

static void exchange(struct side *side, const void *expected, size_t length)
{
	uint8_t answer[256];

	ck_assert_int_eq(write(side->peer, frames.bytes, frames.length), (ssize_t)frames.length);
	for (int i = 0; i < 4; i++)
		uv_run(&side->loop, UV_RUN_NOWAIT);
	ck_assert_int_eq(recv(side->peer, answer, sizeof(answer), MSG_DONTWAIT), (ssize_t)length);
	ck_assert_mem_eq(answer, expected, length);
}

static void close_side(struct side *side)
{
	close(side->peer);
	link_free(side->link);
	uv_run(&side->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&side->loop), 0);
}

START_TEST(the_layer_carries_bytes)
{
	struct side side;

	open_side(&side);
	ck_assert_int_eq(link_send(side.link, "answer", 6), 0);
	add_frame(0x82, "hello", 5);
	add_frame(0x89, "x", 1);
	exchange(&side,
		 "\x82\x06"
		 "answer"
		 "\x8a\x01x",
		 11);
	ck_assert_str_eq(side.got, "hello");
	close_side(&side);
}
END_TEST

START_TEST(the_layer_closes_with_the_peer)
{
	struct side side;

	open_side(&side);
	add_frame(0x82, "bye", 3);
	add_frame(0x88, "\x03\xe8", 2);
	add_frame(0x82, "more", 4);
	exchange(&side, "\x88\x02\x03\xe8", 4);
	ck_assert_str_eq(side.got, "bye");
	ck_assert(side.closed);
	ck_assert_int_eq(side.error, 0);
	close_side(&side);
}
END_TEST

START_TEST(the_layer_tells_a_peer_off)
{
	struct side side;

	open_side(&side);
	add_frame(0x82, "good", 4);
	add_frame(0x81, "text", 4);
	exchange(&side, "\x88\x02\x03\xeb", 4);
	ck_assert_str_eq(side.got, "good");
	ck_assert(side.closed);
	ck_assert_int_eq(side.error, -EPROTO);
	close_side(&side);
}
END_TEST

START_TEST(the_layer_says_good_bye)
{
	struct side side;

	open_side(&side);
	link_finish(take_ptr(side.link));
	exchange(&side, "\x88\x02\x03\xe8", 4);
	close_side(&side);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("websocket");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_loop_test(tcase, payload_of_all_lengths, 0, ARRAY_SIZE(steps));
	tcase_add_loop_test(tcase, fragments_with_control_frames_between, 0, ARRAY_SIZE(steps));
	tcase_add_loop_test(tcase, close_ends_it, 0, ARRAY_SIZE(steps));
	tcase_add_loop_test(tcase, what_breaks_the_rules, 0, ARRAY_SIZE(bad));
	tcase_add_test(tcase, headers_of_ours);
	tcase_add_test(tcase, key_and_its_answer);
	tcase_add_test(tcase, the_layer_carries_bytes);
	tcase_add_test(tcase, the_layer_closes_with_the_peer);
	tcase_add_test(tcase, the_layer_tells_a_peer_off);
	tcase_add_test(tcase, the_layer_says_good_bye);
	return suite_run_case("websocket", tcase);
}
