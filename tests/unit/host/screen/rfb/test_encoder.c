/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every encoding, in every kind of pixel format, on every kind of picture, comes back as it was. */
#include "host/screen/rfb/encoder.h"

#include "decoder.h"
#include "pictures.h"
#include "tests/unit/suite.h"

#include <check.h>

static const struct decoder_format formats[] = {
	{32, 24, false, 255, 255, 255, 16, 8, 0}, /* the desktop's own */
	{32, 24, false, 255, 255, 255, 0, 8, 16},
	{32, 24, true, 255, 255, 255, 16, 8, 0},
	{32, 24, false, 255, 255, 255, 24, 16, 8}, /* in the upper three bytes */
	{32, 24, true, 255, 255, 255, 24, 16, 8},
	{32, 32, false, 255, 255, 255, 16, 8, 0}, /* a deep one: CPIXEL has four bytes */
	{32, 30, false, 1023, 1023, 1023, 20, 10, 0},
	{16, 16, false, 31, 63, 31, 11, 5, 0},
	{16, 16, true, 31, 63, 31, 11, 5, 0},
	{16, 15, false, 31, 31, 31, 10, 5, 0},
	{8, 8, false, 7, 7, 3, 0, 3, 6},
	{8, 6, false, 3, 3, 3, 4, 2, 0},
};

static const uint32_t sizes[][2] = {{1, 1},   {2, 1},	{1, 17},  {16, 16},  {64, 64},
				    {65, 63}, {200, 1}, {3, 256}, {200, 100}};

static void set_format(struct encoder *encoder, const struct decoder_format *format)
{
	struct pixel_format wanted = {
		.bits_per_pixel = (uint8_t)format->bits,
		.depth = (uint8_t)format->depth,
		.big_endian = format->big_endian,
		.true_colour = true,
		.red_max = (uint16_t)format->red_max,
		.green_max = (uint16_t)format->green_max,
		.blue_max = (uint16_t)format->blue_max,
		.red_shift = (uint8_t)format->red_shift,
		.green_shift = (uint8_t)format->green_shift,
		.blue_shift = (uint8_t)format->blue_shift,
	};
	uint8_t bytes[PIXEL_FORMAT_SIZE];
	bool mapped;

	pixel_format_store(&wanted, bytes);
	ck_assert_int_eq(pixel_format_parse(bytes, &wanted, &mapped), 0);
	ck_assert(!mapped);
	encoder_set_format(encoder, &wanted);
}

static void decode_all(struct decoder *decoder, const struct wire *out, int rectangles,
		       int32_t expected)
{
	size_t at = 0;

	for (int i = 0; i < rectangles; i++) {
		int32_t encoding;
		long used =
			decoder_rectangle(decoder, out->bytes + at, out->length - at, &encoding);

		ck_assert_int_gt(used, 0);
		ck_assert_int_eq(encoding, expected);
		at += (size_t)used;
	}
	ck_assert_uint_eq(at, out->length);
}

/* The largest difference of a component, for formats of 8 bits each. */
static unsigned int worst(uint32_t a, uint32_t b)
{
	unsigned int most = 0;

	for (unsigned int shift = 0; shift < 32; shift += 8) {
		int difference = (int)(a >> shift & 0xff) - (int)(b >> shift & 0xff);

		most = MAX(most, (unsigned int)abs(difference));
	}
	return most;
}

static void compare(const struct decoder *decoder, const struct piece *piece, unsigned int allowed)
{
	for (uint32_t y = 0; y < piece->place.height; y++) {
		for (uint32_t x = 0; x < piece->place.width; x++) {
			uint32_t pixel = load_le32(piece->pixels + y * piece->stride + x * 4UL);
			uint32_t expected = decoder_pixel(&decoder->format, pixel >> 16 & 0xff,
							  pixel >> 8 & 0xff, pixel & 0xff);
			uint32_t got = decoder->pixels[(y + piece->place.y) * decoder->width + x +
						       piece->place.x];

			if (allowed)
				ck_assert_uint_le(worst(got, expected), allowed);
			else
				ck_assert_uint_eq(got, expected);
		}
	}
}

