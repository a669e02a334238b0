/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decoder.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

/* Bytes that are read one after the other. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool short_of; /* bytes */
};

static const uint8_t *take(struct reader *reader, size_t count)
{
	const uint8_t *at = reader->at;

	if (reader->left < count) {
		reader->short_of = true;
		return NULL;
	}
	reader->at += count;
	reader->left -= count;
	return at;
}

static uint32_t number(struct reader *reader, unsigned int bytes)
{
	const uint8_t *at = take(reader, bytes);
	uint32_t value = 0;

	for (unsigned int i = 0; at && i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

struct area {
	uint32_t x, y, width, height;
};

static uint32_t scale(uint32_t colour, unsigned int max)
{
	return (2 * colour * max + 255) / 510;
}

uint32_t decoder_pixel(const struct decoder_format *format, uint32_t red, uint32_t green,
		       uint32_t blue)
{
	return scale(red, format->red_max) << format->red_shift |
	       scale(green, format->green_max) << format->green_shift |
	       scale(blue, format->blue_max) << format->blue_shift;
}

struct decoder *decoder_new(const struct decoder_format *format, uint32_t width, uint32_t height)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));

	decoder->format = *format;
	decoder->width = width;
	decoder->height = height;
	decoder->pixels = calloc((size_t)width * height + 1, sizeof(*decoder->pixels));
	return decoder;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	if (decoder->zrle_begun)
		inflateEnd(&decoder->zrle);
	for (int i = 0; i < 4; i++) {
		if (decoder->tight_begun[i])
			inflateEnd(&decoder->tight[i]);
	}
	free(decoder->pixels);
	free(decoder);
}

static uint32_t pixel_of(const struct decoder_format *format, const uint8_t *bytes,
			 unsigned int count)
{
	uint32_t value = 0;

	for (unsigned int i = 0; bytes && i < count; i++) {
		unsigned int place = format->big_endian ? count - 1 - i : i;

		value |= (uint32_t)bytes[i] << 8 * place;
	}
	return value;
}

static uint32_t plain_pixel(const struct decoder *decoder, struct reader *reader)
{
	unsigned int count = decoder->format.bits / 8;

	return pixel_of(&decoder->format, take(reader, count), count);
}

static bool fits_below(const struct decoder_format *format, unsigned int low, unsigned int high)
{
	uint64_t used = (uint64_t)format->red_max << format->red_shift |
			(uint64_t)format->green_max << format->green_shift |
			(uint64_t)format->blue_max << format->blue_shift;

	return (used & ((1ULL << low) - 1)) == 0 && used >> high == 0;
}

/* CPIXEL: RFC 6143, 7.7.5. */
static uint32_t compact_pixel(const struct decoder *decoder, struct reader *reader)
{
	const struct decoder_format *format = &decoder->format;

	if (format->bits == 32 && format->depth <= 24) {
		if (fits_below(format, 0, 24))
			return pixel_of(format, take(reader, 3), 3);
		if (fits_below(format, 8, 32))
			return pixel_of(format, take(reader, 3), 3) << 8;
	}
	return plain_pixel(decoder, reader);
}

static bool is_tpixel(const struct decoder_format *format)
{
	return format->bits == 32 && format->depth == 24 && format->red_max == 255 &&
	       format->green_max == 255 && format->blue_max == 255;
}

static uint32_t tight_pixel(const struct decoder *decoder, struct reader *reader)
{
	const uint8_t *bytes;

	if (!is_tpixel(&decoder->format))
		return plain_pixel(decoder, reader);
	bytes = take(reader, 3);
	return bytes ? decoder_pixel(&decoder->format, bytes[0], bytes[1], bytes[2]) : 0;
}

static void set(struct decoder *decoder, uint32_t x, uint32_t y, uint32_t value)
{
	decoder->pixels[(size_t)y * decoder->width + x] = value;
}

static void fill(struct decoder *decoder, struct area area, uint32_t value)
{
	for (uint32_t y = 0; y < area.height; y++) {
		for (uint32_t x = 0; x < area.width; x++)
			set(decoder, area.x + x, area.y + y, value);
	}
}

