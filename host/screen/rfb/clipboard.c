/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clipboards: the extended one, which offers first and sends when somebody pastes, and plain cut
 * text (ISO 8859-1) for viewers that have no other. Text alone, both ways.
 */
#include "host/screen/rfb/packed_text.h"
#include "host/screen/rfb/rfb_internal.h"
#include "protocol/base/cleanup.h"

#include <errno.h>

#define MESSAGE_CUT_TEXT 3

#define ALL_FORMATS 0xffffU

static struct clipboard *clipboard_of(const struct rfb *rfb)
{
	return screen_clipboard(rfb->viewer.screen);
}

/* --- To the viewer ---------------------------------------------------------------------------- */

/* An extended message is a cut text of negative length. */
static void put_extended(struct rfb *rfb, uint32_t flags, const void *bytes, size_t length)
{
	wire_put8(&rfb->aside, MESSAGE_CUT_TEXT);
	wire_put(&rfb->aside, "\0\0", 3);
	wire_put32(&rfb->aside, 0U - (uint32_t)(length + 4));
	wire_put32(&rfb->aside, flags);
	wire_put(&rfb->aside, bytes, length);
	rfb_flush_aside(rfb);
}

void rfb_clipboard_learnt(struct rfb *rfb)
{
	uint8_t text_max[4];

	/* Nothing is to be sent unasked. */
	store_be32(text_max, 0);
	put_extended(rfb,
		     CLIP_CAPS | CLIP_REQUEST | CLIP_PEEK | CLIP_NOTIFY | CLIP_PROVIDE |
			     CLIP_FORMAT_TEXT,
		     text_max, sizeof(text_max));
	rfb_clipboard_changed(rfb);
}

static bool has_text(const struct rfb *rfb)
{
	struct clipboard_types types;

	if (!clipboard_of(rfb))
		return false;
	types = clipboard_types(clipboard_of(rfb), &rfb->viewer, CLIPBOARD_CLIPBOARD);
	for (size_t i = 0; i < types.count; i++) {
		if (strcmp(types.type[i], CLIPBOARD_TEXT) == 0)
			return true;
	}
	return false;
}

static void provide(struct rfb *rfb, struct slice text)
{
	_cleanup_(wire_free) struct wire packed = {0};

	if (packed_text_put(&packed, text) == 0)
		put_extended(rfb, CLIP_PROVIDE | CLIP_FORMAT_TEXT, packed.bytes, packed.length);
}

static void send_cut_text(struct rfb *rfb, struct slice text)
{
	_cleanup_free_ uint8_t *latin1 = NULL;
	size_t length;

	if (clipboard_text_to_latin1(text, &latin1, &length) < 0 || length > RFB_MAX_CUT_TEXT)
		return;
	wire_put8(&rfb->aside, MESSAGE_CUT_TEXT);
	wire_put(&rfb->aside, "\0\0", 3);
	wire_put32(&rfb->aside, (uint32_t)length);
	wire_put(&rfb->aside, latin1, length);
	rfb_flush_aside(rfb);
}

static void on_pasted(void *owner, int error, struct slice bytes)
{
	struct rfb *rfb = owner;

	rfb->clipboard.paste = NULL;
	if (error < 0)
		return;
	if (rfb->can.extended_clipboard)
		provide(rfb, bytes);
	else
		send_cut_text(rfb, bytes);
}

static void fetch(struct rfb *rfb)
{
	struct rfb_clipboard *mine = &rfb->clipboard;

	if (!clipboard_of(rfb))
		return;
	if (mine->paste)
		clipboard_paste_cancel(mine->paste);
	mine->paste = NULL;
	/* On failure nothing comes, which is what a viewer is told. */
	(void)clipboard_paste(clipboard_of(rfb), &rfb->viewer, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT,
			      CLIPBOARD_VIEWER_MAX, on_pasted, rfb, &mine->paste);
}

