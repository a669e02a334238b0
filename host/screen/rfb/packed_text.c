/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/packed_text.h"

#include "host/screen/rfb/deflate.h"
#include "protocol/base/cleanup.h"

#include <errno.h>

#define INFLATE_STEP (64UL << 10)

int packed_text_put(struct wire *packed, struct slice text)
{
	struct deflate_stream stream = {0};
	_cleanup_free_ uint8_t *crlf = NULL;
	size_t length;
	uint8_t size[4];
	int result = clipboard_text_to_crlf(text, &crlf, &length);

	if (result < 0)
		return result;
	if (length >= UINT32_MAX)
		return -EFBIG;
	store_be32(size, (uint32_t)length + 1);
	result = deflate_append(&stream, -1, size, sizeof(size), packed);
	if (result == 0) /* with its NUL */
		result = deflate_append(&stream, -1, crlf, length + 1, packed);
	deflate_free(&stream);
	return packed->failed ? -ENOMEM : result;
}

/* The text of a "provide": its size, then as much, compressed. 0, with @text of malloc(); -EPROTO;
 * -EFBIG; -ENOMEM. */
static int inflate_text(const uint8_t *bytes, size_t length, struct wire *text)
{
	z_stream zlib = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)length};
	int result = 0, status;

	if (inflateInit(&zlib) != Z_OK)
		return -ENOMEM;
	do {
		zlib.next_out = wire_room(text, INFLATE_STEP);
		if (!zlib.next_out) {
			result = -ENOMEM;
			break;
		}
		zlib.avail_out = INFLATE_STEP;
		status = inflate(&zlib, Z_SYNC_FLUSH);
		wire_filled(text, INFLATE_STEP - zlib.avail_out);
		if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
			result = -EPROTO;
		else if (text->length > PACKED_TEXT_MAX)
			result = -EFBIG;
	} while (result == 0 && status == Z_OK && zlib.avail_out == 0);
	inflateEnd(&zlib);
	if (result == 0 && (text->length < 4 || text->length - 4 < load_be32(text->bytes)))
		result = -EPROTO;
	return result;
}

int packed_text_take(const uint8_t *bytes, size_t length, uint8_t **text, size_t *text_length)
{
	_cleanup_(wire_free) struct wire unpacked = {0};
	int result = inflate_text(bytes, length, &unpacked);

	if (result < 0)
		return result;
	return clipboard_text_normalise(
		TEXT_UTF8, (struct slice){unpacked.bytes + 4, load_be32(unpacked.bytes)}, text,
		text_length);
}
