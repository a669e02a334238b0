/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * packed_text - the text of a "provide" of RFB's extended clipboard (rfbproto): its size, the text
 * with CRLF and a NUL, all of it compressed (RFC 1950)
 */
#ifndef LODGE_SCREEN_RFB_PACKED_TEXT_H
#define LODGE_SCREEN_RFB_PACKED_TEXT_H

#include "host/screen/rfb/wire.h"
#include "protocol/clipboard_text.h"

#define PACKED_TEXT_MAX (16U << 20) /* bytes of text */

enum extended_clipboard {
	CLIP_FORMAT_TEXT = 1U << 0,
	CLIP_CAPS = 1U << 24,
	CLIP_REQUEST = 1U << 25,
	CLIP_PEEK = 1U << 26,
	CLIP_NOTIFY = 1U << 27,
	CLIP_PROVIDE = 1U << 28,
};

/* Appends CLIPBOARD_TEXT, packed. 0; -ENOMEM; -EFBIG; -EIO. */
int packed_text_put(struct wire *packed, struct slice text);

/**
 * packed_text_take() - what a peer has packed
 * @bytes:	untrusted
 * @text:	set on success: CLIPBOARD_TEXT, malloc()ed, the caller's
 *
 * Return: 0; -EPROTO; -EFBIG: more than PACKED_TEXT_MAX; -ENOMEM.
 */
int packed_text_take(const uint8_t *bytes, size_t length, uint8_t **text, size_t *text_length);

#endif
