/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deflate - one of the streams of compressed bytes that last as long as the viewer
 *
 * What goes in at once comes out at once (a sync flush), and the next refers back to it.
 */
#ifndef LODGE_SCREEN_RFB_DEFLATE_H
#define LODGE_SCREEN_RFB_DEFLATE_H

#include "host/screen/rfb/wire.h"

#include <zlib.h>

struct deflate_stream {
	z_stream zlib;
	bool begun;
	int level, strategy;
};

/* Appends @bytes, compressed. @level and @strategy are zlib's, and may differ from call to call.
 * 0; -ENOMEM; -EIO. */
int deflate_append(struct deflate_stream *stream, int level, int strategy, const void *bytes,
		   size_t length, struct wire *out);
void deflate_free(struct deflate_stream *stream);

#endif
