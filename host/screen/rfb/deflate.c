/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/deflate.h"

#include <errno.h>

#define MEMORY_LEVEL 9
#define ROOM	     (32U << 10)

static int begin(struct deflate_stream *stream, int level, int strategy)
{
	int result;

	memset(&stream->zlib, 0, sizeof(stream->zlib));
	result = deflateInit2(&stream->zlib, level, Z_DEFLATED, MAX_WBITS, MEMORY_LEVEL, strategy);
	if (result != Z_OK)
		return result == Z_MEM_ERROR ? -ENOMEM : -EIO;
	stream->begun = true;
	stream->level = level;
	stream->strategy = strategy;
	return 0;
}

/* One call of zlib after the other until it leaves room, which says that it has no more. */
static int run(struct deflate_stream *stream, struct wire *out)
{
	z_stream *zlib = &stream->zlib;
	size_t room;
	int result;

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

int deflate_append(struct deflate_stream *stream, int level, int strategy, const void *bytes,
		   size_t length, struct wire *out)
{
	int result = stream->begun ? 0 : begin(stream, level, strategy);

	if (result < 0)
		return result;
	if (length > UINT32_MAX)
		return -EIO;
	if (stream->level != level || stream->strategy != strategy) {
		/* May write what is left of before; all of that was flushed, so little. */
		stream->zlib.next_in = NULL;
		stream->zlib.avail_in = 0;
		stream->zlib.next_out = wire_room(out, ROOM);
		if (!stream->zlib.next_out)
			return -ENOMEM;
		stream->zlib.avail_out = ROOM;
		result = deflateParams(&stream->zlib, level, strategy);
		if (result != Z_OK && result != Z_BUF_ERROR)
			return -EIO;
		wire_filled(out, ROOM - stream->zlib.avail_out);
		stream->level = level;
		stream->strategy = strategy;
	}
	stream->zlib.next_in = (Bytef *)(uintptr_t)bytes;
	stream->zlib.avail_in = (uInt)length;
	return run(stream, out);
}

void deflate_free(struct deflate_stream *stream)
{
	if (stream->begun)
		deflateEnd(&stream->zlib);
	stream->begun = false;
}
