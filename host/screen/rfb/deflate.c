/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each of three makes raw deflate, behind a header of ours; the checksum at a stream's end never
 * comes. After a flush a stream is at a whole byte, so another can go on there: without
 * history, which whoever reads the stream does not notice.
 */
#include "host/screen/rfb/deflate.h"

#include "host/screen/rfb/deflate_pixels.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>

#define MEMORY_LEVEL 8
#define ROOM	     (32UL << 10)
/* Which looks at 32 places for each match; the last of them find next to nothing. */
#define TUNED_LEVEL 5
#define TUNED_CHAIN 24

static const uint8_t header[2] = {0x78, 0x01};

/* --- ISA-L ------------------------------------------------------------------------------------ */

/* Its levels 1 and 2 differ on pictures only, 3 takes longer for little. */
#define ISAL_LEVEL  2
#define ISAL_MEMORY ISAL_DEF_LVL2_DEFAULT

static int begin_isal(struct deflate_stream *stream)
{
	if (!stream->isal)
		stream->isal = malloc(sizeof(*stream->isal));
	if (!stream->memory)
		stream->memory = malloc(ISAL_MEMORY);
	if (!stream->isal || !stream->memory)
		return -ENOMEM;
	isal_deflate_init(stream->isal);
	stream->isal->level = ISAL_LEVEL;
	stream->isal->level_buf = stream->memory;
	stream->isal->level_buf_size = ISAL_MEMORY;
	stream->isal->gzip_flag = IGZIP_DEFLATE;
	stream->isal->flush = SYNC_FLUSH;
	stream->isal->end_of_stream = 0;
	stream->by = DEFLATE_BY_ISAL;
	return 0;
}

static int run_isal(struct deflate_stream *stream, const void *bytes, size_t length,
		    struct wire *out)
{
	struct isal_zstream *isal = stream->isal;
	size_t room;

	isal->next_in = (uint8_t *)(uintptr_t)bytes;
	isal->avail_in = (uint32_t)length;
	do {
		isal->next_out = wire_room(out, ROOM + length / 4);
		if (!isal->next_out)
			return -ENOMEM;
		room = MIN(out->capacity - out->length, UINT32_MAX);
		isal->avail_out = (uint32_t)room;
		if (isal_deflate(isal) != COMP_OK)
			return -EIO;
		wire_filled(out, room - isal->avail_out);
	} while (isal->avail_out == 0);
	return isal->avail_in ? -EIO : 0;
}

/* --- zlib ------------------------------------------------------------------------------------- */

static int begin_zlib(struct deflate_stream *stream, int level)
{
	int result;

	if (stream->has_zlib)
		deflateEnd(&stream->zlib);
	stream->has_zlib = false;
	memset(&stream->zlib, 0, sizeof(stream->zlib));
	result = deflateInit2(&stream->zlib, level, Z_DEFLATED, -MAX_WBITS, MEMORY_LEVEL,
			      Z_DEFAULT_STRATEGY);
	if (result != Z_OK)
		return result == Z_MEM_ERROR ? -ENOMEM : -EIO;
	if (level == TUNED_LEVEL)
		deflateTune(&stream->zlib, 8, 16, 32, TUNED_CHAIN);
	stream->has_zlib = true;
	stream->by = DEFLATE_BY_ZLIB;
	stream->level = level;
	return 0;
}

/* One call after the other until it leaves room, which says that it has no more. */
static int run_zlib(struct deflate_stream *stream, const void *bytes, size_t length,
		    struct wire *out)
{
	z_stream *zlib = &stream->zlib;
	size_t room;
	int result;

	zlib->next_in = (Bytef *)(uintptr_t)bytes;
	zlib->avail_in = (uInt)length;
	do {
		zlib->next_out = wire_room(out, ROOM);
		if (!zlib->next_out)
			return -ENOMEM;
		room = MIN(out->capacity - out->length, UINT32_MAX);
		zlib->avail_out = (uInt)room;
		result = deflate(zlib, Z_SYNC_FLUSH);
		if (result != Z_OK && result != Z_BUF_ERROR)
			return -EIO;
		wire_filled(out, room - zlib->avail_out);
	} while (zlib->avail_out == 0);
	return zlib->avail_in ? -EIO : 0;
}

/* --- Either ----------------------------------------------------------------------------------- */

static void put_header(struct deflate_stream *stream, struct wire *out)
{
	if (!stream->begun)
		wire_put(out, header, sizeof(header));
	stream->begun = true;
}

int deflate_append(struct deflate_stream *stream, int level, const void *bytes, size_t length,
		   struct wire *out)
{
	bool zlib = level > DEFLATE_FAST;
	int result = 0;

	if (length > UINT32_MAX / 2)
		return -EIO;
	put_header(stream, out);
	if (zlib && (stream->by != DEFLATE_BY_ZLIB || stream->level != level))
		result = begin_zlib(stream, level);
	else if (!zlib && stream->by != DEFLATE_BY_ISAL)
		result = begin_isal(stream);
	if (result < 0)
		return result;
	return zlib ? run_zlib(stream, bytes, length, out) : run_isal(stream, bytes, length, out);
}

int deflate_append_pixels(struct deflate_stream *stream, const uint8_t *bytes, size_t length,
			  unsigned int looks, void *memory, struct wire *out)
{
	if (length > UINT32_MAX / 2)
		return -EIO;
	put_header(stream, out);
	stream->by = DEFLATE_BY_PIXELS;
	return deflate_pixels(bytes, length, looks, memory, out);
}

void deflate_free(struct deflate_stream *stream)
{
	if (stream->has_zlib)
		deflateEnd(&stream->zlib);
	free(stream->isal);
	free(stream->memory);
	*stream = (struct deflate_stream){0};
}
