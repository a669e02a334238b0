/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: protocol relay base
/*
 * A stranger at the far end of a relay, as a lodge-session is to the agent: whatever it says, the
 * near pair, which keeps the rules, stays established. Input: records of an operation, a length,
 * and so many bytes.
 */
#include "protocol/base/bytes.h"
#include "protocol/relay/relay.h"

#include <errno.h>
#include <stdlib.h>

#define STREAMS 4

struct world {
	struct session *host;	  /* asks */
	struct session *near;	  /* is asked, and asks on */
	struct session *far;	  /* hears the stranger */
	struct session *stranger; /* until it is established */
	struct stream *streams[STREAMS];
	uint64_t random;
};

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)owner;
	(void)peer;
}

static void on_far_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_near_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
	abort();
}

static void on_wake(void *owner)
{
	(void)owner;
}

static uint64_t on_random(void *owner)
{
	struct world *world = owner;

	return ++world->random;
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct world *world = owner;
	int error = relay_request(stream, world->far, method, params, NULL, NULL);

	if (error)
		stream_fail(stream, error, "nobody is there");
}

static const struct session_handlers near_handlers = {.established = on_established,
						      .lost = on_near_lost,
						      .request = on_request,
						      .wake = on_wake,
						      .random = on_random};
static const struct session_handlers far_handlers = {
	.established = on_established, .lost = on_far_lost, .wake = on_wake, .random = on_random};

static bool move(struct session *from, struct session *to)
{
	static uint8_t bytes[65536];
	size_t length = session_output(from, bytes, sizeof(bytes));

	if (length > 0 && to)
		session_receive(to, bytes, length);
	return length > 0;
}

static void settle(const struct world *world)
{
	bool more = true;

	while (more) {
		more = move(world->host, world->near);
		more |= move(world->near, world->host);
		more |= move(world->far, world->stranger);
		more |= world->stranger && move(world->stranger, world->far);
	}
}

/* --- The host's streams ----------------------------------------------------------------------- */

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	(void)owner;
	stream_consumed(stream, channel, bytes.length);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct world *world = owner;

	(void)result;
	for (size_t i = 0; i < STREAMS; i++) {
		if (world->streams[i] == stream)
			world->streams[i] = NULL;
	}
}

static const struct stream_handlers stream_handlers = {.data = on_data, .closed = on_closed};

static void ask(struct world *world, size_t which, struct slice bytes)
{
	if (!world->streams[which])
		session_request(world->host, SLICE_LITERAL("clipboard.attach"), (struct slice){0},
				&stream_handlers, world, &world->streams[which]);
	else if (bytes.length > 0)
		stream_send(world->streams[which], 0, bytes.bytes, bytes.length);
	else
		stream_message(world->streams[which], SLICE_LITERAL("offer"), (struct slice){0});
}

static void operate(struct world *world, uint8_t operation, struct slice bytes)
{
	const size_t which = (operation >> 4) % STREAMS;

	switch (operation % 8) {
	case 0:
		ask(world, which, bytes);
		break;
	case 1:
		if (world->streams[which])
			stream_cancel(world->streams[which]);
		break;
	case 2:
		if (world->streams[which])
			stream_end(world->streams[which], 0);
		break;
	case 3:
		session_disconnected(world->far);
		break;
	default:
		session_receive(world->far, bytes.bytes, bytes.length);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {0};

	world.host = session_new(SESSION_HOST, "host", NULL, &near_handlers, &world);
	world.near = session_new(SESSION_GUEST, "near", NULL, &near_handlers, &world);
	world.far = session_new(SESSION_HOST, "far", NULL, &far_handlers, &world);
	world.stranger = session_new(SESSION_GUEST, "stranger", NULL, &far_handlers, &world);
	session_start(world.host);
	session_start(world.far);
	settle(&world);
	if (!session_is_established(world.host) || !session_is_established(world.far))
		abort();
	session_free(world.stranger);
	world.stranger = NULL;
	while (size >= 3) {
		const size_t length = MIN((size_t)load_le16(data + 1), size - 3);

		operate(&world, data[0], (struct slice){data + 3, length});
		settle(&world);
		data += 3 + length;
		size -= 3 + length;
	}
	if (!session_is_established(world.host) || !session_is_established(world.near))
		abort();
	session_free(world.far);
	session_free(world.host);
	session_free(world.near);
	return 0;
}
