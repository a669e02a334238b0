/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pointer, painted into the picture of a viewer that cannot show one by itself.
 *
 * The desktop has none in it: it is blended into a copy of the pieces it stands on, and those are
 * sent again wherever it was and wherever it comes to.
 */
#include "host/screen/rfb/rfb_internal.h"

static bool is_painted(const struct rfb *rfb)
{
	const struct desktop_cursor *cursor = screen_cursor(rfb->viewer.screen);

	return rfb->state == RFB_RUNNING && !rfb->can.cursor && !rfb->can.alpha_cursor &&
	       cursor->visible && cursor->pixels;
}

/* From @at, @length long: what is not below 0. */
static void from_zero(int64_t at, uint32_t length, uint32_t *start, uint32_t *left)
{
	int64_t end = at + length;

	*start = (uint32_t)MAX(at, 0);
	*left = end > *start ? (uint32_t)(end - *start) : 0;
}

static struct rectangle place_of(const struct desktop_cursor *cursor)
{
	struct rectangle place;

	from_zero((int64_t)cursor->x - cursor->hot_x, cursor->width, &place.x, &place.width);
	from_zero((int64_t)cursor->y - cursor->hot_y, cursor->height, &place.y, &place.height);
	return place;
}

void rfb_pointer_changed(struct rfb *rfb)
{
	const struct desktop_cursor *cursor = screen_cursor(rfb->viewer.screen);
	struct rfb_pointer now = {.painted = is_painted(rfb)};

	if (now.painted) {
		now.place = place_of(cursor);
		now.generation = cursor->generation;
	}
	if (!now.painted && !rfb->pointer.painted)
		return;
	if (now.painted == rfb->pointer.painted && now.generation == rfb->pointer.generation &&
	    memcmp(&now.place, &rfb->pointer.place, sizeof(now.place)) == 0)
		return;
	damage_mark(&rfb->damage, &rfb->pointer.place, true);
	damage_mark(&rfb->damage, &now.place, true);
	rfb->pointer = now;
	rfb_update_soon(rfb);
}

bool rfb_pointer_is_on(const struct rfb *rfb, const struct rectangle *place)
{
	const struct rectangle *pointer = &rfb->pointer.place;

	return rfb->pointer.painted && place->x < pointer->x + pointer->width &&
	       pointer->x < place->x + place->width && place->y < pointer->y + pointer->height &&
	       pointer->y < place->y + place->height;
}

/* @over, premultiplied, on @under. */
static uint32_t blend(uint32_t under, uint32_t over)
{
	uint32_t rest = 255 - (over >> 24), result = 0;

	for (unsigned int shift = 0; shift < 24; shift += 8) {
		uint32_t channel = (over >> shift & 0xff) + (under >> shift & 0xff) * rest / 255;

		result |= MIN(channel, 255U) << shift;
	}
	return result;
}

void rfb_paint_pointer(const struct rfb *rfb, const struct rectangle *place, uint8_t *pixels,
		       size_t stride)
{
	const struct desktop_cursor *cursor = screen_cursor(rfb->viewer.screen);
	int64_t left = (int64_t)cursor->x - cursor->hot_x - place->x;
	int64_t top = (int64_t)cursor->y - cursor->hot_y - place->y;

	if (!is_painted(rfb))
		return;
	for (uint32_t row = 0; row < cursor->height; row++) {
		int64_t y = top + row;

		if (y < 0 || y >= place->height)
			continue;
		for (uint32_t column = 0; column < cursor->width; column++) {
			int64_t x = left + column;
			uint8_t *at;

			if (x < 0 || x >= place->width)
				continue;
			at = pixels + (size_t)y * stride + (size_t)x * 4;
			store_le32(at, blend(load_le32(at),
					     le32toh(cursor->pixels[(size_t)row * cursor->width +
								    column])));
		}
	}
}
