/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/protocol/pair.h"

#include "protocol/base/bytes.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void on_established(void *owner, const struct session_peer *peer)
{
	struct end *end = owner;

	ck_assert_uint_eq(peer->version, 1);
	ck_assert(session_peer_has(peer, "ping"));
	ck_assert(!session_peer_has(peer, "pin"));
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
	(void)owner; /* the tests collect when they like */
}

/* Any sequence of different numbers will do. */
static uint64_t on_random(void *owner)
{
	static uint64_t next = 0x1234567;

	(void)owner;
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
	.data = on_data,
	.end = on_end,
	.credit = on_credit,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

static const char *const capabilities[] = {"ping", "exec", NULL};

static void end_new(struct end *end, enum session_role role)
{
	*end = (struct end){.role = role, .pipe = malloc(PIPE_CAPACITY)};
	end->session = session_new(role, "test 1", capabilities, &handlers, end);
	ck_assert_ptr_nonnull(end->session);
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
	free(pair->host.pipe);
	free(pair->guest.pipe);
}

void pair_restart(struct end *end)
{
	session_free(end->session);
	end->asked = NULL;
	end->session = session_new(end->role, "test 1", capabilities, &handlers, end);
	ck_assert_ptr_nonnull(end->session);
}

void pair_collect(struct end *end)
{
	size_t taken;

	do {
		ck_assert_uint_ge(PIPE_CAPACITY - end->length, 65536);
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
	for (unsigned int round = 0; round < 10000; round++) {
		pair_collect(&pair->host);
		pair_collect(&pair->guest);
		if (pair->host.length == 0 && pair->guest.length == 0)
			return;
		pair_deliver(&pair->host, &pair->guest, SIZE_MAX);
		pair_deliver(&pair->guest, &pair->host, SIZE_MAX);
	}
	ck_abort_msg("the ends never fall silent");
}
