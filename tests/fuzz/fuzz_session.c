/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: protocol base
/*
 * A hostile peer. The first byte of the input says how the rest is taken: whether the handshake has
 * been done before, so that frames get as far as the streams; whether this side has asked
 * something; whether the peer reads; and whether the input is what the peer sends, cut into pieces
 * by its own bytes, or a list of frames that get right headers.
 */
enum mode {
	MODE_GREETED = 1,
	MODE_ASKING = 2,
	MODE_DEAF = 4,
	MODE_FRAMES = 8,
};

#include "protocol/base/bytes.h"
#include "protocol/frame.h"
#include "protocol/session.h"

#include <errno.h>

#include <stdint.h>
#include <stdlib.h>

struct owner {
	struct session *session;
	struct stream *open[4];
	unsigned int next;
	uint64_t epoch;
};

static void on_established(void *context, const struct session_peer *peer)
{
	(void)context;
	session_peer_has(peer, "exec");
}

static void on_data(struct stream *stream, void *context, unsigned int channel, struct slice bytes)
{
	(void)context;
	/* Echo, and give back a part. */
	stream_send(stream, channel, bytes.bytes, bytes.length);
	stream_consumed(stream, channel, bytes.length / 2 + 1);
}

static void on_end(struct stream *stream, void *context, unsigned int channel)
{
	(void)context;
	stream_end(stream, channel);
}

static void on_closed(struct stream *stream, void *context, const struct stream_result *result)
{
	struct owner *owner = context;

	(void)result;
	for (size_t i = 0; i < ARRAY_SIZE(owner->open); i++) {
		if (owner->open[i] == stream)
			owner->open[i] = NULL;
	}
}

static const struct stream_handlers stream_handlers = {
	.data = on_data,
	.end = on_end,
	.closed = on_closed,
};

static void on_request(void *context, struct stream *stream, struct slice method,
		       struct slice params)
{
	struct owner *owner = context;
	struct stream **slot = &owner->open[owner->next++ % ARRAY_SIZE(owner->open)];

	stream_set_handlers(stream, &stream_handlers, owner);
	if (method.length > 0 && method.bytes[0] == 'r') {
		stream_reply(stream, params);
		return;
	}
	if (*slot)
		stream_fail(*slot, EIO, "displaced");
	*slot = stream;
}

static void on_wake(void *context)
{
	(void)context;
}

static uint64_t on_random(void *context)
{
	return ((struct owner *)context)->epoch += 0x10001;
}

static const struct session_handlers handlers = {
	.established = on_established,
	.request = on_request,
	.wake = on_wake,
	.random = on_random,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A host's HELLO(5, 0x10001): answers the first epoch that the guest takes. */
static void greet(struct session *session)
{
	uint8_t hello[256];
	struct cbor_writer writer = CBOR_WRITER(hello);
	struct frame_header header = {.type = FRAME_HELLO};
	uint8_t bytes[FRAME_HEADER_SIZE];

	cbor_put_map(&writer, 4);
	cbor_put_text(&writer, SLICE_LITERAL("epoch"));
	cbor_put_uint(&writer, 5);
	cbor_put_text(&writer, SLICE_LITERAL("peer"));
	cbor_put_uint(&writer, 0x10001);
	cbor_put_text(&writer, SLICE_LITERAL("versions"));
	cbor_put_array(&writer, 2);
	cbor_put_uint(&writer, 1);
	cbor_put_uint(&writer, 1);
	cbor_put_text(&writer, SLICE_LITERAL("role"));
	cbor_put_text(&writer, SLICE_LITERAL("host"));
	header.length = (uint32_t)writer.length;
	frame_header_encode(&header, bytes);
	session_receive(session, sync_word, SYNC_WORD_SIZE);
	session_receive(session, bytes, sizeof(bytes));
	session_receive(session, hello, writer.length);
}

/* The peer's bytes as they are: the next few of them. */
static size_t send_piece(struct session *session, const uint8_t *bytes, size_t length)
{
	size_t piece = MIN(1 + (size_t)bytes[0] * 3, length);

	session_receive(session, bytes, piece);
	return piece;
}

/* A frame: type, flags and channel, stream, length of the payload in a byte each, and the payload.
 */
static size_t send_frame(struct session *session, const uint8_t *bytes, size_t length)
{
	uint8_t frame[FRAME_HEADER_SIZE + 255] = {0};
	size_t payload;

	if (length < 4)
		return length;
	payload = MIN((size_t)bytes[3], length - 4);
	frame[0] = bytes[0] & 0x0f;
	frame[1] = bytes[1] >> 7;
	frame[2] = bytes[1] & 3;
	frame[4] = bytes[2];
	store_le32(frame + 8, (uint32_t)payload);
	memcpy(frame + FRAME_HEADER_SIZE, bytes + 4, payload);
	if (frame[0] == FRAME_HELLO)
		session_receive(session, sync_word, SYNC_WORD_SIZE);
	session_receive(session, frame, FRAME_HEADER_SIZE + payload);
	return 4 + payload;
}

static void ask(struct owner *owner)
{
	static const struct slice method = SLICE_LITERAL("m"), nothing = {NULL, 0};
	struct stream *stream;

	if (session_request(owner->session, method, nothing, &stream_handlers, owner, NULL) < 0 ||
	    session_request(owner->session, method, nothing, &stream_handlers, owner, &stream) < 0)
		abort();
	stream_send(stream, 0, "some bytes", 10);
	stream_cancel(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char *const capabilities[] = {"exec", NULL};
	static uint8_t out[65536];
	struct owner owner = {0};
	uint8_t mode;

	if (length < 1)
		return 0;
	mode = bytes[0];
	owner.session = session_new(SESSION_GUEST, "fuzz", capabilities, &handlers, &owner);
	if (!owner.session)
		abort();
	if (mode & MODE_GREETED) {
		session_start(owner.session);
		greet(owner.session);
		if (!session_is_established(owner.session))
			abort();
		if (mode & MODE_ASKING)
			ask(&owner);
	}
	for (size_t at = 1; at < length;) {
		at += (mode & MODE_FRAMES ? send_frame : send_piece)(owner.session, bytes + at,
								     length - at);
		while (!(mode & MODE_DEAF) && session_output(owner.session, out, sizeof(out)) > 0)
			;
	}
	session_free(owner.session);
	return 0;
}
