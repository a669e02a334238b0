/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes of the peer become frames, frames become handler calls. A frame counts only when all of it
 * is here. The sync word is looked for in everything, payloads included: it ends whatever was
 * being received. A handler is always the last thing a function here does, since it may end the
 * stream, the epoch or the connection.
 */
#include "protocol/session_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* A text and a map, as REQUEST, MESSAGE and EVENT have. */
static bool split_named(struct slice payload, struct slice *name, struct slice *params)
{
	struct cbor_reader reader = CBOR_READER(payload);

	*name = cbor_get_text(&reader);
	if (cbor_peek(&reader) != CBOR_MAP)
		return false;
	*params = cbor_get_raw(&reader);
	return cbor_finish(&reader) == 0;
}

/* Nothing is kept of such a request; a peer that reads no answers cannot ask for ever. */
static void refuse(struct session *session, uint32_t id)
{
	uint8_t bytes[STREAM_ERROR_SIZE];
	struct slice error = stream_error_map(EAGAIN, "too many requests at once", bytes);

	if (session_queue_frame(session, &session->control, FRAME_ERROR, id, error,
				(struct slice){NULL, 0}, SESSION_CONTROL_MAX) < 0)
		session_violation(session);
}

static void on_request(struct session *session, uint32_t id, struct slice payload)
{
	struct slice method, params;
	struct stream *stream;

	if ((id & 1) == (session->role == SESSION_HOST ? 1 : 0) || id <= session->last_peer_id ||
	    !split_named(payload, &method, &params)) {
		session_violation(session);
		return;
	}
	session->last_peer_id = id;
	if (session->open_theirs >= SESSION_MAX_STREAMS) {
		refuse(session, id);
		return;
	}
	stream = stream_add(session, id, false);
	if (!stream)
		session_give_up(session, -ENOMEM);
	else if (!session->handlers->request)
		stream_fail(stream, ENOSYS, "this side answers no requests");
	else
		session->handlers->request(session->owner, stream, method, params);
}

/* A REPLY is one map. */
static bool read_reply(struct slice payload, struct stream_result *result)
{
	struct cbor_reader reader = CBOR_READER(payload);
	bool is_map = cbor_peek(&reader) == CBOR_MAP;

	*result = (struct stream_result){.params = cbor_get_raw(&reader)};
	return is_map && cbor_finish(&reader) == 0;
}

static bool read_error(struct slice payload, struct stream_result *result)
{
	struct cbor_reader reader = CBOR_READER(payload);
	uint64_t number = 0;

	*result = (struct stream_result){0};
	for (uint64_t pairs = cbor_get_map(&reader); pairs > 0 && !reader.error; pairs--) {
		struct slice key = cbor_get_text(&reader);

		if (slice_is(key, "number"))
			number = cbor_get_uint(&reader);
		else if (slice_is(key, "text"))
			result->text = cbor_get_text(&reader);
		else
			cbor_skip(&reader);
	}
	result->error = number >= 1 && number <= 4095 ? -(int)number : -EREMOTEIO;
	return cbor_finish(&reader) == 0;
}

static void on_result(struct stream *stream, enum frame_type type, struct slice payload)
{
	const struct stream_handlers *handlers = stream->handlers;
	struct stream_result result;

	if (!stream->ours ||
	    !(type == FRAME_REPLY ? read_reply(payload, &result) : read_error(payload, &result))) {
		session_violation(stream->session);
		return;
	}
	stream_unlink(stream);
	if (handlers && handlers->closed)
		handlers->closed(stream, stream->owner, &result);
	stream_destroy(stream);
}

static void on_message(struct stream *stream, struct slice payload)
{
	struct slice name, params;

	if (!split_named(payload, &name, &params)) {
		session_violation(stream->session);
		return;
	}
	if (!stream->ended && stream->handlers && stream->handlers->message)
		stream->handlers->message(stream, stream->owner, name, params);
}

static void on_data(struct stream *stream, unsigned int channel_number, struct slice bytes)
{
	struct channel *channel = &stream->channel[channel_number];

	if (bytes.length > channel->receive_window || channel->end_received) {
		session_violation(stream->session);
		return;
	}
	channel->receive_window -= bytes.length;
	if (stream->ended || stream->cancelled || !stream->handlers || !stream->handlers->data)
		stream_consumed(stream, channel_number, bytes.length);
	else
		stream->handlers->data(stream, stream->owner, channel_number, bytes);
}