static int raw(struct decoder *decoder, struct reader *reader, struct area area)
{
	for (uint32_t y = 0; y < area.height; y++) {
		for (uint32_t x = 0; x < area.width; x++)
			set(decoder, area.x + x, area.y + y, plain_pixel(decoder, reader));
	}
	return 0;
}

/* --- Hextile ---------------------------------------------------------------------------------- */

static int hextile(struct decoder *decoder, struct reader *reader, struct area area)
{
	uint32_t background = 0, foreground = 0;

	for (uint32_t y = 0; y < area.height; y += 16) {
		for (uint32_t x = 0; x < area.width; x += 16) {
			struct area tile = {area.x + x, area.y + y,
					    area.width - x < 16 ? area.width - x : 16,
					    area.height - y < 16 ? area.height - y : 16};
			uint32_t flags = number(reader, 1), count;

			if (flags & 1) {
				raw(decoder, reader, tile);
				continue;
			}
			if (flags & 2)
				background = plain_pixel(decoder, reader);
			if (flags & 4)
				foreground = plain_pixel(decoder, reader);
			fill(decoder, tile, background);
			count = flags & 8 ? number(reader, 1) : 0;
			for (uint32_t i = 0; i < count && !reader->short_of; i++) {
				uint32_t colour =
					flags & 16 ? plain_pixel(decoder, reader) : foreground;
				uint32_t place = number(reader, 1), size = number(reader, 1);
				struct area part = {tile.x + (place >> 4), tile.y + (place & 15),
						    (size >> 4) + 1, (size & 15) + 1};

				if ((place >> 4) + part.width > tile.width ||
				    (place & 15) + part.height > tile.height)
					return -1;
				fill(decoder, part, colour);
			}
		}
	}
	return 0;
}

/* --- Streams ---------------------------------------------------------------------------------- */

/* Return: what comes out, of malloc(), *@length long. */
static uint8_t *unpack(z_stream *zlib, bool *begun, const uint8_t *bytes, size_t count,
		       size_t *length)
{
	size_t capacity = 1 << 18;
	uint8_t *out = malloc(capacity), *grown;
	int status;

	if (!*begun) {
		memset(zlib, 0, sizeof(*zlib));
		inflateInit(zlib);
		*begun = true;
	}
	*length = 0;
	zlib->next_in = (Bytef *)(uintptr_t)bytes;
	zlib->avail_in = (uInt)count;
	do {
		if (capacity - *length < 1 << 16) {
			capacity *= 2;
			grown = realloc(out, capacity);
			if (!grown)
				abort();
			out = grown;
		}
		zlib->next_out = out + *length;
		zlib->avail_out = (uInt)(capacity - *length);
		status = inflate(zlib, Z_SYNC_FLUSH);
		*length = capacity - zlib->avail_out;
		if (status != Z_OK && status != Z_BUF_ERROR) {
			free(out);
			return NULL;
		}
	} while (zlib->avail_out == 0);
	return out;
}

/* --- ZRLE ------------------------------------------------------------------------------------- */

static uint32_t run_length(struct reader *reader)
{
	uint32_t length = 1, byte;

	do {
		byte = number(reader, 1);
		length += byte;
	} while (byte == 255 && !reader->short_of);
	return length;
}

static int zrle_runs(struct decoder *decoder, struct reader *reader, struct area tile,
		     const uint32_t *palette, unsigned int colours)
{
	uint32_t done = 0, count = tile.width * tile.height;

	while (done < count) {
		uint32_t value, length = 1;

		if (colours) {
			uint32_t index = number(reader, 1);

			if ((index & 127) >= colours)
				return -1;
			value = palette[index & 127];
			if (index & 128)
				length = run_length(reader);
		} else {
			value = compact_pixel(decoder, reader);
			length = run_length(reader);
		}
		if (reader->short_of || length > count - done)
			return -1;
		for (; length; length--, done++)
			set(decoder, tile.x + done % tile.width, tile.y + done / tile.width, value);
	}
	return 0;
}

