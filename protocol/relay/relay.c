/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/relay/relay.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct relay {
	void (*ended)(void *owner);
	void *owner;
	struct stream *near; /* NULL once it is gone */
	struct stream *far;
};

static void tell_ended(const struct relay *relay)
{
	if (relay->ended)
		relay->ended(relay->owner);
}

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

/* --- What the far side says --------------------------------------------------------------- */

static void far_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct relay *relay = owner;

	(void)stream;
	/* A near side that takes none of them loses the stream, not the message. */
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
		tell_ended(relay);
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

/* --- What the near side says ------------------------------------------------------------- */

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
	stream_cancel(relay->far); /* the far side's answer ends both */
}

static void near_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct relay *relay = owner;

	(void)stream;
	(void)result;
	relay->near = NULL;
	tell_ended(relay);
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

int relay_request(struct stream *near, struct session *far, struct slice method,
		  struct slice params, void (*ended)(void *owner), void *owner)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	int r;

	if (!relay)
		return -ENOMEM;
	*relay = (struct relay){.ended = ended, .owner = owner, .near = near};
	r = session_request(far, method, params, &far_handlers, relay, &relay->far);
	if (r < 0) {
		free(relay);
		return r;
	}
	stream_set_handlers(near, &near_handlers, relay);
	return 0;
}