static void try_sizes(struct encoder *encoder, struct decoder *decoder, enum rfb_encoding encoding)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (unsigned int which = 0; which < PICTURES; which++) {
			struct piece piece = {.place = {3, 2, sizes[i][0], sizes[i][1]}};
			struct wire out = {0};
			uint8_t *pixels = picture_make(which, piece.place.width, piece.place.height,
						       &piece.stride);
			int rectangles;

			piece.pixels = pixels;
			encoder->compression = (int)((i + which) % 11) - 1;
			rectangles = encode_piece(encoder, encoding, &piece, &out);
			ck_assert_int_gt(rectangles, 0);
			if (!encoder->may_split)
				ck_assert_int_eq(rectangles, 1);
			decode_all(decoder, &out, rectangles, (int32_t)encoding);
			compare(decoder, &piece, 0);
			wire_free(&out);
			free(pixels);
		}
	}
}

static const enum rfb_encoding encodings[] = {RFB_RAW, RFB_HEXTILE, RFB_ZRLE, RFB_TIGHT};

START_TEST(test_comes_back)
{
	const struct decoder_format *format = &formats[(unsigned int)_i / 8 % ARRAY_SIZE(formats)];
	enum rfb_encoding encoding = encodings[_i / 2 % 4];
	struct decoder *decoder = decoder_new(format, 300, 300);
	struct encoder encoder;

	ck_assert_int_eq(encoder_init(&encoder), 0);
	set_format(&encoder, format);
	encoder.may_split = _i % 2;
	try_sizes(&encoder, decoder, encoding);
	encoder_free(&encoder);
	decoder_free(decoder);
}
END_TEST

/* The largest piece there may be, of the worst there is. */
START_TEST(test_largest)
{
	struct piece piece = {.place = {0, 0, 2048, 64}};
	struct decoder *decoder = decoder_new(&formats[5], 2048, 64);
	uint8_t *pixels = picture_make(5, 2048, 64, &piece.stride);
	struct encoder encoder;

	ck_assert_uint_eq(piece.place.width * piece.place.height, DAMAGE_MAX_PIXELS);
	piece.pixels = pixels;
	ck_assert_int_eq(encoder_init(&encoder), 0);
	set_format(&encoder, &formats[5]);
	for (unsigned int i = 0; i < ARRAY_SIZE(encodings); i++) {
		struct wire out = {0};
		int rectangles = encode_piece(&encoder, encodings[i], &piece, &out);

		ck_assert_int_eq(rectangles, 1);
		memset(decoder->pixels, 0, 4UL * 2048 * 64);
		decode_all(decoder, &out, rectangles, (int32_t)encodings[i]);
		compare(decoder, &piece, 0);
		wire_free(&out);
	}
	encoder_free(&encoder);
	decoder_free(decoder);
	free(pixels);
}
END_TEST

/* Slow changes, as pictures have them, and some grain. */
static void make_smooth(struct piece *piece, uint8_t *pixels)
{
	for (uint32_t i = 0; i < piece->place.width * piece->place.height; i++) {
		uint32_t x = i % piece->place.width, y = i / piece->place.width;

		store_le32(pixels + y * piece->stride + x * 4UL,
			   x << 16 | (y + 20) << 8 | ((x + y) / 2 + i * 7 % 3));
	}
	piece->pixels = pixels;
}

/* Without JPEG, pictures are filtered; with it, or in pixels of other sizes, never. */
START_TEST(test_gradient)
{
	struct piece piece = {.place = {0, 0, 200, 100}};
	uint8_t *pixels = picture_make(4, 200, 100, &piece.stride);

	make_smooth(&piece, pixels);
	store_le32(pixels + 50 * piece.stride, 0xffffff); /* more than can be expected */
	store_le32(pixels + 51 * piece.stride + 4, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++) {
		struct decoder *decoder = decoder_new(&formats[i], 200, 100);
		struct encoder encoder;

		ck_assert_int_eq(encoder_init(&encoder), 0);
		set_format(&encoder, &formats[i]);
		for (encoder.compression = -1; encoder.compression < 10; encoder.compression++) {
			struct wire out = {0};

			ck_assert_int_eq(encode_piece(&encoder, RFB_TIGHT, &piece, &out), 1);
			decode_all(decoder, &out, 1, RFB_TIGHT);
			compare(decoder, &piece, 0);
			if (encoder.tight.bytes == 3)
				ck_assert_uint_lt(out.length, 200 * 100 * 3 / 2);
			wire_free(&out);
		}
		ck_assert_uint_eq(decoder->gradients, encoder.tight.bytes == 3 ? 11 : 0);
		encoder_free(&encoder);
		decoder_free(decoder);
	}
	free(pixels);
}
END_TEST

