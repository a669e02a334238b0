/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a viewer can: one number each in SetEncodings (RFC 6143, 7.5.2, and the registry). The first
 * encoding for pixels that we have too is the one that is used.
 */
#include "host/screen/rfb/rfb_internal.h"

/* The first of a range each. */
enum {
	QUALITY = -32,
	COMPRESSION = -256,
	JPEG_QUALITY = -512,
	JPEG_SUBSAMPLE = -768,
};

static bool in_range(int32_t encoding, int32_t first, int32_t last, int *value)
{
	if (encoding < first || encoding > first + last)
		return false;
	*value = encoding - first;
	return true;
}

static bool *ability(struct rfb_abilities *can, int32_t encoding)
{
	switch (encoding) {
	case RFB_COPY_RECT:
		return &can->copy_rect;
	case RFB_DESKTOP_SIZE:
		return &can->desktop_size;
	case RFB_LAST_RECT:
		return &can->last_rect;
	case RFB_POINTER_POSITION:
		return &can->pointer_position;
	case RFB_CURSOR:
		return &can->cursor;
	case RFB_QEMU_MOTION:
		return &can->qemu_motion;
	case RFB_QEMU_KEYS:
		return &can->qemu_keys;
	case RFB_QEMU_LEDS:
		return &can->qemu_leds;
	case RFB_DESKTOP_NAME:
		return &can->desktop_name;
	case RFB_EXTENDED_DESKTOP_SIZE:
		return &can->extended_desktop_size;
	case RFB_FENCE:
		return &can->fence;
	case RFB_CONTINUOUS_UPDATES:
		return &can->continuous_updates;
	case RFB_ALPHA_CURSOR:
		return &can->alpha_cursor;
	case RFB_MOUSE_BUTTONS:
		return &can->mouse_buttons;
	case RFB_VMWARE_LEDS:
		return &can->vmware_leds;
	case RFB_EXTENDED_CLIPBOARD:
		return &can->extended_clipboard;
	default:
		return NULL;
	}
}

void rfb_learn_encoding(struct rfb_abilities *can, bool *chosen, int32_t encoding)
{
	bool *flag = ability(can, encoding);

	if (flag) {
		*flag = true;
		return;
	}
	switch (encoding) {
	case RFB_RAW:
	case RFB_HEXTILE:
	case RFB_TIGHT:
	case RFB_ZRLE:
		if (!*chosen)
			can->encoding = (enum rfb_encoding)encoding;
		*chosen = true;
		return;
	default:
		break;
	}
	(void)(in_range(encoding, QUALITY, 9, &can->quality) ||
	       in_range(encoding, COMPRESSION, 9, &can->compression) ||
	       in_range(encoding, JPEG_QUALITY, 100, &can->jpeg_quality) ||
	       in_range(encoding, JPEG_SUBSAMPLE, 3, &can->jpeg_subsample));
}

void rfb_learnt(struct rfb *rfb, const struct rfb_abilities *can)
{
	struct rfb_abilities had = rfb->can;
	struct rfb_pending *pending = &rfb->pending;

	rfb->can = *can;
	if (can->extended_desktop_size && !had.extended_desktop_size)
		pending->size = true;
	if ((can->cursor && !had.cursor) || (can->alpha_cursor && !had.alpha_cursor))
		pending->cursor = screen_cursor(rfb->viewer.screen)->pixels != NULL;
	if ((can->qemu_leds && !had.qemu_leds) || (can->vmware_leds && !had.vmware_leds))
		pending->leds = true;
	pending->name |= can->desktop_name && !had.desktop_name;
	pending->qemu_keys |= can->qemu_keys && !had.qemu_keys;
	pending->qemu_motion |= can->qemu_motion && !had.qemu_motion;
	pending->mouse_buttons |= can->mouse_buttons && !had.mouse_buttons;
	rfb_pointer_changed(rfb);
	rfb_flow_learnt(rfb, &had);
	if (can->extended_clipboard && !had.extended_clipboard)
		rfb_clipboard_learnt(rfb);
	rfb_update_soon(rfb);
}
