/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/stream/stream_world.h"

#include "protocol/base/bytes.h"
#include "protocol/message.h"
#include "shared-folders/fuse/cutter.h"
#include "tests/unit/shared-folders/stream/fake_server.h"

#include <check.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void on_unused(void *owner)
{
	((struct stream_world *)owner)->unused++;
}

void stream_world_begin(struct stream_world *world, uint64_t keep_ms)
{
	const struct server_options folder = {.root = -1};
	const struct stream_server_options options = {.server = &folder,
						      .keep_ms = keep_ms,
						      .looker = world->looker,
						      .unused = on_unused,
						      .owner = world};

	ck_assert_int_eq(uv_loop_init(&world->loop), 0);
	fake_server_reset();
	world->unused = 0;
	memcpy(world->id, "0123456789abcdef", sizeof(world->id));
	ck_assert_int_eq(stream_server_new(&world->loop, &options, &world->server), 0);
}

void stream_world_tick(uv_timer_t *timer)
{
	const uint64_t *deadline = timer->data;

	ck_assert_msg(uv_now(timer->loop) < *deadline, "nothing came of it");
}

void stream_world_finish(struct stream_world *world)
{
	stream_server_free(world->server);
	ck_assert_uint_eq(fake_servers(), 0);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&world->loop), 0);
}

/* --- The client ----------------------------------------------------------------------------- */

void client_connect(struct client *client, struct stream_world *world)
{
	static const char *const none[] = {NULL};
	int fds[2];

	*client = (struct client){.world = world};
	client->cutter = CUTTER(sizeof(struct fuse_out_header), SERVER_MAX_MESSAGE);
	client->out = malloc(64U << 20);
	ck_assert_ptr_nonnull(client->out);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(stream_server_connect(world->server, fds[0]), 0);
	played_end_start(&client->end, &world->loop, fds[1], SESSION_HOST, none);
	session_start(client->end.session);
	UNTIL(world, client->end.established);
}

void client_drop(struct client *client)
{
	played_end_stop(&client->end);
	cutter_clear(&client->cutter);
	free(client->out);
	client->out = NULL;
}

void client_send_more(struct client *client)
{
	while (client->stream && client->out_at < client->out_length) {
		ssize_t sent = stream_send(client->stream, 0, client->out + client->out_at,
					   client->out_length - client->out_at);

		if (sent <= 0)
			return;
		client->out_at += (size_t)sent;
	}
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct client *client = owner;

	(void)stream;
	ck_assert(slice_is(name, "opened"));
	ck_assert_int_eq(message_decode(&message_share_opened, params, &client->opened), 0);
	client->is_open = true;
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct client *client = owner;
	const size_t taken = bytes.length;
	struct fuse_out_header header;
	uint8_t *message;
	size_t length;

	ck_assert_uint_eq(channel, 0);
	while (cutter_take(&client->cutter, &bytes, &message, &length) > 0) {
		memcpy(&header, message, sizeof(header));
		ck_assert_uint_eq(header.len, length);
		if (header.unique == 0)
			client->notifications++;
		else if (header.unique < FAKE_UNIQUES)
			client->replies[header.unique]++;
		client->received++;
		client->last = header.unique;
		free(message);
	}
	client->bytes += taken;
	if (!client->keep_credit)
		stream_consumed(stream, channel, taken);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	client_send_more(owner);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct client *client = owner;

	(void)stream;
	client->stream = NULL;
	client->closed = true;
	client->error = result->error;
}

static const struct stream_handlers stream_handlers = {
	.message = on_message, .data = on_data, .credit = on_credit, .closed = on_closed};

void client_open(struct client *client, bool resume, uint64_t received)
{
	const struct share_open open = {.name = slice_of("folder"),
					.session = {client->world->id, SHARE_SESSION_SIZE},
					.resume = resume,
					.received = received};
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_open, &open, &writer);
	client->closed = client->is_open = false;
	client->received = received;
	ck_assert_int_eq(session_request(client->end.session, slice_of("share.open"),
					 cbor_written(&writer), &stream_handlers, client,
					 &client->stream),
			 0);
	UNTIL(client->world, client->is_open || client->closed);
	ck_assert(client->is_open);
}

void client_say(struct client *client, uint32_t opcode, uint64_t unique, uint64_t node,
		const void *body, size_t length)
{
	struct fuse_in_header header = {.len = (uint32_t)(sizeof(header) + length),
					.opcode = opcode,
					.unique = unique,
					.nodeid = node};

	memcpy(client->out + client->out_length, &header, sizeof(header));
	client->out_length += sizeof(header);
	if (length > 0)
		memcpy(client->out + client->out_length, body, length);
	client->out_length += length;
	client_send_more(client);
}

void client_say_room(struct client *client, uint64_t unique, uint32_t length)
{
	uint8_t body[4];

	store_le32(body, length);
	client_say(client, FAKE_ROOM, unique, 1, body, sizeof(body));
}

void client_say_received(struct client *client, uint64_t received, uint64_t carried)
{
	const struct share_received has = {.received = received, .carried = carried};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_received, &has, &writer);
	ck_assert_int_eq(
		stream_message(client->stream, slice_of("received"), cbor_written(&writer)), 0);
}

void client_acknowledge(struct client *client, uint64_t carried)
{
	client_say_received(client, client->received, carried);
}

void client_watch(struct client *client, uint64_t pid)
{
	const struct share_watch watch = {.name = slice_of("folder"), .pid = pid};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_watch, &watch, &writer);
	client->closed = false;
	ck_assert_int_eq(session_request(client->end.session, slice_of("share.watch"),
					 cbor_written(&writer), &stream_handlers, client,
					 &client->stream),
			 0);
}
