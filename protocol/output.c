/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What goes to the peer, and in which order: HELLO, then control frames, then one turn of each
 * stream (credit, at most SESSION_DATA_CHUNK of DATA, END, and at last REPLY or ERROR). So a flood
 * on one stream delays another by one chunk a stream, and never delays control.
 */
#include "protocol/session_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* --- Framing -------------------------------------------------------------------------------- */

static int append_frame(struct byte_queue *queue, const struct frame_header *header,
			const uint8_t *payload)
{
	uint8_t bytes[FRAME_HEADER_SIZE];
	int r;

	frame_header_encode(header, bytes);
	r = byte_queue_append(queue, bytes, sizeof(bytes));
	return r < 0 ? r : byte_queue_append(queue, payload, header->length);
}

int session_queue_frame(struct session *session, struct byte_queue *queue, enum frame_type type,
			uint32_t stream, struct slice first, struct slice second, size_t limit)
{
	size_t length, before = queue->length;
	uint8_t *payload;
	int r = 0;

	if (add_overflows(first.length, second.length, &length) || length > FRAME_MAX_MESSAGE)
		return -EMSGSIZE;
	if (limit > 0 && length + FRAME_HEADER_SIZE > limit - MIN(limit, queue->length))
		return -ENOBUFS;
	payload = malloc(MAX(length, (size_t)1));
	if (!payload)
		return -ENOMEM;
	if (first.length > 0)
		memcpy(payload, first.bytes, first.length);
	if (second.length > 0)
		memcpy(payload + first.length, second.bytes, second.length);

	for (size_t at = 0; r == 0;) {
		size_t sync = frame_find_sync(payload + at, length - at);
		bool whole = sync == length - at;
		size_t piece = whole ? length - at : sync + SYNC_WORD_SIZE / 2;
		struct frame_header header = {
			.type = (uint8_t)type,
			.flags = whole ? 0 : FRAME_MORE,
			.stream = stream,
			.length = (uint32_t)piece,
		};

		r = append_frame(queue, &header, payload + at);
		at += piece;
		if (whole)
			break;
	}
	free(payload);
	if (r < 0) {
		/* Half a message must not stay. */
		queue->length = before;
		return r;
	}
	session_wake(session);
	return 0;
}

/* --- Taking --------------------------------------------------------------------------------- */

/* The least capacity of an output. */
#define OUTPUT_MIN (FRAME_HEADER_SIZE + 4096)

/* Where session_output() writes. */
struct output {
	uint8_t *bytes;
	size_t capacity, length;
};

static size_t output_room(const struct output *output)
{
	return output->capacity - output->length;
}

static void put_frame(struct output *output, const struct frame_header *header,
		      const uint8_t *payload)
{
	frame_header_encode(header, output->bytes + output->length);
	output->length += FRAME_HEADER_SIZE;
	if (header->length > 0)
		memcpy(output->bytes + output->length, payload, header->length);
	output->length += header->length;
}

static void put_hello(struct session *session, struct output *output)
{
	uint8_t payload[FRAME_MAX_HELLO];
	struct cbor_writer writer = CBOR_WRITER(payload);
	struct frame_header header = {.type = FRAME_HELLO};
	uint64_t count = 0;

	while (session->capabilities && session->capabilities[count])
		count++;
	cbor_put_map(&writer, 6);
	cbor_put_text(&writer, SLICE_LITERAL("epoch"));
	cbor_put_uint(&writer, session->own_epoch);
	cbor_put_text(&writer, SLICE_LITERAL("peer"));
	cbor_put_uint(&writer, session->peer_epoch);
	cbor_put_text(&writer, SLICE_LITERAL("versions"));
	cbor_put_array(&writer, 2);
	cbor_put_uint(&writer, 1);
	cbor_put_uint(&writer, SESSION_VERSION);
	cbor_put_text(&writer, SLICE_LITERAL("role"));
	cbor_put_text(&writer, slice_of(session->role == SESSION_HOST ? "host" : "guest"));
	cbor_put_text(&writer, SLICE_LITERAL("software"));
	cbor_put_text(&writer, slice_of(session->software));
	cbor_put_text(&writer, SLICE_LITERAL("capabilities"));
	cbor_put_array(&writer, count);
	for (uint64_t i = 0; i < count; i++)
		cbor_put_text(&writer, slice_of(session->capabilities[i]));
	/* All but the epochs is constant text, and no epoch spells the sync word. */
	assert(!writer.overflow && frame_find_sync(payload, writer.length) == writer.length);
	memcpy(output->bytes + output->length, sync_word, SYNC_WORD_SIZE);
	output->length += SYNC_WORD_SIZE;
	header.length = (uint32_t)writer.length;
	put_frame(output, &header, payload);
	session->told_peer = session->peer_epoch;
	session->hello_due = false;
}

static void put_control(struct session *session, struct output *output)
{
	size_t take = MIN(session->control.length, output_room(output));

	if (take == 0)
		return;
	memcpy(output->bytes + output->length, byte_queue_front(&session->control), take);
	output->length += take;
	byte_queue_take(&session->control, take);
}

static bool credit_is_due(const struct channel *channel)
{
	return channel->credit_due >= SESSION_CREDIT_PORTION;
}

static void put_credit(struct stream *stream, unsigned int number, struct output *output)
{
	struct channel *channel = &stream->channel[number];
	struct frame_header header = {
		.type = FRAME_CREDIT,
		.channel = (uint8_t)number,
		.stream = stream->id,
		.length = 4,
	};
	uint8_t payload[4];

	if (!credit_is_due(channel) || output_room(output) < FRAME_HEADER_SIZE + sizeof(payload))
		return;
	store_le32(payload, (uint32_t)channel->credit_due);
	channel->receive_window += channel->credit_due;
	channel->credit_due = 0;
	put_frame(output, &header, payload);
}

