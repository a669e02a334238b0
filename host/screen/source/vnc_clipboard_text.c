/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text that is copied on one side of QEMU's VNC server and pasted on the other. */
#include "host/screen/rfb/packed_text.h"
#include "host/screen/source/vnc_clipboard_internal.h"
#include "protocol/base/cleanup.h"
#include "protocol/display.h"

#include <errno.h>

#define MAX_CUT_TEXT (1U << 20) /* of a message: QEMU takes no more */

bool vnc_clipboard_say(struct vnc *vnc, uint32_t flags, const void *bytes, size_t length)
{
	_cleanup_(wire_free) struct wire message = {0};

	wire_put32(&message, 6U << 24); /* a cut text */
	wire_put32(&message, 0U - (uint32_t)(length + 4));
	wire_put32(&message, flags);
	wire_put(&message, bytes, length);
	return !message.failed && length <= MAX_CUT_TEXT - 4 &&
	       vnc_send(vnc, message.bytes, message.length);
}

/* --- The guest copies, the host pastes -------------------------------------------------------- */

void vnc_clipboard_tell(struct vnc_clipboard *clipboard)
{
	uint8_t list[64], bytes[128];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);
	struct clipboard_offer offer = {
		.selection = SLICE_LITERAL("clipboard"),
		.serial = clipboard->copied ? clipboard->copied : ++clipboard->last_serial,
	};

	if (!clipboard->attached)
		return;
	cbor_put_array(&list_writer, clipboard->copied ? 1 : 0);
	if (clipboard->copied)
		cbor_put_text(&list_writer, SLICE_LITERAL(CLIPBOARD_TEXT));
	offer.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &offer, &writer);
	stream_message(clipboard->attached, SLICE_LITERAL("offer"), cbor_written(&writer));
}

void vnc_clipboard_notified(struct vnc_clipboard *clipboard, bool text)
{
	if (!text && !clipboard->copied)
		return;
	if (text)
		clipboard->offered = 0;
	clipboard->copied = text ? ++clipboard->last_serial : 0;
	vnc_clipboard_tell(clipboard);
}

void vnc_clipboard_read(struct vnc_clipboard *clipboard, struct stream *stream, struct slice params)
{
	struct clipboard_want want;

	if (message_decode(&message_clipboard_want, params, &want) < 0) {
		stream_fail(stream, EINVAL, NULL);
		return;
	}
	if (!clipboard->copied || want.serial != clipboard->copied ||
	    !slice_is(want.type, CLIPBOARD_TEXT)) {
		stream_fail(stream, ESTALE, NULL);
		return;
	}
	if (clipboard_paste_wait(&clipboard->pastes, stream, 0))
		vnc_clipboard_say(clipboard->vnc, CLIP_REQUEST | CLIP_FORMAT_TEXT, NULL, 0);
}

int vnc_clipboard_provided(struct vnc_clipboard *clipboard, const uint8_t *bytes, size_t length)
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t text_length = 0;
	int result;

	if (!clipboard_paste_any(&clipboard->pastes))
		return 0;
	result = packed_text_take(bytes, length, &text, &text_length);
	clipboard_paste_answer(&clipboard->pastes, 0, 0, -result, text, text_length);
	return result == -EPROTO ? result : 0;
}

/* --- The host copies, the guest pastes -------------------------------------------------------- */

void vnc_clipboard_offered(struct stream *stream, void *owner, struct slice name,
			   struct slice params)
{
	struct vnc_clipboard *clipboard = owner;
	struct clipboard_offer offer;
	struct cbor_reader reader;
	uint64_t count = 0;
	bool text = false;

	(void)stream;
	if (!slice_is(name, "offer") ||
	    message_decode(&message_clipboard_offer, params, &offer) < 0 ||
	    !slice_is(offer.selection, "clipboard"))
		return;
	reader = CBOR_READER(offer.types);
	if (offer.types.length)
		count = cbor_get_array(&reader);
	while (count-- && !reader.error)
		text |= slice_is(cbor_get_text(&reader), CLIPBOARD_TEXT);
	if (!text && !clipboard->offered)
		return;
	clipboard->offered = text ? offer.serial : 0;
	if (text)
		clipboard->copied = 0;
	vnc_clipboard_say(clipboard->vnc, CLIP_NOTIFY | (text ? CLIP_FORMAT_TEXT : 0U), NULL, 0);
}

void vnc_clipboard_requested(struct vnc_clipboard *clipboard)
{
	struct clipboard_want want = {
		.id = ++clipboard->last_id,
		.serial = clipboard->offered,
		.selection = SLICE_LITERAL("clipboard"),
		.type = SLICE_LITERAL(CLIPBOARD_TEXT),
	};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	if (!clipboard->offered || clipboard->asked || clipboard->write.stream ||
	    !clipboard->attached)
		return;
	message_encode(&message_clipboard_want, &want, &writer);
	if (stream_message(clipboard->attached, SLICE_LITERAL("want"), cbor_written(&writer)) == 0)
		clipboard->asked = want.id;
}

static void write_end(struct vnc_clipboard *clipboard)
{
	wire_free(&clipboard->write.text);
	clipboard->write = (struct vnc_write){0};
}

static void on_write_data(struct stream *stream, void *owner, unsigned int channel,
			  struct slice bytes)
{
	struct vnc_clipboard *clipboard = owner;

	stream_consumed(stream, channel, bytes.length);
	if (channel != 0)
		return;
	if (clipboard->write.text.length + bytes.length > PACKED_TEXT_MAX) {
		write_end(clipboard);
		stream_fail(stream, EFBIG, NULL);
		return;
	}
	wire_put(&clipboard->write.text, bytes.bytes, bytes.length);
}

static void on_write_end(struct stream *stream, void *owner, unsigned int channel)
{
	_cleanup_(wire_free) struct wire packed = {0};
	struct vnc_clipboard *clipboard = owner;
	const struct wire *text = &clipboard->write.text;
	int result;

	if (channel != 0)
		return;
	result = text->failed ? -ENOMEM
			      : packed_text_put(&packed, (struct slice){text->bytes, text->length});
	if (result == 0 && !vnc_clipboard_say(clipboard->vnc, CLIP_PROVIDE | CLIP_FORMAT_TEXT,
					      packed.bytes, packed.length))
		result = -EFBIG;
	write_end(clipboard);
	if (result < 0)
		stream_fail(stream, result, NULL);
	else
		stream_reply(stream, (struct slice){0});
}

static void on_write_cancelled(struct stream *stream, void *owner)
{
	write_end(owner);
	stream_fail(stream, ECANCELED, NULL);
}

static void on_write_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	write_end(owner);
}

static const struct stream_handlers write_handlers = {
	.data = on_write_data,
	.end = on_write_end,
	.cancelled = on_write_cancelled,
	.closed = on_write_closed,
};

void vnc_clipboard_write(struct vnc_clipboard *clipboard, struct stream *stream,
			 struct slice params)
{
	struct clipboard_write said;

	if (message_decode(&message_clipboard_write, params, &said) < 0) {
		stream_fail(stream, EINVAL, NULL);
		return;
	}
	if (!clipboard->asked || said.id != clipboard->asked) {
		stream_fail(stream, ESTALE, NULL);
		return;
	}
	clipboard->asked = 0;
	if (said.number) { /* nothing comes, which is what the guest sees */
		stream_reply(stream, (struct slice){0});
		return;
	}
	clipboard->write.stream = stream;
	stream_set_handlers(stream, &write_handlers, clipboard);
}