static void on_end(struct stream *stream, unsigned int channel)
{
	if (stream->channel[channel].end_received) {
		session_violation(stream->session);
		return;
	}
	stream->channel[channel].end_received = true;
	if (!stream->ended && !stream->cancelled && stream->handlers && stream->handlers->end)
		stream->handlers->end(stream, stream->owner, channel);
}

static void on_credit(struct stream *stream, unsigned int channel_number, uint32_t bytes)
{
	struct channel *channel = &stream->channel[channel_number];

	if (bytes == 0 || bytes > SESSION_WINDOW - channel->send_credit) {
		session_violation(stream->session);
		return;
	}
	channel->send_credit += bytes;
	if (!stream->ended && stream->handlers && stream->handlers->credit)
		stream->handlers->credit(stream, stream->owner, channel_number, bytes);
}

/* The owner cannot be asked to end the stream, so it ends here. */
static void end_cancelled(struct stream *stream)
{
	const struct stream_handlers *handlers = stream->handlers;
	const struct stream_result result = {.error = -ECANCELED};
	struct session *session = stream->session;
	uint64_t epoch = session->own_epoch;
	uint32_t id = stream->id;

	if (handlers && handlers->closed) {
		/* Once only, whatever the handler does. */
		stream->handlers = NULL;
		handlers->closed(stream, stream->owner, &result);
		if (session->own_epoch != epoch || stream_find(session, id) != stream ||
		    stream->ended)
			return;
	}
	stream_fail(stream, ECANCELED, NULL);
}

static void on_cancel(struct stream *stream)
{
	if (stream->ours) {
		session_violation(stream->session);
		return;
	}
	if (stream->cancelled)
		return;
	stream->cancelled = true;
	for (unsigned int i = 0; i < FRAME_CHANNELS; i++)
		byte_queue_clear(&stream->channel[i].pending);
	if (stream->ended)
		session_wake(stream->session);
	else if (stream->handlers && stream->handlers->cancelled)
		stream->handlers->cancelled(stream, stream->owner);
	else
		end_cancelled(stream);
}

/* A frame of an open stream, or of one that was. */
static void on_stream_frame(struct session *session, const struct frame_header *header,
			    struct slice payload)
{
	struct stream *stream = stream_find(session, header->stream);

	if (!stream) {
		bool ours = (header->stream & 1) == (session->role == SESSION_HOST ? 1 : 0);

		if (ours ? header->stream >= session->next_id
			 : header->stream > session->last_peer_id)
			session_violation(session);
		return;
	}
	switch (header->type) {
	case FRAME_REPLY:
	case FRAME_ERROR:
		on_result(stream, (enum frame_type)header->type, payload);
		break;
	case FRAME_CANCEL:
		on_cancel(stream);
		break;
	case FRAME_MESSAGE:
		on_message(stream, payload);
		break;
	case FRAME_DATA:
		on_data(stream, header->channel, payload);
		break;
	case FRAME_END:
		on_end(stream, header->channel);
		break;
	case FRAME_CREDIT:
		on_credit(stream, header->channel, load_le32(payload.bytes));
		break;
	default:
		break;
	}
}

static void on_ping(struct session *session, enum frame_type type, struct slice payload)
{
	if (payload.length != 8) {
		session_violation(session);
		return;
	}
	if (type == FRAME_PONG) {
		if (session->handlers->pong)
			session->handlers->pong(session->owner, load_le64(payload.bytes));
		return;
	}
	/* A peer that asks more than it reads gets fewer answers. */
	session_queue_frame(session, &session->control, FRAME_PONG, 0, payload,
			    (struct slice){NULL, 0}, SESSION_CONTROL_MAX);
}

static void on_event(struct session *session, struct slice payload)
{
	struct slice name, params;

	if (!split_named(payload, &name, &params)) {
		session_violation(session);
		return;
	}
	if (session->handlers->event)
		session->handlers->event(session->owner, name, params);
}

