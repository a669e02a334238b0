/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/session_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static const struct slice empty_map = {(const uint8_t *)"\xa0", 1};
static const struct slice nothing = {NULL, 0};

static struct slice map_or_empty(struct slice params)
{
	return params.length > 0 ? params : empty_map;
}

/* --- The list ------------------------------------------------------------------------------- */

struct stream *stream_find(struct session *session, uint32_t id)
{
	for (struct stream *stream = session->last; stream; stream = stream->previous) {
		if (stream->id == id)
			return stream;
	}
	return NULL;
}

struct stream *stream_add(struct session *session, uint32_t id, bool ours)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->session = session;
	stream->id = id;
	stream->ours = ours;
	for (unsigned int i = 0; i < FRAME_CHANNELS; i++) {
		stream->channel[i].send_credit = SESSION_WINDOW;
		stream->channel[i].receive_window = SESSION_WINDOW;
	}
	stream->previous = session->last;
	if (session->last)
		session->last->next = stream;
	else
		session->first = stream;
	session->last = stream;
	if (ours)
		session->open_ours++;
	else
		session->open_theirs++;
	return stream;
}

void stream_unlink(struct stream *stream)
{
	struct session *session = stream->session;

	if (session->turn == stream)
		session->turn = stream->next;
	if (stream->previous)
		stream->previous->next = stream->next;
	else
		session->first = stream->next;
	if (stream->next)
		stream->next->previous = stream->previous;
	else
		session->last = stream->previous;
	if (stream->ours)
		session->open_ours--;
	else
		session->open_theirs--;
}

void stream_destroy(struct stream *stream)
{
	for (unsigned int i = 0; i < FRAME_CHANNELS; i++)
		byte_queue_clear(&stream->channel[i].pending);
	byte_queue_clear(&stream->final);
	free(stream);
}

void stream_close_all(struct session *session, int error)
{
	while (session->first) {
		struct stream *stream = session->first;
		struct stream_result result = {.error = error};

		stream_unlink(stream);
		if (!stream->ended && stream->handlers && stream->handlers->closed)
			stream->handlers->closed(stream, stream->owner, &result);
		stream_destroy(stream);
	}
}

void stream_set_handlers(struct stream *stream, const struct stream_handlers *handlers, void *owner)
{
	stream->handlers = handlers;
	stream->owner = owner;
}

void *stream_owner(const struct stream *stream)
{
	return stream->owner;
}

struct session *stream_session(const struct stream *stream)
{
	return stream->session;
}

/* --- Asking and answering ------------------------------------------------------------------- */

/* Text @name as CBOR, in @bytes. */
#define NAME_MAX_ENCODED 80
static struct slice encode_name(struct slice name, uint8_t bytes[NAME_MAX_ENCODED])
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = NAME_MAX_ENCODED};

	cbor_put_text(&writer, name);
	return cbor_written(&writer);
}

int session_event(struct session *session, const char *name, struct slice params)
{
	uint8_t bytes[NAME_MAX_ENCODED];
	struct slice encoded = encode_name(slice_of(name), bytes);

	if (!session->established)
		return -ENOTCONN;
	if (encoded.length == 0)
		return -EMSGSIZE;
	return session_queue_frame(session, &session->control, FRAME_EVENT, 0, encoded,
				   map_or_empty(params), SESSION_CONTROL_MAX);
}

int session_ping(struct session *session, uint64_t cookie)
{
	uint8_t payload[8];

	if (!session->established)
		return -ENOTCONN;
	store_le64(payload, cookie);
	return session_queue_frame(session, &session->control, FRAME_PING, 0,
				   (struct slice){payload, sizeof(payload)}, nothing,
				   SESSION_CONTROL_MAX);
}

int session_request(struct session *session, struct slice method, struct slice params,
		    const struct stream_handlers *handlers, void *owner, struct stream **stream)
{
	uint8_t bytes[NAME_MAX_ENCODED];
	struct slice encoded = encode_name(method, bytes);
	struct stream *opened;
	int r;

	if (!session->established)
		return -ENOTCONN;
	if (encoded.length == 0)
		return -EMSGSIZE;
	if (session->open_ours >= SESSION_MAX_STREAMS || session->next_id > UINT32_MAX - 2)
		return -EMFILE;
	opened = stream_add(session, session->next_id, true);
	if (!opened)
		return -ENOMEM;
	stream_set_handlers(opened, handlers, owner);
	r = session_queue_frame(session, &session->control, FRAME_REQUEST, opened->id, encoded,
				map_or_empty(params), SESSION_CONTROL_MAX);
	if (r < 0) {
		stream_unlink(opened);
		stream_destroy(opened);
		return r;
	}
	session->next_id += 2;
	if (stream)
		*stream = opened;
	return 0;
}

