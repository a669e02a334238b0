/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/encoder.h"

#include "host/screen/rfb/deflate_pixels.h"

#include <errno.h>
#include <turbojpeg.h>

#define SCRATCH_BYTES (4UL * DAMAGE_MAX_PIXELS + 4096)

_Static_assert(DAMAGE_MAX_PIXELS * sizeof(uint32_t) >= DEFLATE_PIXELS_MEMORY, "values has room");

int encoder_init(struct encoder *encoder)
{
	memset(encoder, 0, sizeof(*encoder));
	encoder->compression = -1;
	encoder->quality = -1;
	encoder->jpeg_quality = -1;
	encoder->jpeg_subsample = -1;
	encoder->values = malloc(DAMAGE_MAX_PIXELS * sizeof(*encoder->values));
	encoder->scratch = malloc(SCRATCH_BYTES);
	if (!encoder->values || !encoder->scratch) {
		encoder_free(encoder);
		return -ENOMEM;
	}
	encoder_set_format(encoder, &pixel_format_native);
	return 0;
}

void encoder_set_format(struct encoder *encoder, const struct pixel_format *format)
{
	encoder->format = *format;
	pixel_converter_init(&encoder->plain, format, PIXEL_PLAIN);
	pixel_converter_init(&encoder->compact, format, PIXEL_COMPACT);
	pixel_converter_init(&encoder->tight, format, PIXEL_TIGHT);
}

void encoder_free(struct encoder *encoder)
{
	deflate_free(&encoder->zrle);
	for (unsigned int i = 0; i < TIGHT_STREAMS; i++)
		deflate_free(&encoder->tight_stream[i]);
	if (encoder->jpeg)
		tjDestroy(encoder->jpeg);
	free(encoder->values);
	free(encoder->scratch);
	memset(encoder, 0, sizeof(*encoder));
}

void encode_header(struct wire *out, const struct rectangle *place, int32_t encoding)
{
	uint8_t bytes[12];

	store_be16(bytes, place->x);
	store_be16(bytes + 2, place->y);
	store_be16(bytes + 4, place->width);
	store_be16(bytes + 6, place->height);
	store_be32(bytes + 8, (uint32_t)encoding);
	wire_put(out, bytes, sizeof(bytes));
}

int encode_piece(struct encoder *encoder, enum rfb_encoding encoding, const struct piece *piece,
		 struct wire *out)
{
	int result;

	switch (encoding) {
	case RFB_HEXTILE:
		result = encode_hextile(encoder, piece, out);
		break;
	case RFB_TIGHT:
		result = encode_tight(encoder, piece, out);
		break;
	case RFB_ZRLE:
		result = encode_zrle(encoder, piece, out);
		break;
	default:
		result = encode_raw(encoder, piece, out);
		break;
	}
	return result >= 0 && out->failed ? -ENOMEM : result;
}
