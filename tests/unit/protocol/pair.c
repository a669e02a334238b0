/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/protocol/pair.h"

#include "protocol/base/bytes.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* An assertion that costs nothing while it holds: Check notes each of its own in a file. */
#define expect(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("%s", #condition);                                            \
	} while (0)

static void on_established(void *owner, const struct session_peer *peer)
{
	struct end *end = owner;

	expect(peer->version == 1);
	expect(session_peer_has(peer, "ping"));
	expect(!session_peer_has(peer, "pin"));
	end->established++;
}

static void on_lost(void *owner, int reason)
{
	struct end *end = owner;

	end->lost++;
	end->last_lost = reason;
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct end *end = owner;

	(void)params;
	end->requests++;
	snprintf(end->method, sizeof(end->method), "%.*s", (int)method.length,
		 (const char *)method.bytes);
	end->asked = stream;
	stream_set_handlers(stream, &pair_stream_handlers, end);
	if (slice_is(method, "ping"))
		stream_reply(stream, (struct slice){NULL, 0});
}

static void on_event(void *owner, struct slice name, struct slice params)
{
	(void)name;
	(void)params;
	((struct end *)owner)->events++;
}

static void on_pong(void *owner, uint64_t cookie)
{
	((struct end *)owner)->pongs++;
	((struct end *)owner)->last_pong = cookie;
}

static void on_wake(void *owner)
{
	struct end *end = owner;

	end->wakes++;
	/* Most tests collect when they like. */
	if (end->eager)
		pair_collect(end);
}

/* Any sequence of different numbers will do. */
static uint64_t on_random(void *owner)
{
	static uint64_t next = 0x1234567;
	struct end *end = owner;
	uint64_t wanted = end->next_epoch;

	end->next_epoch = 0;
	if (wanted)
		return wanted;
	return next += 0x9e3779b97f4a7c15;
}

static const struct session_handlers handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.event = on_event,
	.pong = on_pong,
	.wake = on_wake,
	.random = on_random,
};

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct end *end = owner;

	if (end->data && channel == 1)
		memcpy(end->data + end->received[1], bytes.bytes, bytes.length);
	end->received[channel] += bytes.length;
	if (!end->keep_credit)
		stream_consumed(stream, channel, bytes.length);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	(void)stream;
	(void)name;
	(void)params;
	((struct end *)owner)->messages++;
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	(void)stream;
	((struct end *)owner)->ended[channel] = true;
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	((struct end *)owner)->credited += bytes;
}

static void on_cancelled(struct stream *stream, void *owner)
{
	((struct end *)owner)->cancelled = true;
	((struct end *)owner)->asked = NULL;
	stream_fail(stream, ECANCELED, "as you wish");
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct end *end = owner;

	end->closed++;
	end->last_error = result->error;
	if (end->asked == stream)
		end->asked = NULL;
}