/* The responder lets go; the session sends the rest. */
static int stream_finish(struct stream *stream, enum frame_type type, struct slice params)
{
	struct session *session = stream->session;
	int r;

	assert(!stream->ours && !stream->ended);
	r = session_queue_frame(session, &stream->final, type, stream->id, params, nothing, 0);
	if (r < 0)
		return r;
	stream->ended = true;
	stream->handlers = NULL;
	stream->owner = NULL;
	session_wake(session);
	return 0;
}

int stream_reply(struct stream *stream, struct slice params)
{
	int r = stream_finish(stream, FRAME_REPLY, map_or_empty(params));

	if (r < 0)
		stream_fail(stream, r, "the reply did not fit");
	return r;
}

struct slice stream_error_map(int error, const char *text, uint8_t bytes[STREAM_ERROR_SIZE])
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = STREAM_ERROR_SIZE};
	struct slice words = slice_of(text);

	words.length = MIN(words.length, (size_t)STREAM_ERROR_SIZE - 64);
	cbor_put_map(&writer, words.length > 0 ? 2 : 1);
	cbor_put_text(&writer, SLICE_LITERAL("number"));
	cbor_put_uint(&writer, (uint64_t)(error < 0 ? -error : error));
	if (words.length > 0) {
		cbor_put_text(&writer, SLICE_LITERAL("text"));
		cbor_put_text(&writer, words);
	}
	return cbor_written(&writer);
}

void stream_fail(struct stream *stream, int error, const char *text)
{
	uint8_t bytes[STREAM_ERROR_SIZE];

	if (stream_finish(stream, FRAME_ERROR, stream_error_map(error, text, bytes)) < 0) {
		/* Not even memory for that: the requester learns it with the epoch's end. */
		stream->handlers = NULL;
		session_give_up(stream->session, -ENOMEM);
	}
}

void stream_cancel(struct stream *stream)
{
	assert(stream->ours);
	if (stream->cancelled)
		return;
	stream->cancelled = true;
	stream->cancel_due = true;
	for (unsigned int i = 0; i < FRAME_CHANNELS; i++)
		byte_queue_clear(&stream->channel[i].pending);
	session_wake(stream->session);
}

int stream_message(struct stream *stream, struct slice name, struct slice params)
{
	uint8_t bytes[NAME_MAX_ENCODED];
	struct slice encoded = encode_name(name, bytes);

	/* Within `closed` of another stream the epoch is over, too. */
	if (stream->cancelled || stream->ended || !stream->session->established)
		return -EPIPE;
	if (encoded.length == 0)
		return -EMSGSIZE;
	return session_queue_frame(stream->session, &stream->session->control, FRAME_MESSAGE,
				   stream->id, encoded, map_or_empty(params), SESSION_CONTROL_MAX);
}

/* --- DATA ----------------------------------------------------------------------------------- */

ssize_t stream_send(struct stream *stream, unsigned int channel_number, const void *bytes,
		    size_t length)
{
	struct channel *channel = &stream->channel[channel_number];
	int r;

	if (stream->cancelled || stream->ended || channel->end_wanted)
		return -EPIPE;
	length = MIN(length, channel->send_credit);
	if (length == 0)
		return 0;
	r = byte_queue_append(&channel->pending, bytes, length);
	if (r < 0)
		return r;
	channel->send_credit -= length;
	session_wake(stream->session);
	return (ssize_t)length;
}

size_t stream_credit(const struct stream *stream, unsigned int channel)
{
	return stream->channel[channel].send_credit;
}

void stream_end(struct stream *stream, unsigned int channel)
{
	if (stream->cancelled || stream->ended)
		return;
	stream->channel[channel].end_wanted = true;
	session_wake(stream->session);
}

void stream_consumed(struct stream *stream, unsigned int channel_number, size_t bytes)
{
	struct channel *channel = &stream->channel[channel_number];
	size_t owed = SESSION_WINDOW - channel->receive_window - channel->credit_due;

	/* More than was delivered cannot be given back. */
	channel->credit_due += MIN(bytes, owed);
	session_wake(stream->session);
}
