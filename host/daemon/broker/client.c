/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A relay is a pair of streams: what arrives on one is sent on the other. Both channels started
 * with the same credit and more is granted on one only when it was granted on the other, so what
 * arrives always fits what may be sent: nothing is queued here beyond a stream's window.
 */
#include "host/daemon/broker/client.h"

#include "host/daemon/lodged.h"
#include "protocol/pump/pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct client {
	struct session *session;
	struct pump *pump;
	struct session *agent;
	unsigned int relays;
	void (*gone)(void *owner, struct client *client);
	void *owner;
};

struct relay {
	struct client *client;
	struct stream *near; /* the client's; NULL once it is gone */
	struct stream *far;  /* the agent's */
};

static void relay_data(struct relay *relay, struct stream *to, struct stream *from,
		       unsigned int channel, struct slice bytes)
{
	if (!to) {
		stream_consumed(from, channel, bytes.length);
		return;
	}
	/* Short when the receiver has ended or was cancelled, and without memory: bytes are lost.
	 */
	if (stream_send(to, channel, bytes.bytes, bytes.length) != (ssize_t)bytes.length) {
		stream_consumed(from, channel, bytes.length);
		stream_cancel(relay->far);
	}
}

/* --- What the agent says on a stream -------------------------------------------------------- */

static void far_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct relay *relay = owner;

	(void)stream;
	/* A client that takes none of them loses the stream, not the message. */
	if (relay->near && stream_message(relay->near, name, params) < 0)
		stream_cancel(relay->far);
}

static void far_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct relay *relay = owner;

	relay_data(relay, relay->near, stream, channel, bytes);
}

static void far_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct relay *relay = owner;

	(void)stream;
	if (relay->near)
		stream_end(relay->near, channel);
}

static void far_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct relay *relay = owner;

	(void)stream;
	if (relay->near)
		stream_consumed(relay->near, channel, bytes);
}

static void far_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct relay *relay = owner;
	char text[256];

	(void)stream;
	if (relay->near) {
		relay->client->relays--;
		if (result->error) {
			size_t length = MIN(result->text.length, sizeof(text) - 1);

			if (length > 0)
				memcpy(text, result->text.bytes, length);
			text[length] = '\0';
			stream_fail(relay->near, result->error, text);
		} else {
			stream_reply(relay->near, result->params);
		}
	}
	free(relay);
}

static const struct stream_handlers far_handlers = {
	.message = far_message,
	.data = far_data,
	.end = far_end,
	.credit = far_credit,
	.closed = far_closed,
};

/* --- What the client says on a stream ------------------------------------------------------- */

static void near_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct relay *relay = owner;

	(void)stream;
	if (stream_message(relay->far, name, params) < 0)
		stream_cancel(relay->far);
}

static void near_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct relay *relay = owner;

	relay_data(relay, relay->far, stream, channel, bytes);
}

static void near_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct relay *relay = owner;

	(void)stream;
	stream_end(relay->far, channel);
}

static void near_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	struct relay *relay = owner;

	(void)stream;
	stream_consumed(relay->far, channel, bytes);
}

static void near_cancelled(struct stream *stream, void *owner)
{
	struct relay *relay = owner;

	(void)stream;
	stream_cancel(relay->far); /* the agent's answer ends both */
}

static void near_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct relay *relay = owner;

	(void)stream;
	(void)result;
	relay->near = NULL;
	relay->client->relays--;
	stream_cancel(relay->far);
}

static const struct stream_handlers near_handlers = {
	.message = near_message,
	.data = near_data,
	.end = near_end,
	.credit = near_credit,
	.cancelled = near_cancelled,
	.closed = near_closed,
};

/* --- The client's session ------------------------------------------------------------------- */

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct client *client = owner;
	struct relay *relay;
	int r;

	if (client->relays >= CLIENT_MAX_STREAMS) {
		stream_fail(stream, EAGAIN, "too many requests at once");
		return;
	}
	relay = calloc(1, sizeof(*relay));
	if (!relay) {
		stream_fail(stream, ENOMEM, NULL);
		return;
	}
	*relay = (struct relay){.client = client, .near = stream};
	r = session_request(client->agent, method, params, &far_handlers, relay, &relay->far);
	if (r < 0) {
		free(relay);
		stream_fail(stream, r == -EMFILE ? EAGAIN : r,
			    r == -ENOTCONN ? "the agent does not answer" : NULL);
		return;
	}
	client->relays++;
	stream_set_handlers(stream, &near_handlers, relay);
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
	pump_wake(((struct client *)owner)->pump);
}

static uint64_t on_random(void *owner)
{
	(void)owner;
	return random_u64();
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.wake = on_wake,
	.random = on_random,
};

static void on_closed(void *owner, int error)
{
	struct client *client = owner;

	(void)error;
	client->gone(client->owner, client);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

int client_new(uv_loop_t *loop, int fd, struct session *agent, const char *const *capabilities,
	       void (*gone)(void *owner, struct client *client), void *owner,
	       struct client **result)
{
	struct client *client = calloc(1, sizeof(*client));
	int r = -ENOMEM;

	if (client) {
		client->agent = agent;
		client->gone = gone;
		client->owner = owner;
		client->session = session_new(SESSION_GUEST, "lodged " LODGE_VERSION, capabilities,
					      &session_handlers, client);
	}
	if (!client || !client->session) {
		close(fd);
		free(client);
		return r;
	}
	r = pump_new(loop, fd, false, client->session, &pump_handlers, client, &client->pump);
	if (r < 0) {
		session_free(client->session);
		free(client);
		return r;
	}
	session_start(client->session);
	*result = client;
	return 0;
}

void client_free(struct client *client)
{
	struct pump *pump = client->pump;

	client->pump = NULL;
	pump_free(pump);
	session_free(client->session);
	free(client);
}