static int zrle_packed(struct decoder *decoder, struct reader *reader, struct area tile,
		       const uint32_t *palette, unsigned int colours)
{
	unsigned int bits = colours <= 2 ? 1 : colours <= 4 ? 2 : 4;

	for (uint32_t y = 0; y < tile.height; y++) {
		const uint8_t *row = take(reader, (tile.width * bits + 7) / 8);

		if (!row)
			return -1;
		for (uint32_t x = 0; x < tile.width; x++) {
			uint32_t bit = x * bits;
			uint32_t index = row[bit / 8] >> (8 - bits - bit % 8) & ((1U << bits) - 1);

			if (index >= colours)
				return -1;
			set(decoder, tile.x + x, tile.y + y, palette[index]);
		}
	}
	return 0;
}

static int zrle_tile(struct decoder *decoder, struct reader *reader, struct area tile)
{
	uint32_t kind = number(reader, 1), palette[128];
	unsigned int colours = kind & 127;

	if (kind == 0) {
		for (uint32_t i = 0; i < tile.width * tile.height; i++)
			set(decoder, tile.x + i % tile.width, tile.y + i / tile.width,
			    compact_pixel(decoder, reader));
		return 0;
	}
	if ((kind > 16 && kind < 128) || kind == 129)
		return -1;
	for (unsigned int i = 0; i < colours; i++)
		palette[i] = compact_pixel(decoder, reader);
	if (kind == 1) {
		fill(decoder, tile, palette[0]);
		return 0;
	}
	if (kind < 128)
		return zrle_packed(decoder, reader, tile, palette, colours);
	return zrle_runs(decoder, reader, tile, palette, colours);
}

static int zrle(struct decoder *decoder, struct reader *reader, struct area area)
{
	uint32_t count = number(reader, 4);
	const uint8_t *packed = take(reader, count);
	struct reader tiles = {0};
	uint8_t *bytes;
	int result = 0;

	if (!packed)
		return 0;
	bytes = unpack(&decoder->zrle, &decoder->zrle_begun, packed, count, &tiles.left);
	if (!bytes)
		return -1;
	tiles.at = bytes;
	for (uint32_t y = 0; y < area.height && result == 0; y += 64) {
		for (uint32_t x = 0; x < area.width && result == 0; x += 64) {
			struct area tile = {area.x + x, area.y + y,
					    area.width - x < 64 ? area.width - x : 64,
					    area.height - y < 64 ? area.height - y : 64};

			result = zrle_tile(decoder, &tiles, tile);
		}
	}
	free(bytes);
	return tiles.short_of || tiles.left ? -1 : result;
}

/* --- Tight ------------------------------------------------------------------------------------ */

static uint32_t compact_length(struct reader *reader)
{
	uint32_t byte = number(reader, 1), length = byte & 127;

	if (byte & 128) {
		byte = number(reader, 1);
		length |= (byte & 127) << 7;
		if (byte & 128)
			length |= number(reader, 1) << 14;
	}
	return length;
}

static int tight_jpeg(struct decoder *decoder, struct reader *reader, struct area area)
{
	uint32_t length = compact_length(reader);
	const uint8_t *file = take(reader, length);
	uint8_t *colours = malloc((size_t)area.width * area.height * 3);
	tjhandle jpeg = tjInitDecompress();
	int result = 0;

	decoder->jpegs++;
	if (file)
		result = tjDecompress2(jpeg, file, length, colours, (int)area.width, 0,
				       (int)area.height, TJPF_RGB, 0);
	for (uint32_t i = 0; file && i < area.width * area.height; i++)
		set(decoder, area.x + i % area.width, area.y + i / area.width,
		    decoder_pixel(&decoder->format, colours[3 * i], colours[3 * i + 1],
				  colours[3 * i + 2]));
	tjDestroy(jpeg);
	free(colours);
	return result;
}

static void tight_pixels(struct decoder *decoder, struct reader *data, struct area area,
			 const uint32_t *palette, unsigned int colours)
{
	for (uint32_t y = 0; y < area.height; y++) {
		const uint8_t *row = colours == 2 ? take(data, (area.width + 7) / 8) : NULL;

		for (uint32_t x = 0; x < area.width; x++) {
			uint32_t value;

			if (row)
				value = palette[row[x / 8] >> (7 - x % 8) & 1];
			else if (colours)
				value = palette[number(data, 1)];
			else
				value = tight_pixel(decoder, data);
			set(decoder, area.x + x, area.y + y, value);
		}
	}
}

