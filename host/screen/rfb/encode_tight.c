/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tight: areas of one colour, palettes, full colour and JPEG, the first three through deflate.
 *
 * Where a viewer takes any number of rectangles, large areas of one colour are cut out of a piece,
 * and what is left is cut into blocks, so that a palette serves where it is enough and JPEG is for
 * pictures. Else the whole piece is one rectangle.
 */
#include "host/screen/rfb/encoder.h"

#include "host/screen/rfb/palette.h"
#include "host/screen/rfb/solid.h"

#include <errno.h>

#define CONTROL_FILL	0x80U
#define CONTROL_JPEG	0x90U
#define CONTROL_FILTER	0x40U
#define FILTER_PALETTE	1U
#define MIN_TO_COMPRESS 12U /* bytes; fewer are sent as they are */
#define MIN_JPEG_PIXELS 256U
#define BLOCK_WIDTH	256U
#define MAX_PALETTE	PALETTE_MAX
#define COLOUR_AREA	8U /* pixels for each colour of a palette, or it is not worth it */

enum {
	STREAM_FULL,
	STREAM_MONO,
	STREAM_INDEXED,
};

static void put_length(struct wire *out, size_t at, size_t length)
{
	/* Three bytes always, as it is not known before: 7 bits, 7 bits, 8 bits. */
	out->bytes[at] = (uint8_t)(0x80 | (length & 0x7f));
	out->bytes[at + 1] = (uint8_t)(0x80 | (length >> 7 & 0x7f));
	out->bytes[at + 2] = (uint8_t)(length >> 14);
}

static int level_of(const struct encoder *encoder)
{
	return encoder->compression >= 0 ? encoder->compression : 1;
}

static int put_bytes(struct encoder *encoder, unsigned int stream, const uint8_t *bytes,
		     size_t length, struct wire *out)
{
	size_t at = out->length;
	int result;

	if (length < MIN_TO_COMPRESS) {
		wire_put(out, bytes, length);
		return 0;
	}
	wire_put(out, "\0\0\0", 3);
	result = deflate_append(&encoder->tight_stream[stream], level_of(encoder),
				Z_DEFAULT_STRATEGY, bytes, length, out);
	if (result < 0)
		return result;
	if (out->failed)
		return -ENOMEM;
	put_length(out, at, out->length - at - 3);
	return 0;
}

static void put_values(struct encoder *encoder, const uint32_t *values, size_t count,
		       struct wire *out)
{
	uint8_t *room = wire_room(out, count * encoder->tight.bytes);

	if (!room)
		return;
	pixels_store(room, encoder->tight.bytes, values, count);
	wire_filled(out, count * encoder->tight.bytes);
}

/* --- The ways to send a rectangle ------------------------------------------------------------- */

static int put_fill(struct encoder *encoder, const struct rectangle *place, uint32_t value,
		    struct wire *out)
{
	encode_header(out, place, RFB_TIGHT);
	wire_put8(out, CONTROL_FILL);
	put_values(encoder, &value, 1, out);
	return 1;
}

static size_t pack_mono(const struct encoder *encoder, const struct rectangle *place,
			uint32_t second, uint8_t *at)
{
	const uint32_t *value = encoder->values;
	uint8_t *start = at;

	for (uint32_t y = 0; y < place->height; y++) {
		for (uint32_t x = 0; x < place->width; x += 8) {
			uint32_t bits = MIN(8U, place->width - x);
			unsigned int byte = 0;

			for (uint32_t i = 0; i < bits; i++)
				byte = byte << 1 | (*value++ == second);
			*at++ = (uint8_t)(byte << (8 - bits));
		}
	}
	return (size_t)(at - start);
}

static size_t pack_indices(const struct encoder *encoder, const struct palette *palette,
			   size_t count, uint8_t *at)
{
	uint32_t last = ~encoder->values[0];
	uint8_t number = 0;

	for (size_t i = 0; i < count; i++) {
		if (encoder->values[i] != last) {
			last = encoder->values[i];
			number = (uint8_t)palette_find(palette, last);
		}
		at[i] = number;
	}
	return count;
}

static int put_palette(struct encoder *encoder, const struct rectangle *place,
		       const struct palette *palette, struct wire *out)
{
	unsigned int stream = palette->count == 2 ? STREAM_MONO : STREAM_INDEXED;
	size_t length;
	int result;

	encode_header(out, place, RFB_TIGHT);
	wire_put8(out, CONTROL_FILTER | stream << 4);
	wire_put8(out, FILTER_PALETTE);
	wire_put8(out, palette->count - 1);
	put_values(encoder, palette->value, palette->count, out);
	if (stream == STREAM_MONO)
		length = pack_mono(encoder, place, palette->value[1], encoder->scratch);
	else
		length = pack_indices(encoder, palette, (size_t)place->width * place->height,
				      encoder->scratch);
	result = put_bytes(encoder, stream, encoder->scratch, length, out);
	return result < 0 ? result : 1;
}

