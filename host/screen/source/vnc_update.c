/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the server says: messages, and rectangles of an update.
 *
 * Pixels go where they belong row by row, as they come. Viewers are told when the update is
 * complete.
 */
#include "host/screen/rfb/wire.h"
#include "host/screen/source/leds.h"
#include "host/screen/source/vnc_internal.h"
#include "protocol/base/log.h"

#include <errno.h>

enum {
	MESSAGE_UPDATE = 0,
	MESSAGE_COLOURS = 1,
	MESSAGE_BELL = 2,
	MESSAGE_CUT_TEXT = 3,
};

#define BY_US	       1 /* the reason of an ExtendedDesktopSize: we have asked */
#define SCREEN_SIZE    16
#define RECTANGLE_SIZE 12

static vnc_step read_message, read_rectangle, read_pixels, skip, keep;

void vnc_expect_message(struct vnc *vnc, uint64_t bytes)
{
	vnc->to_skip = bytes;
	vnc->step = skip;
}

static ssize_t skip(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	size_t some = (size_t)MIN(vnc->to_skip, (uint64_t)length);

	(void)bytes;
	vnc->to_skip -= some;
	if (vnc->to_skip == 0)
		vnc->step = read_message;
	else if (some == 0)
		return -EAGAIN;
	return (ssize_t)some;
}

static ssize_t keep(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	const size_t some = MIN(length, vnc->kept_size - vnc->kept_length);
	int result;

	if (some == 0 && vnc->kept_length < vnc->kept_size)
		return -EAGAIN;
	if (some)
		memcpy(vnc->kept + vnc->kept_length, bytes, some);
	vnc->kept_length += some;
	if (vnc->kept_length < vnc->kept_size)
		return (ssize_t)some;
	result = vnc->take(vnc);
	free(vnc->kept);
	vnc->kept = NULL;
	return result < 0 ? result : (ssize_t)some;
}

int vnc_keep(struct vnc *vnc, size_t size, int (*take)(struct vnc *vnc))
{
	vnc->kept_size = size;
	vnc->kept_length = 0;
	vnc->kept = malloc(size + 1);
	if (!vnc->kept)
		return -ENOMEM;
	vnc->take = take;
	vnc->step = keep;
	return 0;
}

/* --- Updates ---------------------------------------------------------------------------------- */

static void add_damage(struct vnc *vnc, const struct rectangle *more)
{
	struct rectangle *last = &vnc->damage[VNC_MAX_DAMAGE - 1];
	uint32_t right, bottom;

	if (vnc->damages < VNC_MAX_DAMAGE) {
		vnc->damage[vnc->damages++] = *more;
		return;
	}
	right = MAX(last->x + last->width, more->x + more->width);
	bottom = MAX(last->y + last->height, more->y + more->height);
	last->x = MIN(last->x, more->x);
	last->y = MIN(last->y, more->y);
	last->width = right - last->x;
	last->height = bottom - last->y;
}

/* Sizes, lights and cursors come in updates of their own, which nobody has asked for. */
static void finish_update(struct vnc *vnc)
{
	const unsigned int damages = vnc->damages;

	vnc->step = read_message;
	if (vnc->got == 0)
		return;
	if (vnc->source.heads == 0) {
		vnc->source.heads = 1;
		screen_source_ready(vnc->source.screen);
	}
	vnc_answered(vnc, true);
	vnc->requested = false;
	vnc->missing -= MIN(vnc->missing, vnc->got);
	vnc_ask(vnc, true);
	vnc->damages = 0;
	vnc->got = 0;
	for (unsigned int i = 0; i < damages && !vnc->is_off; i++)
		screen_damaged(vnc->source.screen, 0, &vnc->damage[i]);
}

ssize_t vnc_next_rectangle(struct vnc *vnc, size_t used)
{
	vnc->step = read_rectangle;
	if (--vnc->rectangles == 0)
		finish_update(vnc);
	return (ssize_t)used;
}

/* Whole rows of it. */
static void copy_rows(struct vnc *vnc, const uint8_t *bytes, uint32_t rows)
{
	const struct rectangle *from = &vnc->rectangle.place;
	uint32_t y = from->y + vnc->rectangle.row, width;
	struct rectangle place;
	size_t stride;
	uint8_t *pixels = screen_pixels(vnc->source.screen, 0, &place, &stride);

	if (!pixels || vnc->is_off || from->x >= place.width || y >= place.height)
		return;
	/* What is in the picture may be less than what is shown. */
	width = MIN(from->width, place.width - from->x);
	rows = MIN(rows, place.height - y);
	for (size_t i = 0; i < rows; i++)
		memcpy(pixels + (y + i) * stride + from->x * 4UL, bytes + i * from->width * 4,
		       width * 4UL);
}