START_TEST(test_jpeg)
{
	struct piece piece = {.place = {0, 0, 200, 100}};
	struct decoder *decoder = decoder_new(&formats[0], 200, 100);
	uint8_t *pixels = picture_make(4, 200, 100, &piece.stride);
	struct encoder encoder;
	size_t last = 0;

	make_smooth(&piece, pixels);
	ck_assert_int_eq(encoder_init(&encoder), 0);
	for (encoder.quality = 0; encoder.quality <= 9; encoder.quality++) {
		struct wire out = {0};

		ck_assert_int_eq(encode_piece(&encoder, RFB_TIGHT, &piece, &out), 1);
		decode_all(decoder, &out, 1, RFB_TIGHT);
		compare(decoder, &piece, encoder.quality < 5 ? 64 : 12);
		/* From 6 on a colour may be of four pixels, before of two. */
		ck_assert_uint_ge(out.length, last - last / 32);
		last = out.length;
		wire_free(&out);
	}
	ck_assert_uint_eq(decoder->jpegs, 10);
	ck_assert_uint_eq(decoder->gradients, 0);
	encoder.quality = 9;
	encoder.jpeg_quality = 1;
	encoder.jpeg_subsample = 3; /* grey */
	{
		struct wire out = {0};

		ck_assert_int_eq(encode_piece(&encoder, RFB_TIGHT, &piece, &out), 1);
		ck_assert_uint_lt(out.length, last / 2);
		decode_all(decoder, &out, 1, RFB_TIGHT);
		wire_free(&out);
	}
	encoder_free(&encoder);
	decoder_free(decoder);
	free(pixels);
}
END_TEST

/* How many pixels share a colour, as a JPEG file's frame header has it. */
static unsigned int sharing(const struct wire *out)
{
	for (size_t i = 16; i + 12 < out->length; i++) {
		if (out->bytes[i] == 0xff && out->bytes[i + 1] == 0xc0)
			return (out->bytes[i + 11] >> 4) * (out->bytes[i + 11] & 15U);
	}
	return 0;
}

/* The sum of the squares of what is lost. */
static uint64_t loss(const struct decoder *decoder, const struct piece *piece)
{
	uint64_t sum = 0;

	for (uint32_t y = 0; y < piece->place.height; y++) {
		for (uint32_t x = 0; x < piece->place.width; x++) {
			uint32_t pixel = load_le32(piece->pixels + y * piece->stride + x * 4UL);
			uint32_t got = decoder->pixels[y * decoder->width + x];

			for (unsigned int shift = 0; shift < 24; shift += 8) {
				int difference =
					(int)(pixel >> shift & 255) - (int)(got >> shift & 255);

				sum += (uint64_t)(difference * difference);
			}
		}
	}
	return sum;
}

struct jpeg {
	unsigned int sharing;
	size_t length;
	uint64_t loss;
};

static struct jpeg make_jpeg(const struct piece *piece, int quality, int subsample)
{
	struct decoder *decoder = decoder_new(&formats[0], 200, 100);
	struct encoder encoder;
	struct wire out = {0};
	struct jpeg jpeg;

	ck_assert_int_eq(encoder_init(&encoder), 0);
	encoder.quality = quality;
	encoder.jpeg_subsample = subsample;
	ck_assert_int_eq(encode_piece(&encoder, RFB_TIGHT, piece, &out), 1);
	decode_all(decoder, &out, 1, RFB_TIGHT);
	ck_assert_uint_eq(decoder->jpegs, 1);
	jpeg = (struct jpeg){sharing(&out), out.length, loss(decoder, piece)};
	wire_free(&out);
	encoder_free(&encoder);
	decoder_free(decoder);
	return jpeg;
}

/* Brighter here and there. */
static void add_grain(const struct piece *piece, uint8_t *pixels)
{
	uint32_t state = 4711;

	for (uint32_t y = 0; y < piece->place.height; y++) {
		for (uint32_t x = 0; x < piece->place.width; x++) {
			uint8_t *at = pixels + y * piece->stride + x * 4UL;

			state = state * 1664525 + 1013904223;
			store_le32(at, (load_le32(at) >> 1 & 0x7f7f7f) + 0x101010 +
					       (state >> 29) * 0x010101);
		}
	}
}

/* Where colours change slowly four pixels share one, and neither bytes nor what is lost are more
 * to speak of; not where they do not, nor where the viewer says how many, or wants the best. */