const struct stream_handlers pair_stream_handlers = {
	.message = on_message,
	.data = on_data,
	.end = on_end,
	.credit = on_credit,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

static const char *const capabilities[] = {"ping", "exec", NULL};

static void end_new(struct end *end, enum session_role role)
{
	static uint8_t pipes[2][PIPE_CAPACITY];

	*end = (struct end){.role = role, .pipe = pipes[role]};
	end->session = session_new(role, "test 1", capabilities, &handlers, end);
	expect(end->session);
}

void pair_new(struct pair *pair)
{
	end_new(&pair->host, SESSION_HOST);
	end_new(&pair->guest, SESSION_GUEST);
}

void pair_free(struct pair *pair)
{
	session_free(pair->host.session);
	session_free(pair->guest.session);
}

void pair_restart(struct end *end)
{
	session_free(end->session);
	end->asked = NULL;
	end->session = session_new(end->role, "test 1", capabilities, &handlers, end);
	expect(end->session);
}

void pair_collect(struct end *end)
{
	size_t taken;

	do {
		expect(PIPE_CAPACITY - end->length >= 65536);
		taken = session_output(end->session, end->pipe + end->length, 65536);
		end->length += taken;
	} while (taken > 0);
}

int pair_deliver(struct end *from, struct end *to, size_t length)
{
	uint8_t *bytes;
	int r;

	length = MIN(length, from->length);
	bytes = malloc(length + 1);
	memcpy(bytes, from->pipe, length);
	from->length -= length;
	memmove(from->pipe, from->pipe + length, from->length);
	r = session_receive(to->session, bytes, length);
	free(bytes);
	return r;
}

void pair_settle(struct pair *pair)
{
	for (unsigned int round = 0; round < 100; round++) {
		pair_collect(&pair->host);
		pair_collect(&pair->guest);
		if (pair->host.length == 0 && pair->guest.length == 0)
			return;
		pair_deliver(&pair->host, &pair->guest, SIZE_MAX);
		pair_deliver(&pair->guest, &pair->host, SIZE_MAX);
	}
	ck_abort_msg("the ends never fall silent");
}

void pair_establish(struct pair *pair)
{
	session_start(pair->host.session);
	pair_settle(pair);
	expect(session_is_established(pair->host.session));
	expect(session_is_established(pair->guest.session));
}

struct stream *pair_open_stream(struct pair *pair)
{
	struct stream *stream = NULL;

	expect(session_request(pair->host.session, SLICE_LITERAL("keep"), (struct slice){NULL, 0},
			       &pair_stream_handlers, &pair->host, &stream) == 0);
	pair_settle(pair);
	expect(pair->guest.asked);
	return stream;
}

void pair_expect_works(struct pair *pair)
{
	unsigned int closed = pair->host.closed;

	expect(session_is_established(pair->host.session));
	expect(session_is_established(pair->guest.session));
	expect(session_request(pair->host.session, SLICE_LITERAL("ping"), (struct slice){NULL, 0},
			       &pair_stream_handlers, &pair->host, NULL) == 0);
	pair_settle(pair);
	expect(pair->host.closed == closed + 1);
	expect(pair->host.last_error == 0);
}

int pair_forge(struct end *to, enum frame_type type, uint32_t stream, struct slice payload)
{
	struct frame_header header = {
		.type = (uint8_t)type,
		.stream = stream,
		.length = (uint32_t)payload.length,
	};
	uint8_t bytes[FRAME_HEADER_SIZE + 4096];

	expect(payload.length <= 4096);
	frame_header_encode(&header, bytes);
	if (payload.length > 0)
		memcpy(bytes + FRAME_HEADER_SIZE, payload.bytes, payload.length);
	return session_receive(to->session, bytes, FRAME_HEADER_SIZE + payload.length);
}

int pair_forge_hello(struct end *to, uint64_t epoch, uint64_t peer, unsigned int version)
{
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	cbor_put_map(&writer, 5);
	cbor_put_text(&writer, SLICE_LITERAL("epoch"));
	cbor_put_uint(&writer, epoch);
	cbor_put_text(&writer, SLICE_LITERAL("peer"));
	cbor_put_uint(&writer, peer);
	cbor_put_text(&writer, SLICE_LITERAL("versions"));
	cbor_put_array(&writer, 2);
	cbor_put_uint(&writer, version);
	cbor_put_uint(&writer, version);
	cbor_put_text(&writer, SLICE_LITERAL("role"));
	cbor_put_text(&writer, slice_of(to->role == SESSION_HOST ? "guest" : "host"));
	cbor_put_text(&writer, SLICE_LITERAL("capabilities"));
	cbor_put_array(&writer, 1);
	cbor_put_text(&writer, SLICE_LITERAL("ping"));
	session_receive(to->session, sync_word, SYNC_WORD_SIZE);
	return pair_forge(to, FRAME_HELLO, 0, cbor_written(&writer));
}

void pair_converse(struct pair *pair)
{
	static uint8_t block[3000];
	struct stream *stream = NULL;

	memset(block, 0xf7, sizeof(block));
	memcpy(block + 1000, sync_word, SYNC_WORD_SIZE);
	session_request(pair->host.session, SLICE_LITERAL("keep"), (struct slice){NULL, 0},
			&pair_stream_handlers, &pair->host, &stream);
	stream_send(stream, 0, block, sizeof(block));
	stream_end(stream, 0);
	session_ping(pair->host.session, load_le64(sync_word));
	session_event(pair->guest.session, "something", (struct slice){NULL, 0});
	if (pair->guest.asked)
		stream_send(pair->guest.asked, 1, block, sizeof(block));
}