/* A frame with its whole payload. */
static void on_frame(struct session *session, const struct frame_header *header,
		     struct slice payload)
{
	if (header->type == FRAME_HELLO) {
		session->hello_follows = false;
		session_on_hello(session, payload);
		return;
	}
	if (!session->established)
		return; /* of another life */
	switch (header->type) {
	case FRAME_REQUEST:
		on_request(session, header->stream, payload);
		break;
	case FRAME_EVENT:
		on_event(session, payload);
		break;
	case FRAME_PING:
	case FRAME_PONG:
		on_ping(session, (enum frame_type)header->type, payload);
		break;
	default:
		on_stream_frame(session, header, payload);
		break;
	}
}

static bool same_message(const struct frame_header *a, const struct frame_header *b)
{
	return a->type == b->type && a->stream == b->stream;
}

/* Pieces of a control message are put together; DATA needs none of that. */
static void on_piece(struct session *session, const struct frame_header *header,
		     struct slice payload)
{
	bool more = header->flags & FRAME_MORE;

	/* HELLO comes behind a sync word and nowhere else, and nothing else comes there. */
	if ((header->type == FRAME_HELLO) != session->hello_follows) {
		session_violation(session);
		return;
	}
	if (header->type == FRAME_DATA || (!more && session->message_length == 0)) {
		on_frame(session, header, payload);
		return;
	}
	if (!session->message)
		session->message = malloc(FRAME_MAX_MESSAGE);
	if (!session->message) {
		session_give_up(session, -ENOMEM);
		return;
	}
	if (payload.length > FRAME_MAX_MESSAGE - session->message_length ||
	    (session->message_length > 0 && !same_message(&session->message_header, header))) {
		session_violation(session);
		return;
	}
	memcpy(session->message + session->message_length, payload.bytes, payload.length);
	session->message_length += payload.length;
	session->message_header = *header;
	if (more)
		return;
	payload = (struct slice){session->message, session->message_length};
	session->message_length = 0;
	on_frame(session, header, payload);
}

/* Handles the whole frames in the first @end bytes of the input; returns how many bytes that was.
 */
static size_t handle_frames(struct session *session, size_t end)
{
	unsigned int pipe = session->pipe;
	size_t at = 0;

	while (session->synced && end - at >= FRAME_HEADER_SIZE) {
		struct frame_header header;

		if (frame_header_decode(session->in + at, &header) < 0) {
			session_violation(session);
			break;
		}
		if (end - at - FRAME_HEADER_SIZE < header.length)
			break;
		on_piece(session, &header,
			 (struct slice){session->in + at + FRAME_HEADER_SIZE, header.length});
		if (session->pipe != pipe)
			return 0;
		at += FRAME_HEADER_SIZE + header.length;
	}
	return at;
}

/* Forgets the first @length bytes of the input. */
static void drop_input(struct session *session, size_t length)
{
	session->in_length -= length;
	memmove(session->in, session->in + length, session->in_length);
	session->in_scanned = session->in_scanned > length ? session->in_scanned - length : 0;
}

static void handle_input(struct session *session)
{
	unsigned int pipe = session->pipe;

	for (;;) {
		size_t from = session->in_scanned;
		size_t sync = from + frame_find_sync(session->in + from, session->in_length - from);
		size_t used = handle_frames(session, sync);

		if (session->pipe != pipe)
			return;
		if (sync == session->in_length) {
			/* The word may have begun in the last bytes. */
			size_t scanned = sync >= SYNC_WORD_SIZE ? sync - SYNC_WORD_SIZE + 1 : 0;

			session->in_scanned = MAX(scanned, session->in_scanned);
			if (!session->synced)
				used = session->in_scanned;
			drop_input(session, used);
			return;
		}
		session->in_scanned = 0;
		drop_input(session, sync + SYNC_WORD_SIZE);
		session->synced = true;
		session->hello_follows = true;
		session->message_length = 0;
	}
}

int session_receive(struct session *session, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	unsigned int pipe = session->pipe;

	assert(!session->receiving);
	session->receiving = true;
	session->violated = false;
	while (length > 0 && session->pipe == pipe) {
		size_t take = MIN(length, sizeof(session->in) - session->in_length);

		memcpy(session->in + session->in_length, at, take);
		session->in_length += take;
		at += take;
		length -= take;
		handle_input(session);
	}
	session->receiving = false;
	session_wake(session);
	return session->violated ? -EPROTO : 0;
}