START_TEST(test_jpeg_shares_colours)
{
	struct piece piece = {.place = {0, 0, 200, 100}};
	uint8_t *pixels = picture_make(5, 200, 100, &piece.stride);

	piece.pixels = pixels;
	for (int quality = 6; quality <= 9; quality++)
		ck_assert_uint_eq(make_jpeg(&piece, quality, -1).sharing, 1);
	make_smooth(&piece, pixels);
	add_grain(&piece, pixels);
	ck_assert_uint_eq(make_jpeg(&piece, 9, -1).sharing, 1);
	for (int quality = 6; quality <= 8; quality++) {
		struct jpeg shared = make_jpeg(&piece, quality, -1);
		struct jpeg each = make_jpeg(&piece, quality, 0);

		ck_assert_uint_eq(each.sharing, 1);
		ck_assert_uint_eq(shared.sharing, 4);
		ck_assert_uint_le(shared.length, each.length + each.length / 50);
		ck_assert_uint_le(shared.loss, each.loss);
	}
	/* One colour of letters in a picture is enough. */
	for (uint32_t i = 0; i < 100; i++)
		store_le32(pixels + i * piece.stride + (20 + i % 9) * 4UL, 0xd01020);
	ck_assert_uint_eq(make_jpeg(&piece, 8, -1).sharing, 1);
	free(pixels);
}
END_TEST

/* A desktop becomes fills and palettes; what has few colours is never JPEG. */
START_TEST(test_tight_cuts)
{
	struct piece piece = {.place = {0, 0, 500, 256}};
	struct decoder *decoder = decoder_new(&formats[0], 500, 256);
	uint8_t *pixels = picture_make(6, 500, 256, &piece.stride);
	struct encoder encoder;
	struct wire out = {0};
	int rectangles;

	piece.pixels = pixels;
	ck_assert_int_eq(encoder_init(&encoder), 0);
	encoder.may_split = true;
	encoder.quality = 5;
	rectangles = encode_piece(&encoder, RFB_TIGHT, &piece, &out);
	ck_assert_int_gt(rectangles, 3);
	decode_all(decoder, &out, rectangles, RFB_TIGHT);
	compare(decoder, &piece, 0);
	ck_assert_uint_ge(decoder->fills, 3);
	ck_assert_uint_ge(decoder->palettes, 1);
	ck_assert_uint_eq(decoder->jpegs, 0);
	ck_assert_uint_lt(out.length, 5000);
	wire_free(&out);
	encoder_free(&encoder);
	decoder_free(decoder);
	free(pixels);
}
END_TEST

/* Tiles that show the same, each with its three colours met in another order: after the first
 * they cost next to nothing. */
START_TEST(test_palettes_keep_their_order)
{
	static const uint32_t colours[3] = {0xffffff, 0x303030, 0x707070};
	struct piece piece = {.place = {0, 0, 12 * 64, 64}};
	struct decoder *decoder = decoder_new(&formats[0], 12 * 64, 64);
	uint8_t *pixels = picture_make(0, 12 * 64, 64, &piece.stride);
	uint32_t shown[64][64], state = 4711;
	struct encoder encoder;
	struct wire out = {0};

	for (uint32_t i = 0; i < 64 * 64; i++) {
		state = state * 1664525 + 1013904223;
		shown[i / 64][i % 64] = colours[(state >> 24) % 3];
	}
	for (uint32_t y = 0; y < 64; y++) {
		for (uint32_t x = 0; x < 12 * 64; x++) {
			uint32_t turned = (x % 64 + x / 64) % 3, tile = x % 64;

			store_le32(pixels + y * piece.stride + x * 4UL,
				   y == 0 && tile < 3 ? colours[turned] : shown[y][tile]);
		}
	}
	piece.pixels = pixels;
	ck_assert_int_eq(encoder_init(&encoder), 0);
	ck_assert_int_eq(encode_piece(&encoder, RFB_ZRLE, &piece, &out), 1);
	decode_all(decoder, &out, 1, RFB_ZRLE);
	compare(decoder, &piece, 0);
	/* A tile is 1024 bytes of next to no order. */
	ck_assert_uint_lt(out.length, 1500);
	wire_free(&out);
	encoder_free(&encoder);
	decoder_free(decoder);
	free(pixels);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("encoder");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_comes_back, 0, 8 * (int)ARRAY_SIZE(formats));
	tcase_add_test(tcase, test_largest);
	tcase_add_test(tcase, test_gradient);
	tcase_add_test(tcase, test_jpeg);
	tcase_add_test(tcase, test_jpeg_shares_colours);
	tcase_add_test(tcase, test_tight_cuts);
	tcase_add_test(tcase, test_palettes_keep_their_order);
	return suite_run_case("encoder", tcase);
}
