/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cursors: an image with a hot spot, either with a mask of a bit a pixel (Cursor), or with alpha
 * (Cursor With Alpha; QEMU sends B G R A and not R G B A, as the device gave it: premultiplied).
 * The server draws none, and does not say where it is: that is where we have sent the pointer.
 */
#include "host/screen/rfb/wire.h"
#include "host/screen/source/vnc_internal.h"

#include <errno.h>

static void tell(struct vnc *vnc)
{
	vnc->cursor.x = (int32_t)vnc->x;
	vnc->cursor.y = (int32_t)vnc->y;
	screen_set_cursor(vnc->source.screen, 0, &vnc->cursor);
}

void vnc_move_cursor(struct vnc *vnc)
{
	if (vnc->cursor.visible)
		tell(vnc);
}

static size_t mask_stride(uint32_t width)
{
	return (width + 7) / 8;
}

/* How many bytes follow the head. */
static size_t size_of(const struct vnc_rectangle *rectangle)
{
	size_t pixels = (size_t)rectangle->place.width * rectangle->place.height * 4;

	if (rectangle->encoding == RFB_ALPHA_CURSOR)
		return 4 + pixels;
	return pixels + mask_stride(rectangle->place.width) * rectangle->place.height;
}

/* Outside of the mask nothing is seen. */
static void apply_mask(uint32_t *pixels, const uint8_t *mask, uint32_t width, uint32_t height)
{
	for (uint32_t y = 0; y < height; y++) {
		const uint8_t *row = mask + y * mask_stride(width);

		for (uint32_t x = 0; x < width; x++) {
			uint32_t *pixel = &pixels[y * width + x];

			*pixel = row[x / 8] & 0x80 >> x % 8 ? htole32(le32toh(*pixel) | 0xff000000)
							    : 0;
		}
	}
}

static bool is_seen(const struct desktop_cursor *cursor)
{
	const size_t count = cursor->pixels ? (size_t)cursor->width * cursor->height : 0;

	for (size_t i = 0; i < count; i++) {
		if (le32toh(cursor->pixels[i]) >> 24)
			return true;
	}
	return false;
}

static int take_cursor(struct vnc *vnc)
{
	const struct rectangle *place = &vnc->rectangle.place;
	const bool has_alpha = vnc->rectangle.encoding == RFB_ALPHA_CURSOR;
	const size_t bytes = (size_t)place->width * place->height * 4;
	const uint8_t *from = vnc->kept + (has_alpha ? 4 : 0);
	uint32_t *pixels;

	if (has_alpha && (int32_t)load_be32(vnc->kept) != RFB_RAW)
		return -EPROTO;
	pixels = bytes ? malloc(bytes) : NULL;
	if (bytes && !pixels)
		return -ENOMEM;
	if (bytes)
		memcpy(pixels, from, bytes);
	if (bytes && !has_alpha)
		apply_mask(pixels, from + bytes, place->width, place->height);
	free(vnc->cursor.pixels);
	vnc->cursor = (struct desktop_cursor){
		.width = place->width,
		.height = place->height,
		.hot_x = place->width ? MIN(place->x, place->width - 1) : 0,
		.hot_y = place->height ? MIN(place->y, place->height - 1) : 0,
		.pixels = pixels,
	};
	vnc->cursor.visible = is_seen(&vnc->cursor);
	tell(vnc);
	vnc_next_rectangle(vnc, 0);
	return 0;
}

int vnc_begin_cursor(struct vnc *vnc)
{
	const struct rectangle *place = &vnc->rectangle.place;

	if (place->width > VNC_MAX_CURSOR || place->height > VNC_MAX_CURSOR)
		return -EPROTO;
	return vnc_keep(vnc, size_of(&vnc->rectangle), take_cursor);
}