/* A cancel waits here and not among the control frames: it cannot be lost for want of room. */
static void put_cancel(struct stream *stream, struct output *output)
{
	struct frame_header header = {.type = FRAME_CANCEL, .stream = stream->id};

	if (!stream->cancel_due || output_room(output) < FRAME_HEADER_SIZE)
		return;
	put_frame(output, &header, NULL);
	stream->cancel_due = false;
}

static void put_data(struct stream *stream, unsigned int number, struct output *output)
{
	struct channel *channel = &stream->channel[number];
	struct frame_header header = {
		.type = FRAME_DATA,
		.channel = (uint8_t)number,
		.stream = stream->id,
	};
	size_t length = MIN(channel->pending.length, (size_t)SESSION_DATA_CHUNK);
	size_t sync;

	length = MIN(length, output_room(output) - FRAME_HEADER_SIZE);
	sync = frame_find_sync(byte_queue_front(&channel->pending), length);
	if (sync < length)
		length = sync + SYNC_WORD_SIZE / 2;
	header.length = (uint32_t)length;
	put_frame(output, &header, byte_queue_front(&channel->pending));
	byte_queue_take(&channel->pending, length);
}

/* A piece of one channel's DATA; the next time another channel's. */
static void put_some_data(struct stream *stream, struct output *output)
{
	for (unsigned int i = 0; i < FRAME_CHANNELS; i++) {
		unsigned int number = (stream->turn + i) % FRAME_CHANNELS;

		if (stream->channel[number].pending.length == 0)
			continue;
		put_data(stream, number, output);
		stream->turn = number + 1;
		return;
	}
}

static bool end_is_due(const struct channel *channel)
{
	return channel->end_wanted && !channel->end_sent && channel->pending.length == 0;
}

static void put_end(struct stream *stream, unsigned int number, struct output *output)
{
	struct channel *channel = &stream->channel[number];
	struct frame_header header = {
		.type = FRAME_END,
		.channel = (uint8_t)number,
		.stream = stream->id,
	};

	if (!end_is_due(channel) || output_room(output) < FRAME_HEADER_SIZE)
		return;
	put_frame(output, &header, NULL);
	channel->end_sent = true;
}

static bool channel_has_output(const struct channel *channel)
{
	return channel->pending.length > 0 || credit_is_due(channel) || end_is_due(channel);
}

static bool stream_is_drained(const struct stream *stream)
{
	for (unsigned int i = 0; i < FRAME_CHANNELS; i++) {
		if (stream->channel[i].pending.length > 0 || end_is_due(&stream->channel[i]))
			return false;
	}
	return true;
}

/* One stream's turn. The stream may be gone afterwards. */
static void put_stream(struct stream *stream, struct output *output)
{
	struct session *session = stream->session;

	put_cancel(stream, output);
	for (unsigned int i = 0; i < FRAME_CHANNELS; i++)
		put_credit(stream, i, output);
	put_some_data(stream, output);
	for (unsigned int i = 0; i < FRAME_CHANNELS; i++)
		put_end(stream, i, output);
	if (stream->ended && stream_is_drained(stream)) {
		/* The control queue is empty whenever a stream has its turn. */
		byte_queue_clear(&session->control);
		session->control = stream->final;
		stream->final = (struct byte_queue){0};
		stream_unlink(stream);
		stream_destroy(stream);
	}
}

static bool stream_has_output(const struct stream *stream)
{
	for (unsigned int i = 0; i < FRAME_CHANNELS; i++) {
		if (channel_has_output(&stream->channel[i]))
			return true;
	}
	return stream->ended || stream->cancel_due;
}

bool session_has_output(const struct session *session)
{
	if (session->hello_due)
		return true;
	if (!session->established)
		return false;
	if (session->control.length > 0)
		return true;
	for (const struct stream *stream = session->first; stream; stream = stream->next) {
		if (stream_has_output(stream))
			return true;
	}
	return false;
}

/* Streams in turn, starting where the last call stopped: one round at most, only until one of them
 * has put a control frame, which goes first, and only while there is room for a turn worth having.
 */
static void put_streams(struct session *session, struct output *output)
{
	struct stream *stream = session->turn ? session->turn : session->first;
	unsigned int left = session->open_ours + session->open_theirs;

	for (; left > 0 && stream && session->control.length == 0; left--) {
		struct stream *next = stream->next ? stream->next : session->first;

		if (output_room(output) < OUTPUT_MIN)
			return;
		if (next == stream)
			next = NULL;
		session->turn = next;
		if (stream_has_output(stream))
			put_stream(stream, output);
		stream = session->turn;
	}
}

size_t session_output(struct session *session, void *bytes, size_t capacity)
{
	struct output output = {.bytes = bytes, .capacity = capacity};

	assert(capacity >= OUTPUT_MIN);
	if (session->hello_due)
		put_hello(session, &output);
	if (session->established) {
		size_t before;

		do {
			before = output.length;
			put_control(session, &output);
			/* A control frame that is not out whole lets nothing past it. */
			if (session->control.length == 0)
				put_streams(session, &output);
		} while (output.length > before ||
			 (session->control.length > 0 && output_room(&output) > 0));
	}
	if (output.length == 0)
		session->awake = false;
	return output.length;
}

void session_wake(struct session *session)
{
	if (session->receiving || session->awake || !session_has_output(session))
		return;
	session->awake = true;
	session->handlers->wake(session->owner);
}
