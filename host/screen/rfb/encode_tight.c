/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tight: areas of one colour, palettes, full colour and JPEG, the first three through deflate.
 *
 * Where a viewer takes any number of rectangles, large areas of one colour are cut out of a piece,
 * and what is left is cut into blocks, so that a palette serves where it is enough and JPEG is for
 * pictures. Else the whole piece is one rectangle. A viewer that wants no JPEG gets pictures
 * through the gradient filter.
 */
#include "host/screen/rfb/encoder.h"

#include "host/screen/rfb/gradient.h"
#include "host/screen/rfb/palette.h"
#include "host/screen/rfb/solid.h"

#include <errno.h>

#define CONTROL_FILL	0x80U
#define CONTROL_JPEG	0x90U
#define CONTROL_FILTER	0x40U
#define FILTER_PALETTE	1U
#define FILTER_GRADIENT 2U
#define MIN_TO_COMPRESS 12U /* bytes; fewer are sent as they are */
#define MIN_INDICES	2048U
#define LOOKS		4
#define MIN_JPEG_PIXELS 256U
#define JPEG_WIDTH	256U
#define MAX_PALETTE	PALETTE_MAX
#define COLOUR_AREA	8U /* pixels for each colour of a palette, or it is not worth it */

enum {
	STREAM_FULL,
	STREAM_MONO,
	STREAM_INDEXED,
	STREAM_GRADIENT,
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
	return encoder->compression > DEFLATE_NO_WISH ? encoder->compression : DEFLATE_FAST;
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
	/* Who asks for a little gets as few bytes as of other servers. */
	if (stream == STREAM_INDEXED && encoder->compression == DEFLATE_NO_WISH &&
	    length >= MIN_INDICES)
		result = deflate_append_pixels(&encoder->tight_stream[stream], bytes, length, LOOKS,
					       encoder->values, out);
	else
		result = deflate_append(&encoder->tight_stream[stream], level_of(encoder), bytes,
					length, out);
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

/* Of a byte a pixel a bit a pixel, in place. Return: how many bytes. */
static size_t pack_mono(const struct rectangle *place, uint8_t *indices)
{
	const uint8_t *index = indices;
	uint8_t *at = indices;

	for (uint32_t y = 0; y < place->height; y++) {
		for (uint32_t x = 0; x < place->width; x += 8) {
			uint32_t bits = MIN(8U, place->width - x);
			unsigned int byte = 0;

			for (uint32_t i = 0; i < bits; i++)
				byte = byte << 1 | *index++;
			*at++ = (uint8_t)(byte << (8 - bits));
		}
	}
	return (size_t)(at - indices);
}

/* Its indices are in scratch. */
static int put_palette(struct encoder *encoder, const struct rectangle *place,
		       const uint32_t *values, unsigned int colours, struct wire *out)
{
	unsigned int stream = colours == 2 ? STREAM_MONO : STREAM_INDEXED;
	size_t length = (size_t)place->width * place->height;
	int result;

	encode_header(out, place, RFB_TIGHT);
	wire_put8(out, CONTROL_FILTER | stream << 4);
	wire_put8(out, FILTER_PALETTE);
	wire_put8(out, colours - 1);
	put_values(encoder, values, colours, out);
	if (colours == 2)
		length = pack_mono(place, encoder->scratch);
	result = put_bytes(encoder, stream, encoder->scratch, length, out);
	return result < 0 ? result : 1;
}

static int put_full(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	const struct rectangle *place = &piece->place;
	size_t row_bytes = (size_t)place->width * encoder->tight.bytes;
	int result;

	encode_header(out, place, RFB_TIGHT);
	wire_put8(out, STREAM_FULL << 4);
	for (uint32_t y = 0; y < place->height; y++) {
		pixels_convert(&encoder->tight, piece->pixels + y * piece->stride, place->width,
			       encoder->values);
		pixels_store(encoder->scratch + y * row_bytes, encoder->tight.bytes,
			     encoder->values, place->width);
	}
	result = put_bytes(encoder, STREAM_FULL, encoder->scratch, row_bytes * place->height, out);
	return result < 0 ? result : 1;
}

static int put_gradient(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	const struct rectangle *place = &piece->place;
	size_t row_bytes = place->width * GRADIENT_PIXEL;
	uint8_t rows[2][DAMAGE_MAX_WIDTH * GRADIENT_PIXEL];
	uint8_t *above = rows[0], *row = rows[1];
	int result;

	memset(above, 0, row_bytes);
	encode_header(out, place, RFB_TIGHT);
	wire_put8(out, CONTROL_FILTER | STREAM_GRADIENT << 4);
	wire_put8(out, FILTER_GRADIENT);
	for (uint32_t y = 0; y < place->height; y++) {
		uint8_t *last = above;

		pixels_convert(&encoder->tight, piece->pixels + y * piece->stride, place->width,
			       encoder->values);
		pixels_store(row, GRADIENT_PIXEL, encoder->values, place->width);
		gradient_row(encoder->scratch + y * row_bytes, row, above, row_bytes);
		above = row;
		row = last;
	}
	result = put_bytes(encoder, STREAM_GRADIENT, encoder->scratch, row_bytes * place->height,
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

/* Viewers that take JPEG have less use for it, and there are some that have never learnt it. */
static bool may_filter(const struct encoder *encoder)
{
	return encoder->tight.bytes == GRADIENT_PIXEL && encoder->quality < 0 &&
	       encoder->jpeg_quality < 0;
}

/* --- Which way -------------------------------------------------------------------------------- */

/* Numbers the colours of @piece in @indices. Return: false: there are more than @most. */
static bool number_colours(const struct piece *piece, unsigned int most, struct palette *palette,
			   uint8_t *indices)
{
	uint32_t last = ~0U;
	uint8_t number = 0;

	palette_clear(palette);
	for (uint32_t y = 0; y < piece->place.height; y++) {
		const uint8_t *pixels = piece->pixels + y * piece->stride;

		for (uint32_t x = 0; x < piece->place.width; x++) {
			uint32_t value = load_le32(pixels + x * 4UL) & 0xffffff;

			if (value != last) {
				unsigned int found = palette_number(palette, value);

				if (found >= most)
					return false;
				last = value;
				number = (uint8_t)found;
			}
			*indices++ = number;
		}
	}
	return true;
}

/* By a palette, if that is enough. Return: as encode_tight(); 0: it is not. */
static int try_palette(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	const struct rectangle *place = &piece->place;
	uint32_t count = place->width * place->height, values[PALETTE_MAX];
	unsigned int most = MAX(2U, MIN(PALETTE_MAX, count / COLOUR_AREA));
	struct palette palette;

	if (!number_colours(piece, most, &palette, encoder->scratch))
		return 0;
	pixels_convert(&encoder->tight, (const uint8_t *)palette.value, palette.count, values);
	if (palette.count == 1)
		return put_fill(encoder, place, values[0], out);
	return put_palette(encoder, place, values, palette.count, out);
}

static int put_block(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	int result = try_palette(encoder, piece, out);

	if (result != 0)
		return result;
	if (wants_jpeg(encoder, &piece->place))
		return put_jpeg(encoder, piece, out);
	if (may_filter(encoder) && gradient_suits(piece))
		return put_gradient(encoder, piece, out);
	return put_full(encoder, piece, out);
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

/* The columns from @left up to @right as one picture. Return: how many rectangles. */
static int put_photo(struct encoder *encoder, const struct piece *piece, uint32_t left,
		     uint32_t right, struct wire *out)
{
	struct piece photo = part_of(piece, left, 0, right - left, piece->place.height);

	return left < right ? put_jpeg(encoder, &photo, out) : 0;
}

/* Without JPEG, or with few colours, whole, which compresses best. Else in blocks, of which those
 * with few colours stay sharp; those with many that stand side by side are one picture. */
static int put_blocks(struct encoder *encoder, const struct piece *piece, struct wire *out)
{
	uint32_t width = piece->place.width, left = 0;
	int total = 0, result;

	if (!wants_jpeg(encoder, &piece->place) || width <= JPEG_WIDTH)
		return put_block(encoder, piece, out);
	result = try_palette(encoder, piece, out);
	if (result != 0)
		return result;
	for (uint32_t x = 0; x < width; x += JPEG_WIDTH) {
		uint32_t part = MIN(JPEG_WIDTH, width - x);
		struct piece block = part_of(piece, x, 0, part, piece->place.height);

		result = try_palette(encoder, &block, out);
		if (result > 0) {
			total += result;
			result = put_photo(encoder, piece, left, x, out);
			left = x + part;
		}
		if (result < 0)
			return result;
		total += result;
	}
	result = put_photo(encoder, piece, left, width, out);
	return result < 0 ? result : total + result;
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
