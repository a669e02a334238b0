/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* Frames of a browser: whatever pieces they come in, what comes out is the same. */
#include "host/screen/websocket.h"
#include "protocol/base/bytes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct digest {
	uint64_t sum, payload, pings;
	int last;
	uint16_t status;
};

static void add(struct digest *digest, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		digest->sum = digest->sum * 31 + bytes[i];
	digest->payload += length;
}

static struct digest decode(const uint8_t *bytes, size_t size, size_t step)
{
	struct websocket websocket = {0};
	struct digest digest = {0};
	uint8_t *copy = malloc(size + 1);

	memcpy(copy, bytes, size);
	for (size_t at = 0; at < size;) {
		size_t length = MIN(step, size - at), used, payload_length;
		const uint8_t *payload;

		digest.last = websocket_decode(&websocket, copy + at, length, &used, &payload,
					       &payload_length);
		if (used > length || (digest.last == WEBSOCKET_NEED_MORE && used != length))
			abort();
		at += used;
		if (digest.last < 0 || digest.last == WEBSOCKET_CLOSED)
			break;
		if (digest.last == WEBSOCKET_DATA)
			add(&digest, payload, payload_length);
		if (digest.last == WEBSOCKET_PINGED) {
			if (payload_length > WEBSOCKET_MAX_CONTROL)
				abort();
			digest.pings++;
		}
	}
	digest.status = websocket.status;
	if (digest.last >= 0 && digest.last != WEBSOCKET_CLOSED)
		digest.last = 0;
	free(copy);
	return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct digest whole, pieces;

	if (size < 1)
		return 0;
	whole = decode(bytes + 1, size - 1, SIZE_MAX);
	pieces = decode(bytes + 1, size - 1, 1U + bytes[0] % 16);
	if (whole.sum != pieces.sum || whole.payload != pieces.payload ||
	    whole.pings != pieces.pings || whole.last != pieces.last ||
	    whole.status != pieces.status)
		abort();
	return 0;
}
