/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clipboard of QEMU's VNC server (RFB's extended clipboard, QEMU 6.1), for a guest without our
 * agent whose QEMU has a vdagent of its own: to the rest of lodge-screen it looks as an agent does,
 * a session that answers "clipboard.*" (protocol/display.h). Text alone; NOTIFY is an offer,
 * REQUEST a want, PROVIDE the text, both ways.
 */
#include "host/screen/clipboard_paste.h"
#include "host/screen/rfb/packed_text.h"
#include "host/screen/source/vnc_internal.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/display.h"
#include "protocol/pump/pump.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CUT_TEXT (1U << 20) /* of a message: QEMU takes no more */

/* What the host gives, until all of it is there. */
struct vnc_write {
	struct stream *stream; /* NULL: nothing is given */
	struct wire text;
};

struct vnc_clipboard {
	struct vnc *vnc;
	struct session *session; /* NULL: none was asked for */
	struct pump *pump;
	struct stream *attached;
	uint64_t last_serial, last_id;
	uint64_t copied;  /* serial of the guest's offer; 0: there is none */
	uint64_t offered; /* serial of the host's */
	uint64_t asked;	  /* id of the guest's want; 0: there is none */
	struct clipboard_pastes pastes;
	struct vnc_write write;
};

static bool say(struct vnc *vnc, uint32_t flags, const void *bytes, size_t length)
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

static void tell_offer(struct vnc_clipboard *clipboard)
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

static void on_notified(struct vnc_clipboard *clipboard, bool text)
{
	if (!text && !clipboard->copied)
		return;
	if (text)
		clipboard->offered = 0;
	clipboard->copied = text ? ++clipboard->last_serial : 0;
	tell_offer(clipboard);
}

static void call_read(struct vnc_clipboard *clipboard, struct stream *stream, struct slice params)
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
		say(clipboard->vnc, CLIP_REQUEST | CLIP_FORMAT_TEXT, NULL, 0);
}

static int on_provided(struct vnc_clipboard *clipboard, const uint8_t *bytes, size_t length)
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

static void on_offer(struct stream *stream, void *owner, struct slice name, struct slice params)
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
	say(clipboard->vnc, CLIP_NOTIFY | (text ? CLIP_FORMAT_TEXT : 0U), NULL, 0);
}

static void on_requested(struct vnc_clipboard *clipboard)
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
	if (result == 0 &&
	    !say(clipboard->vnc, CLIP_PROVIDE | CLIP_FORMAT_TEXT, packed.bytes, packed.length))
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

static void call_write(struct vnc_clipboard *clipboard, struct stream *stream, struct slice params)
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

/* --- The session ------------------------------------------------------------------------------ */

static void detach(struct vnc_clipboard *clipboard)
{
	clipboard->attached = NULL;
	clipboard->asked = 0;
	if (clipboard->offered)
		say(clipboard->vnc, CLIP_NOTIFY, NULL, 0);
	clipboard->offered = 0;
}

static void on_attach_cancelled(struct stream *stream, void *owner)
{
	detach(owner);
	stream_reply(stream, (struct slice){0});
}

static void on_attach_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	detach(owner);
}

static const struct stream_handlers attach_handlers = {
	.message = on_offer, .cancelled = on_attach_cancelled, .closed = on_attach_closed};

static void call_attach(struct vnc_clipboard *clipboard, struct stream *stream)
{
	if (clipboard->attached) {
		stream_fail(stream, EBUSY, NULL);
		return;
	}
	clipboard->attached = stream;
	stream_set_handlers(stream, &attach_handlers, clipboard);
	if (clipboard->copied)
		tell_offer(clipboard);
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	if (slice_is(method, "clipboard.attach"))
		call_attach(owner, stream);
	else if (slice_is(method, "clipboard.read"))
		call_read(owner, stream, params);
	else if (slice_is(method, "clipboard.write"))
		call_write(owner, stream, params);
	else
		stream_fail(stream, ENOSYS, "QEMU's VNC server has the clipboard alone");
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
	pump_wake(((struct vnc_clipboard *)owner)->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.wake = on_wake,
};

static void leave_session(struct vnc_clipboard *clipboard)
{
	struct session *session = take_ptr(clipboard->session);

	pump_free(take_ptr(clipboard->pump));
	session_free(session);
}

static void on_pump_closed(void *owner, int error)
{
	(void)error;
	leave_session(owner);
}

static const struct pump_handlers pump_handlers = {.closed = on_pump_closed};

int vnc_session(struct source *source)
{
	static const char *const capabilities[] = {"clipboard", NULL};
	struct vnc_clipboard *clipboard = vnc_of(source)->clipboard;
	_cleanup_close_ int ours = -EBADF;
	int fds[2], result;

	if (!clipboard)
		return -ENOTCONN;
	leave_session(clipboard);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	ours = fds[0];
	clipboard->session = session_new(SESSION_GUEST, "QEMU's VNC server", capabilities,
					 &session_handlers, clipboard);
	if (!clipboard->session) {
		close(fds[1]);
		return -ENOMEM;
	}
	result = pump_new(screen_loop(source->screen), fds[1], false, clipboard->session,
			  &pump_handlers, clipboard, &clipboard->pump);
	if (result < 0) {
		leave_session(clipboard);
		return result;
	}
	return take_fd(&ours);
}

void vnc_clipboard_free(struct vnc_clipboard *clipboard)
{
	if (!clipboard)
		return;
	clipboard->offered = 0; /* nobody is told any more */
	leave_session(clipboard);
	free(clipboard);
}

/* --- What the server says --------------------------------------------------------------------- */

static int take_cut_text(struct vnc *vnc)
{
	const uint32_t flags = load_be32(vnc->kept);
	struct vnc_clipboard *clipboard = vnc->clipboard;

	vnc_expect_message(vnc, 0);
	if (flags & CLIP_CAPS && !clipboard) {
		clipboard = vnc->clipboard = calloc(1, sizeof(*clipboard));
		if (!clipboard)
			return -ENOMEM;
		clipboard->vnc = vnc;
	}
	if (!clipboard || flags & CLIP_CAPS)
		return 0;
	if (flags & CLIP_NOTIFY)
		on_notified(clipboard, flags & CLIP_FORMAT_TEXT);
	else if (!(flags & CLIP_FORMAT_TEXT))
		return 0;
	else if (flags & CLIP_PROVIDE)
		return on_provided(clipboard, vnc->kept + 4, vnc->kept_length - 4);
	else if (flags & CLIP_REQUEST)
		on_requested(clipboard);
	return 0;
}

/* Below zero it is an extended message; text without that is of no use to a guest. */
int vnc_begin_cut_text(struct vnc *vnc, int32_t length)
{
	const uint32_t size = length < 0 ? 0U - (uint32_t)length : (uint32_t)length;

	if (length >= 0 || size < 4 || size > PACKED_TEXT_MAX) {
		vnc_expect_message(vnc, size);
		return 0;
	}
	return vnc_keep(vnc, size, take_cut_text);
}
