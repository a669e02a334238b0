/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is no picture and comes with it as rectangles of its own: the cursor's image and place, the
 * keyboard's LEDs, the desktop's name, and what we understand of the viewer's input.
 */
#include "host/screen/rfb/rfb_internal.h"

#include <linux/input-event-codes.h>

#define OWN_MOTION_MS 500 /* the guest's pointer goes where the viewer's went */

unsigned int rfb_count_pseudo(const struct rfb *rfb)
{
	const struct rfb_pending *pending = &rfb->pending;

	return (unsigned int)pending->cursor + pending->pointer_position +
	       (pending->leds ? (unsigned int)rfb->can.qemu_leds + rfb->can.vmware_leds : 0) +
	       pending->name + pending->qemu_keys + pending->qemu_motion + pending->mouse_buttons;
}

/* --- Cursor ----------------------------------------------------------------------------------- */

void rfb_cursor_changed(struct rfb *rfb)
{
	const struct desktop_cursor *cursor = screen_cursor(rfb->viewer.screen);
	bool moved = cursor->x != rfb->cursor_x || cursor->y != rfb->cursor_y;

	if ((rfb->can.cursor || rfb->can.alpha_cursor) &&
	    (cursor->generation != rfb->cursor_generation ||
	     cursor->visible != rfb->cursor_visible))
		rfb->pending.cursor = true;
	if (moved && cursor->visible && rfb->can.pointer_position &&
	    rfb_now(rfb) > rfb->moved_ms + OWN_MOTION_MS)
		rfb->pending.pointer_position = true;
	rfb_pointer_changed(rfb);
	rfb_update_soon(rfb);
}

/* The colour as it would be without transparency. */
static uint32_t opaque(uint32_t pixel)
{
	uint32_t alpha = pixel >> 24, result = 0;

	if (alpha == 0)
		return 0;
	for (unsigned int shift = 0; shift < 24; shift += 8)
		result |= MIN((pixel >> shift & 0xff) * 255 / alpha, 255U) << shift;
	return result;
}

static void put_cursor_pixels(struct rfb *rfb, const struct desktop_cursor *cursor)
{
	unsigned int bytes = rfb->encoder.plain.bytes;
	size_t mask_row = (cursor->width + 7) / 8;

	for (size_t i = 0; i < (size_t)cursor->width * cursor->height; i++) {
		uint32_t pixel = htole32(opaque(le32toh(cursor->pixels[i]))), value;
		uint8_t *room = wire_room(&rfb->out, bytes);

		if (!room)
			return;
		pixels_convert(&rfb->encoder.plain, (const uint8_t *)&pixel, 1, &value);
		pixels_store(room, bytes, &value, 1);
		wire_filled(&rfb->out, bytes);
	}
	for (uint32_t y = 0; y < cursor->height; y++) {
		uint8_t *mask = wire_room(&rfb->out, mask_row);

		if (!mask)
			return;
		memset(mask, 0, mask_row);
		for (uint32_t x = 0; x < cursor->width; x++) {
			uint32_t pixel = le32toh(cursor->pixels[(size_t)y * cursor->width + x]);

			if (pixel >> 24 >= 128)
				mask[x / 8] |= (uint8_t)(0x80 >> x % 8);
		}
		wire_filled(&rfb->out, mask_row);
	}
}

static void put_cursor_alpha(struct rfb *rfb, const struct desktop_cursor *cursor)
{
	wire_put32(&rfb->out, RFB_RAW);
	for (size_t i = 0; i < (size_t)cursor->width * cursor->height; i++) {
		uint32_t pixel = le32toh(cursor->pixels[i]);

		/* Red, green, blue, alpha. */
		wire_put32(&rfb->out, (pixel & 0xffffff) << 8 | pixel >> 24);
	}
}

static void put_cursor(struct rfb *rfb)
{
	const struct desktop_cursor *cursor = screen_cursor(rfb->viewer.screen);
	static const struct desktop_cursor nothing;
	const struct desktop_cursor *shown = cursor->visible && cursor->pixels ? cursor : &nothing;
	struct rectangle place = {shown->hot_x, shown->hot_y, shown->width, shown->height};

	encode_header(&rfb->out, &place, rfb->can.alpha_cursor ? RFB_ALPHA_CURSOR : RFB_CURSOR);
	if (rfb->can.alpha_cursor)
		put_cursor_alpha(rfb, shown);
	else
		put_cursor_pixels(rfb, shown);
	rfb->cursor_generation = cursor->generation;
	rfb->cursor_visible = cursor->visible;
}

static void put_pointer_position(struct rfb *rfb)
{
	const struct desktop_cursor *cursor = screen_cursor(rfb->viewer.screen);
	struct rectangle place = {0};

	rfb->cursor_x = cursor->x;
	rfb->cursor_y = cursor->y;
	place.x = (uint32_t)MIN(MAX(cursor->x, 0), (int32_t)rfb->width - 1);
	place.y = (uint32_t)MIN(MAX(cursor->y, 0), (int32_t)rfb->height - 1);
	encode_header(&rfb->out, &place, RFB_POINTER_POSITION);
}

/* --- The others ------------------------------------------------------------------------------- */

static void put_empty(struct rfb *rfb, uint32_t x, int32_t encoding)
{
	struct rectangle place = {.x = x};

	encode_header(&rfb->out, &place, encoding);
}

static void put_leds(struct rfb *rfb)
{
	uint32_t leds = screen_leds(rfb->viewer.screen);
	uint32_t state = (leds >> LED_SCROLLL & 1) | (leds >> LED_NUML & 1) << 1 |
			 (leds >> LED_CAPSL & 1) << 2;

	if (rfb->can.qemu_leds) {
		put_empty(rfb, 0, RFB_QEMU_LEDS);
		wire_put8(&rfb->out, state);
	}
	if (rfb->can.vmware_leds) {
		put_empty(rfb, 0, RFB_VMWARE_LEDS);
		wire_put32(&rfb->out, state);
	}
}

static void put_name(struct rfb *rfb)
{
	const char *name = screen_name(rfb->viewer.screen);

	put_empty(rfb, 0, RFB_DESKTOP_NAME);
	wire_put32(&rfb->out, (uint32_t)strlen(name));
	wire_put(&rfb->out, name, strlen(name));
}

void rfb_put_pseudo(struct rfb *rfb)
{
	struct rfb_pending *pending = &rfb->pending;

	if (pending->cursor)
		put_cursor(rfb);
	if (pending->pointer_position)
		put_pointer_position(rfb);
	if (pending->leds)
		put_leds(rfb);
	if (pending->name)
		put_name(rfb);
	if (pending->qemu_keys)
		put_empty(rfb, 0, RFB_QEMU_KEYS);
	/* What the guest has is absolute: places, not ways. */
	if (pending->qemu_motion)
		put_empty(rfb, 1, RFB_QEMU_MOTION);
	if (pending->mouse_buttons)
		put_empty(rfb, 0, RFB_MOUSE_BUTTONS);
	*pending = (struct rfb_pending){.size = pending->size, .why = pending->why};
}
