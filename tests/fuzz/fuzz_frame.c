/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: protocol base
/* A header that is taken is encoded as it was; the sync word is found where a naive search finds
 * it. */
#include "protocol/frame.h"

#include <stdlib.h>
#include <string.h>

static size_t search(const uint8_t *bytes, size_t length)
{
	for (size_t at = 0; length - at >= SYNC_WORD_SIZE; at++) {
		if (memcmp(bytes + at, sync_word, SYNC_WORD_SIZE) == 0)
			return at;
	}
	return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct frame_header header;
	uint8_t again[FRAME_HEADER_SIZE];

	if (frame_find_sync(bytes, length) != search(bytes, length))
		abort();
	for (; length >= FRAME_HEADER_SIZE; bytes++, length--) {
		if (frame_header_decode(bytes, &header) < 0)
			continue;
		if (header.length > FRAME_MAX_PAYLOAD || header.channel >= FRAME_CHANNELS)
			abort();
		frame_header_encode(&header, again);
		if (memcmp(bytes, again, sizeof(again)) != 0)
			abort();
	}
	return 0;
}