/* What the differences stand for, in place; three bytes a pixel. */
static void undo_gradient(uint8_t *bytes, struct area area)
{
	size_t row = area.width * 3UL;

	for (size_t i = 0; i < row * area.height; i++) {
		int left = i % row >= 3 ? bytes[i - 3] : 0, above = i >= row ? bytes[i - row] : 0;
		int corner = i >= row && i % row >= 3 ? bytes[i - row - 3] : 0;
		int expected = left + above - corner;

		expected = expected < 0 ? 0 : expected > 255 ? 255 : expected;
		bytes[i] = (uint8_t)(bytes[i] + expected);
	}
}

static int tight(struct decoder *decoder, struct reader *reader, struct area area)
{
	bool gradient = false;
	uint32_t control = number(reader, 1), palette[256] = {0}, stream = control >> 4 & 3;
	unsigned int colours = 0,
		     pixel = is_tpixel(&decoder->format) ? 3 : decoder->format.bits / 8;
	struct reader data = {0};
	uint8_t *unpacked = NULL;
	size_t size;

	if (control >> 4 == 8) {
		decoder->fills++;
		fill(decoder, area, tight_pixel(decoder, reader));
		return 0;
	}
	if (control >> 4 == 9)
		return tight_jpeg(decoder, reader, area);
	if (control & 0x8f || area.width > 2048)
		return -1;
	if (control & 0x40) {
		uint32_t filter = number(reader, 1);

		gradient = filter == 2;
		if (filter != 1 && (!gradient || pixel != 3))
			return reader->short_of ? 0 : -1;
		colours = gradient ? 0 : number(reader, 1) + 1;
		for (unsigned int i = 0; i < colours; i++)
			palette[i] = tight_pixel(decoder, reader);
		decoder->palettes += !gradient;
		decoder->gradients += gradient;
	} else {
		decoder->fulls++;
	}
	size = colours == 2 ? (area.width + 7) / 8UL * area.height
			    : (size_t)area.width * area.height * (colours ? 1 : pixel);
	if (size < 12 && gradient)
		return -1;
	if (size < 12) {
		data = (struct reader){take(reader, size), size, false};
	} else {
		uint32_t length = compact_length(reader);
		const uint8_t *packed = take(reader, length);

		if (!packed)
			return 0;
		unpacked = unpack(&decoder->tight[stream], &decoder->tight_begun[stream], packed,
				  length, &data.left);
		data.at = unpacked;
		if (!unpacked || data.left != size) {
			free(unpacked);
			return -1;
		}
	}
	if (gradient)
		undo_gradient(unpacked, area);
	if (data.at)
		tight_pixels(decoder, &data, area, palette, colours);
	free(unpacked);
	return 0;
}

long decoder_rectangle(struct decoder *decoder, const uint8_t *bytes, size_t length,
		       int32_t *encoding)
{
	struct reader reader = {bytes, length, false};
	struct area area;
	int result = 0;

	area.x = number(&reader, 2);
	area.y = number(&reader, 2);
	area.width = number(&reader, 2);
	area.height = number(&reader, 2);
	*encoding = (int32_t)number(&reader, 4);
	if (reader.short_of)
		return 0;
	if (*encoding >= 0 && *encoding <= 16 &&
	    (area.x + area.width > decoder->width || area.y + area.height > decoder->height))
		return -1;
	switch (*encoding) {
	case 0:
		result = raw(decoder, &reader, area);
		break;
	case 5:
		result = hextile(decoder, &reader, area);
		break;
	case 7:
		result = tight(decoder, &reader, area);
		break;
	case 16:
		result = zrle(decoder, &reader, area);
		break;
	default:
		break;
	}
	if (reader.short_of)
		return 0;
	return result < 0 ? -1 : (long)(length - reader.left);
}
