/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a viewer sends (RFC 6143, 7.5, and extensions), cut into messages. What may be long is taken
 * as it comes: encodings one by one, text into a buffer that grows with what is there.
 */
#include "host/screen/rfb/rfb_internal.h"

#include <errno.h>

enum {
	SET_PIXEL_FORMAT = 0,
	SET_ENCODINGS = 2,
	UPDATE_REQUEST = 3,
	KEY_EVENT = 4,
	POINTER_EVENT = 5,
	CUT_TEXT = 6,
	CONTINUOUS_UPDATES = 150,
	FENCE = 248,
	SET_DESKTOP_SIZE = 251,
	QEMU = 255,
};

enum {
	QEMU_KEY = 0,
	QEMU_AUDIO = 1,
};

#define QEMU_AUDIO_FORMAT 2

/* --- What may be long ------------------------------------------------------------------------- */

static ssize_t read_encodings(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	struct rfb_long *message = &rfb->message;
	size_t used = 0;

	while (message->left && length - used >= 4) {
		rfb_learn_encoding(&message->abilities, &message->encoding_chosen,
				   (int32_t)load_be32(bytes + used));
		used += 4;
		message->left -= 4;
	}
	if (message->left == 0) {
		message->what = LONG_NONE;
		rfb_learnt(rfb, &message->abilities);
	}
	return (ssize_t)used;
}

static ssize_t read_text(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	struct rfb_long *message = &rfb->message;
	size_t part = MIN(length, message->left);
	int result = 0;

	wire_put(&message->text, bytes, part);
	message->left -= part;
	if (message->text.failed)
		return -ENOMEM;
	if (message->left == 0) {
		message->what = LONG_NONE;
		result = rfb_cut_text(rfb, message->extended, message->text.bytes,
				      message->text.length);
		wire_free(&message->text);
	}
	return result < 0 ? result : (ssize_t)part;
}

static ssize_t skip(struct rfb *rfb, size_t length)
{
	struct rfb_long *message = &rfb->message;
	size_t part = MIN(length, message->left);

	message->left -= part;
	if (message->left == 0)
		message->what = LONG_NONE;
	return (ssize_t)part;
}

static ssize_t read_long(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	switch (rfb->message.what) {
	case LONG_ENCODINGS:
		return read_encodings(rfb, bytes, length);
	case LONG_CUT_TEXT:
		return read_text(rfb, bytes, length);
	default:
		return skip(rfb, length);
	}
}

static ssize_t begin_encodings(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	struct rfb_long *message = &rfb->message;

	if (length < 4)
		return 0;
	message->what = LONG_ENCODINGS;
	message->left = load_be16(bytes + 2) * 4UL;
	message->encoding_chosen = false;
	message->abilities = (struct rfb_abilities){
		.encoding = RFB_RAW,
		.compression = -1,
		.quality = -1,
		.jpeg_quality = -1,
		.jpeg_subsample = -1,
	};
	if (message->left == 0)
		read_encodings(rfb, bytes, 0);
	return 4;
}

static ssize_t begin_text(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	struct rfb_long *message = &rfb->message;
	uint32_t count;

	if (length < 8)
		return 0;
	count = load_be32(bytes + 4);
	message->extended = count >> 31 && rfb->can.extended_clipboard;
	message->left = message->extended ? 0 - count : count;
	if (count >> 31 && !message->extended)
		return -EPROTO;
	message->what = LONG_CUT_TEXT;
	if (message->left > RFB_MAX_CUT_TEXT || rfb->viewer.view_only)
		message->what = LONG_SKIP;
	if (message->left == 0) {
		message->what = LONG_NONE;
		if (!rfb->viewer.view_only && rfb_cut_text(rfb, false, NULL, 0) < 0)
			return -ENOMEM;
	}
	return 8;
}

/* --- What is short ---------------------------------------------------------------------------- */

static ssize_t set_pixel_format(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	static const struct rectangle all = {.width = UINT32_MAX, .height = UINT32_MAX};
	struct pixel_format format;
	bool mapped;
	int result;

	if (length < 4 + PIXEL_FORMAT_SIZE)
		return 0;
	result = pixel_format_parse(bytes + 4, &format, &mapped);
	if (result < 0)
		return result;
	rfb->next_format = format;
	rfb->format_waits = true;
	rfb->map_waits = mapped;
	/* A cursor is in the viewer's format too; so is what it may show again. */
	rfb_refresh(rfb, &all);
	rfb->pending.cursor = (rfb->can.cursor || rfb->can.alpha_cursor) &&
			      screen_cursor(rfb->viewer.screen)->pixels;
	rfb_update_soon(rfb);
	return 4 + PIXEL_FORMAT_SIZE;
}

static ssize_t update_request(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	struct rectangle area;

	if (length < 10)
		return 0;
	area.x = load_be16(bytes + 2);
	area.y = load_be16(bytes + 4);
	area.width = load_be16(bytes + 6);
	area.height = load_be16(bytes + 8);
	rfb_request(rfb, bytes[1] != 0, &area);
	return 10;
}

static ssize_t key_event(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	if (length < 8)
		return 0;
	rfb_key(rfb, bytes[1] != 0, load_be32(bytes + 4));
	return 8;
}

static ssize_t pointer_event(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	uint32_t buttons;
	size_t need = 6;

	if (length < need)
		return 0;
	buttons = bytes[1];
	if (rfb->can.mouse_buttons && buttons & 0x80) {
		need = 7;
		if (length < need)
			return 0;
		buttons = (buttons & 0x7f) | (uint32_t)bytes[6] << 7;
	}
	rfb_pointer(rfb, buttons, load_be16(bytes + 2), load_be16(bytes + 4));
	return (ssize_t)need;
}

static ssize_t qemu_message(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	if (length < 4)
		return 0;
	if (bytes[1] == QEMU_AUDIO) { /* there is none, so only its length matters */
		size_t need = load_be16(bytes + 2) == QEMU_AUDIO_FORMAT ? 10 : 4;

		return length < need ? 0 : (ssize_t)need;
	}
	if (bytes[1] != QEMU_KEY)
		return -EPROTO;
	if (length < 12)
		return 0;
	rfb_qemu_key(rfb, load_be16(bytes + 2) != 0, load_be32(bytes + 4), load_be32(bytes + 8));
	return 12;
}

ssize_t rfb_message(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	if (rfb->message.what != LONG_NONE)
		return read_long(rfb, bytes, length);
	switch (*bytes) {
	case SET_PIXEL_FORMAT:
		return set_pixel_format(rfb, bytes, length);
	case SET_ENCODINGS:
		return begin_encodings(rfb, bytes, length);
	case UPDATE_REQUEST:
		return update_request(rfb, bytes, length);
	case KEY_EVENT:
		return key_event(rfb, bytes, length);
	case POINTER_EVENT:
		return pointer_event(rfb, bytes, length);
	case CUT_TEXT:
		return begin_text(rfb, bytes, length);
	case CONTINUOUS_UPDATES:
		return rfb_continuous_updates(rfb, bytes, length);
	case FENCE:
		return rfb_fence(rfb, bytes, length);
	case SET_DESKTOP_SIZE:
		return rfb_set_desktop_size(rfb, bytes, length);
	case QEMU:
		return qemu_message(rfb, bytes, length);
	default:
		return -EPROTO;
	}
}
