/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "protocol/message.h"
#include "protocol/session.h"
#include "tests/bench/agent/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)

struct client {
	int fd;
	struct session *session;
	struct stream *stream;
	bool established, done;
	uint8_t *into;
	size_t received;
	uint8_t buffer[BUFFER_BYTES];
};

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)peer;
	((struct client *)owner)->established = true;
}

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
	fail("lodge-agent: connection lost");
}

static void on_wake(void *owner)
{
	(void)owner; /* turn() looks */
}

static uint64_t on_random(void *owner)
{
	uint64_t value;

	(void)owner;
	return getrandom(&value, sizeof(value), 0) == sizeof(value) ? value : 1;
}

static const struct session_handlers session_handlers = {
	.established = on_established, .lost = on_lost, .wake = on_wake, .random = on_random};

static void flush(struct client *client)
{
	size_t length;

	while ((length = session_output(client->session, client->buffer, BUFFER_BYTES)) > 0)
		write_fully(client->fd, client->buffer, length);
}

/* Send what there is, then wait for something. */
static void turn(struct client *client)
{
	ssize_t length;

	flush(client);
	length = read(client->fd, client->buffer, BUFFER_BYTES);
	if (length <= 0)
		fail("lodge-agent: read");
	if (session_receive(client->session, client->buffer, (size_t)length) < 0)
		fail("lodge-agent: protocol");
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	if (result->error) {
		fprintf(stderr, "%.*s\n", (int)result->text.length,
			(const char *)result->text.bytes);
		fail("lodge-agent: request");
	}
	((struct client *)owner)->done = true;
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct client *client = owner;

	if (client->into) {
		memcpy(client->into + client->received, bytes.bytes, bytes.length);
		client->received += bytes.length;
	}
	stream_consumed(stream, channel, bytes.length);
}

static const struct stream_handlers stream_handlers = {.closed = on_closed, .data = on_data};

static void request(struct client *client, const char *method, struct slice params)
{
	client->done = false;
	if (session_request(client->session, slice_of(method), params, &stream_handlers, client,
			    &client->stream) < 0)
		fail("lodge-agent: cannot ask");
}

static void wait_done(struct client *client)
{
	while (!client->done)
		turn(client);
}

static struct client *lodge_open(const char *socket)
{
	struct client *client = calloc(1, sizeof(*client));

	client->fd = connect_to(socket);
	client->session = session_new(SESSION_HOST, "bench", NULL, &session_handlers, client);
	session_start(client->session);
	while (!client->established)
		turn(client);
	return client;
}

static void lodge_ping(struct client *client)
{
	request(client, "agent.ping", (struct slice){0});
	wait_done(client);
}

static void lodge_exec(struct client *client)
{
	uint8_t bytes[64], items[16];
	struct cbor_writer argv = CBOR_WRITER(items), writer = CBOR_WRITER(bytes);
	struct exec_params params = {0};

	cbor_put_array(&argv, 1);
	cbor_put_bytes(&argv, slice_of("true"));
	params.argv = cbor_written(&argv);
	message_encode(&message_exec_params, &params, &writer);
	request(client, "exec", cbor_written(&writer));
	wait_done(client);
}

static void lodge_write(struct client *client, const char *path, const void *bytes, size_t size)
{
	uint8_t encoded[512];
	struct cbor_writer writer = CBOR_WRITER(encoded);
	const struct file_write_params params = {.path = slice_of(path)};
	size_t sent = 0;

	message_encode(&message_file_write_params, &params, &writer);
	request(client, "file.write", cbor_written(&writer));
	while (sent < size) {
		const ssize_t taken =
			stream_send(client->stream, 0, (const uint8_t *)bytes + sent, size - sent);

		if (taken < 0)
			fail("lodge-agent: cannot send");
		sent += (size_t)taken;
		if (taken > 0)
			flush(client);
		else
			turn(client);
	}
	stream_end(client->stream, 0);
	wait_done(client);
}

static void lodge_read(struct client *client, const char *path, void *bytes, size_t size)
{
	uint8_t encoded[512];
	struct cbor_writer writer = CBOR_WRITER(encoded);
	const struct file_read_params params = {.path = slice_of(path), .length_bytes = size};

	message_encode(&message_file_read_params, &params, &writer);
	client->into = bytes;
	client->received = 0;
	request(client, "file.read", cbor_written(&writer));
	wait_done(client);
	client->into = NULL;
	if (client->received != size)
		fail("lodge-agent: file too short");
}

const struct agent_kind kind_lodge = {
	.name = "lodge-agent",
	.open = lodge_open,
	.ping = lodge_ping,
	.exec = lodge_exec,
	.write = lodge_write,
	.read = lodge_read,
};
