/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Raw (RFC 6143, 7.7.1): pixels, row by row.
 */
#include "host/screen/rfb/encoder.h"
#include "host/screen/rfb/hot.h"

#include <errno.h>

HOT_LOOPS int encode_raw(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	const struct pixel_converter *plain = &encoder->plain;
	uint32_t width = piece->place.width, height = piece->place.height;
	size_t row_bytes = (size_t)width * plain->bytes;
	uint8_t *room;

	encode_header(out, &piece->place, RFB_RAW);
	room = wire_room(out, row_bytes * height);
	if (!room)
		return -ENOMEM;
	for (uint32_t y = 0; y < height; y++, room += row_bytes) {
		const uint8_t *row = piece->pixels + y * piece->stride;

		if (plain->way == CONVERT_MASK && plain->bytes == 4) {
			/* What the desktop does not define might be alpha to somebody. */
			for (uint32_t x = 0; x < width; x++)
				store_le32(room + x * 4UL, load_le32(row + x * 4UL) & 0xffffff);
			continue;
		}
		pixels_convert(plain, row, width, encoder->values);
		pixels_store(room, plain->bytes, encoder->values, width);
	}
	wire_filled(out, row_bytes * height);
	return 1;
}