void rfb_clipboard_changed(struct rfb *rfb)
{
	bool text = has_text(rfb);

	if (rfb->can.extended_clipboard)
		put_extended(rfb, CLIP_NOTIFY | (text ? CLIP_FORMAT_TEXT : 0), NULL, 0);
	else if (text)
		fetch(rfb);
}

void rfb_clipboard_end(struct rfb *rfb)
{
	if (rfb->clipboard.paste)
		clipboard_paste_cancel(rfb->clipboard.paste);
	rfb->clipboard.paste = NULL;
}

/* --- From the viewer -------------------------------------------------------------------------- */

/* Somebody pastes what the viewer has offered. */
static void on_wanted(struct viewer *viewer, uint64_t id, enum clipboard_selection selection,
		      const char *type)
{
	struct rfb *rfb = rfb_of(viewer);
	uint64_t before = rfb->clipboard.asked_id;

	(void)selection, (void)type;
	rfb->clipboard.asked_id = id;
	if (before)
		clipboard_answered(clipboard_of(rfb), viewer, before, -ESTALE);
	put_extended(rfb, CLIP_REQUEST | CLIP_FORMAT_TEXT, NULL, 0);
}

static int on_provided(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t text_length;
	uint64_t id = rfb->clipboard.asked_id;
	int result;

	if (!id || !clipboard_of(rfb))
		return 0;
	rfb->clipboard.asked_id = 0;
	result = packed_text_take(bytes, length, &text, &text_length);
	if (result == 0)
		result = clipboard_answer(clipboard_of(rfb), &rfb->viewer, id, text, text_length);
	if (result != -ESTALE && result != -EFBIG)
		clipboard_answered(clipboard_of(rfb), &rfb->viewer, id, result);
	return result == -EPROTO ? result : 0;
}

static int on_notified(struct rfb *rfb, uint32_t formats)
{
	static const char *const types[] = {CLIPBOARD_TEXT};
	uint64_t id = rfb->clipboard.asked_id;

	if (!clipboard_of(rfb))
		return 0;
	if (id) { /* what was wanted is no more */
		rfb->clipboard.asked_id = 0;
		clipboard_answered(clipboard_of(rfb), &rfb->viewer, id, -ESTALE);
	}
	/* Whether a policy lets it through is not the viewer's business. */
	(void)clipboard_copied(clipboard_of(rfb), &rfb->viewer, CLIPBOARD_CLIPBOARD, types,
			       formats & CLIP_FORMAT_TEXT ? 1 : 0, on_wanted);
	return 0;
}

static int read_extended(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	uint32_t flags;

	if (length < 4)
		return -EPROTO;
	flags = load_be32(bytes);
	if (flags & CLIP_CAPS)
		return 0; /* we ask for text, and send it when asked: nothing depends on it */
	if (flags & CLIP_PROVIDE)
		return flags & CLIP_FORMAT_TEXT ? on_provided(rfb, bytes + 4, length - 4) : 0;
	if (flags & CLIP_NOTIFY)
		return on_notified(rfb, flags & ALL_FORMATS);
	if (flags & CLIP_REQUEST && flags & CLIP_FORMAT_TEXT && !rfb->clipboard.paste)
		fetch(rfb);
	if (flags & CLIP_PEEK)
		rfb_clipboard_changed(rfb);
	return 0;
}

int rfb_cut_text(struct rfb *rfb, bool extended, const uint8_t *bytes, size_t length)
{
	_cleanup_free_ uint8_t *text = NULL;
	size_t text_length;
	int result;

	if (extended)
		return read_extended(rfb, bytes, length);
	if (!clipboard_of(rfb))
		return 0;
	result = clipboard_text_normalise(TEXT_LATIN1, (struct slice){bytes, length}, &text,
					  &text_length);
	if (result == 0)
		(void)clipboard_copied_bytes(clipboard_of(rfb), &rfb->viewer, CLIPBOARD_CLIPBOARD,
					     CLIPBOARD_TEXT, text, text_length);
	return result;
}
