/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/png_encoder.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <png.h>
#include <zlib.h>

/* A screen is looked at at once and seldom kept: speed before size. */
#define COMPRESSION 2

struct png_encoder {
	png_structp png;
	png_infop info;
	uint32_t rows_left;
	uint8_t *output;
	size_t start, length, capacity;
};

static void on_error(png_structp png, png_const_charp text)
{
	(void)text;
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void on_write(png_structp png, png_bytep bytes, size_t length)
{
	struct png_encoder *encoder = png_get_io_ptr(png);
	size_t needed;

	if (encoder->start > 0) {
		memmove(encoder->output, encoder->output + encoder->start, encoder->length);
		encoder->start = 0;
	}
	if (add_overflows(encoder->length, length, &needed))
		png_error(png, "size");
	if (needed > encoder->capacity) {
		size_t capacity = MAX(2 * needed, 65536);
		uint8_t *grown = realloc(encoder->output, capacity);

		if (!grown)
			png_error(png, "memory");
		encoder->output = grown;
		encoder->capacity = capacity;
	}
	memcpy(encoder->output + encoder->length, bytes, length);
	encoder->length += length;
}

static void on_flush(png_structp png)
{
	(void)png;
}

/* libpng leaves by longjmp(): nothing of ours may live in a register here. */
static int write_head(struct png_encoder *encoder, uint32_t width, uint32_t height)
{
	if (setjmp(png_jmpbuf(encoder->png)))
		return -ENOMEM;
	png_set_write_fn(encoder->png, encoder, on_write, on_flush);
	png_set_IHDR(encoder->png, encoder->info, width, height, 8, PNG_COLOR_TYPE_RGB,
		     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_compression_level(encoder->png, COMPRESSION);
	png_set_filter(encoder->png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
	png_write_info(encoder->png, encoder->info);
	png_set_bgr(encoder->png);
	png_set_filler(encoder->png, 0, PNG_FILLER_AFTER);
	return 0;
}

struct png_encoder *png_encoder_new(uint32_t width, uint32_t height)
{
	struct png_encoder *encoder = calloc(1, sizeof(*encoder));

	if (!encoder)
		return NULL;
	encoder->rows_left = height;
	encoder->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
	encoder->info = encoder->png ? png_create_info_struct(encoder->png) : NULL;
	if (!encoder->info || write_head(encoder, width, height) < 0) {
		png_encoder_free(encoder);
		return NULL;
	}
	return encoder;
}

int png_encoder_rows(struct png_encoder *encoder, const uint8_t *pixels, size_t stride,
		     uint32_t rows)
{
	if (rows > encoder->rows_left)
		return -EINVAL;
	if (setjmp(png_jmpbuf(encoder->png)))
		return -ENOMEM;
	for (uint32_t row = 0; row < rows; row++)
		png_write_row(encoder->png, pixels + row * stride);
	encoder->rows_left -= rows;
	if (encoder->rows_left == 0)
		png_write_end(encoder->png, encoder->info);
	return 0;
}

const uint8_t *png_encoder_output(const struct png_encoder *encoder, size_t *length)
{
	*length = encoder->length;
	return encoder->output + encoder->start;
}

void png_encoder_taken(struct png_encoder *encoder, size_t length)
{
	encoder->start += length;
	encoder->length -= length;
}

void png_encoder_free(struct png_encoder *encoder)
{
	if (!encoder)
		return;
	if (encoder->png)
		png_destroy_write_struct(&encoder->png, &encoder->info);
	free(encoder->output);
	free(encoder);
}