static ssize_t read_pixels(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	struct vnc_rectangle *rectangle = &vnc->rectangle;
	const size_t stride = rectangle->place.width * 4UL;
	const uint32_t left = rectangle->place.height - rectangle->row;
	const uint32_t rows = (uint32_t)MIN((size_t)left, length / stride);

	if (rows == 0)
		return -EAGAIN;
	copy_rows(vnc, bytes, rows);
	rectangle->row += rows;
	if (rows < left)
		return (ssize_t)(rows * stride);
	vnc->got += (uint64_t)rectangle->place.width * rectangle->place.height;
	add_damage(vnc, &rectangle->place);
	return vnc_next_rectangle(vnc, rows * stride);
}

/* --- What is said in the form of rectangles --------------------------------------------------- */

static ssize_t read_extended_size(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	const struct rectangle *place = &vnc->rectangle.place;
	size_t size = 4;

	if (length < size)
		return -EAGAIN;
	size += (size_t)bytes[0] * SCREEN_SIZE;
	if (length < size)
		return -EAGAIN;
	vnc->is_resizable = true;
	/* An answer to us: the size is what it was. */
	if (place->x == BY_US && place->y != 0)
		log_debug("QEMU's VNC display answers with status %u", place->y);
	if (place->x != BY_US || place->y == 0) {
		int result = vnc_take_size(vnc, place->width, place->height);

		if (result < 0)
			return result;
	}
	if (place->x != BY_US)
		vnc_answered(vnc, false);
	vnc_size_is_known(vnc);
	return vnc_next_rectangle(vnc, size);
}

static ssize_t read_leds(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	if (length < 1)
		return -EAGAIN;
	screen_set_leds(vnc->source.screen, leds_of_qemu(bytes[0]));
	return vnc_next_rectangle(vnc, 1);
}

static int begin_pixels(struct vnc *vnc)
{
	const struct rectangle *place = &vnc->rectangle.place;

	if (place->width > VNC_MAX_SIDE || place->height > VNC_MAX_SIDE)
		return -EPROTO;
	vnc_size_is_known(vnc);
	vnc->step = read_pixels;
	if (place->width == 0 || place->height == 0)
		vnc_next_rectangle(vnc, 0);
	return 0;
}

static int begin_rectangle(struct vnc *vnc)
{
	const struct rectangle *place = &vnc->rectangle.place;
	int result = 0;

	switch (vnc->rectangle.encoding) {
	case RFB_RAW:
		return begin_pixels(vnc);
	case RFB_CURSOR:
	case RFB_ALPHA_CURSOR:
		return vnc_begin_cursor(vnc);
	case RFB_EXTENDED_DESKTOP_SIZE:
		vnc->step = read_extended_size;
		return 0;
	case RFB_QEMU_LEDS:
		vnc->step = read_leds;
		return 0;
	case RFB_DESKTOP_SIZE:
		result = vnc_take_size(vnc, place->width, place->height);
		vnc_size_is_known(vnc);
		break;
	case RFB_QEMU_KEYS:
		vnc->has_extended_keys = true;
		vnc_nudge(vnc);
		break;
	case RFB_QEMU_MOTION:
		vnc->is_absolute = place->x != 0;
		vnc_size_is_known(vnc);
		break;
	default:
		return -EPROTO;
	}
	vnc_next_rectangle(vnc, 0);
	return result;
}

static ssize_t read_rectangle(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	int result;

	if (length < RECTANGLE_SIZE)
		return -EAGAIN;
	vnc->rectangle = (struct vnc_rectangle){
		.place = {load_be16(bytes), load_be16(bytes + 2), load_be16(bytes + 4),
			  load_be16(bytes + 6)},
		.encoding = (int32_t)load_be32(bytes + 8),
	};
	result = begin_rectangle(vnc);
	return result < 0 ? result : RECTANGLE_SIZE;
}

/* --- Messages --------------------------------------------------------------------------------- */

static ssize_t read_message(struct vnc *vnc, const uint8_t *bytes, size_t length)
{
	static const size_t sizes[] = {[MESSAGE_UPDATE] = 4,
				       [MESSAGE_COLOURS] = 6,
				       [MESSAGE_BELL] = 1,
				       [MESSAGE_CUT_TEXT] = 8};
	size_t size;
	int result = 0;

	if (length < 1)
		return -EAGAIN;
	if (bytes[0] >= ARRAY_SIZE(sizes))
		return -EPROTO;
	size = sizes[bytes[0]];
	if (length < size)
		return -EAGAIN;
	switch (bytes[0]) {
	case MESSAGE_UPDATE:
		vnc->rectangles = load_be16(bytes + 2);
		if (vnc->rectangles)
			vnc->step = read_rectangle;
		break;
	case MESSAGE_COLOURS:
		vnc_expect_message(vnc, load_be16(bytes + 4) * 6ULL);
		break;
	case MESSAGE_CUT_TEXT:
		result = vnc_begin_cut_text(vnc, (int32_t)load_be32(bytes + 4));
		break;
	default:
		break;
	}
	return result < 0 ? result : (ssize_t)size;
}