static int put_full(struct encoder *encoder, const struct rectangle *place, struct wire *out)
{
	size_t count = (size_t)place->width * place->height;
	int result;

	encode_header(out, place, RFB_TIGHT);
	wire_put8(out, STREAM_FULL << 4);
	pixels_store(encoder->scratch, encoder->tight.bytes, encoder->values, count);
	result = put_bytes(encoder, STREAM_FULL, encoder->scratch, count * encoder->tight.bytes,
			   out);
	return result < 0 ? result : 1;
}

static int put_jpeg(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	size_t at;
	int result;

	encode_header(out, &piece->place, RFB_TIGHT);
	wire_put8(out, CONTROL_JPEG);
	at = out->length;
	wire_put(out, "\0\0\0", 3);
	result = jpeg_append(encoder, piece, out);
	if (result < 0)
		return result;
	put_length(out, at, out->length - at - 3);
	return 1;
}

static bool wants_jpeg(const struct encoder *encoder, const struct rectangle *place)
{
	return (encoder->quality >= 0 || encoder->jpeg_quality >= 0) && encoder->tight.bytes > 1 &&
	       place->width * place->height >= MIN_JPEG_PIXELS;
}

/* --- Which way -------------------------------------------------------------------------------- */

/* Return: false: there are too many. */
static bool find_colours(const uint32_t *values, size_t count, unsigned int most,
			 struct palette *palette)
{
	uint32_t last = values[0];

	palette_clear(palette);
	palette_add(palette, last);
	for (size_t i = 1; i < count; i++) {
		if (values[i] == last)
			continue;
		last = values[i];
		palette_add(palette, last);
		if (palette->count > most)
			return false;
	}
	return true;
}

static int put_block(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	const struct rectangle *place = &piece->place;
	uint32_t count = place->width * place->height;
	struct palette palette;

	pixels_convert_area(&encoder->tight, piece->pixels, piece->stride, place->width,
			    place->height, encoder->values);
	if (find_colours(encoder->values, count, MAX(2U, MIN(MAX_PALETTE, count / COLOUR_AREA)),
			 &palette)) {
		if (palette.count == 1)
			return put_fill(encoder, place, encoder->values[0], out);
		return put_palette(encoder, place, &palette, out);
	}
	if (wants_jpeg(encoder, place))
		return put_jpeg(encoder, piece, out);
	return put_full(encoder, place, out);
}

/* --- Cutting ---------------------------------------------------------------------------------- */

static struct piece part_of(const struct piece *piece, uint32_t x, uint32_t y, uint32_t width,
			    uint32_t height)
{
	return (struct piece){
		.place = {piece->place.x + x, piece->place.y + y, width, height},
		.pixels = piece->pixels + y * piece->stride + x * 4UL,
		.stride = piece->stride,
	};
}

static int put_blocks(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	int total = 0;

	for (uint32_t x = 0; x < piece->place.width; x += BLOCK_WIDTH) {
		uint32_t width = MIN(BLOCK_WIDTH, piece->place.width - x);
		struct piece block = part_of(piece, x, 0, width, piece->place.height);
		int result = put_block(encoder, &block, out);

		if (result < 0)
			return result;
		total += result;
	}
	return total;
}

/* What is above an area of one colour, beside it, and below it, in turn. */
static int put_around(struct encoder *encoder, struct piece rest, struct wire *out)
{
	int total = 0, result = 0;

	while (rest.place.height) {
		uint32_t width = rest.place.width, height = rest.place.height, colour;
		struct rectangle solid;
		struct piece part;

		if (!solid_find(&rest, &solid)) {
			result = put_blocks(encoder, &rest, out);
			return result < 0 ? result : total + result;
		}
		pixels_convert(&encoder->tight, rest.pixels + solid.y * rest.stride + solid.x * 4UL,
			       1, &colour);
		if (solid.y) {
			part = part_of(&rest, 0, 0, width, solid.y);
			result = put_blocks(encoder, &part, out);
			total += result;
		}
		if (result >= 0 && solid.x) {
			part = part_of(&rest, 0, solid.y, solid.x, solid.height);
			result = put_blocks(encoder, &part, out);
			total += result;
		}
		if (result < 0)
			return result;
		part = part_of(&rest, solid.x, solid.y, solid.width, solid.height);
		total += put_fill(encoder, &part.place, colour, out);
		if (solid.x + solid.width < width) {
			part = part_of(&rest, solid.x + solid.width, solid.y,
				       width - solid.x - solid.width, solid.height);
			/* There may be another beside it; as deep as a piece is wide. */
			result = put_around(encoder, part, out);
			if (result < 0)
				return result;
			total += result;
		}
		rest = part_of(&rest, 0, solid.y + solid.height, width,
			       height - solid.y - solid.height);
	}
	return total;
}

int encode_tight(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	if (encoder->may_split)
		return put_around(encoder, *piece, out);
	return put_block(encoder, piece, out);
}
