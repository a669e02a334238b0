/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: fsrelay fsd fsserver virtqueue sandbox arguments pump protocol base
/*
 * What a relay answers in a hostile server's place: any requests of a kernel, any replies and
 * messages ahead. What is answered fits what was asked, and nothing is after it was doubted.
 */
#include "protocol/base/bytes.h"
#include "protocol/cbor.h"
#include "shared-folders/relay/known.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM (sizeof(struct fuse_out_header) + sizeof(struct fuse_entry_out))

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static size_t answer(const struct known *known, const uint8_t *request, size_t length, uint64_t now)
{
	struct fuse_out_header header;
	struct fuse_in_header asked;
	uint8_t *reply = malloc(ROOM);
	size_t size;

	if (!reply)
		return 0;
	size = known_answer(known, request, length, now, reply);
	expect(size == 0 || (size >= sizeof(header) && size <= ROOM && length >= sizeof(asked)));
	if (size > 0) {
		memcpy(&header, reply, sizeof(header));
		memcpy(&asked, request, sizeof(asked));
		expect(header.len == size && header.unique == asked.unique);
		expect(header.error == 0 || header.error == -ENODATA);
	}
	free(reply);
	return size;
}

/* A piece of the input, in memory of its own, so that who reads behind it is seen. */
static uint8_t *take(struct slice *rest, size_t wanted, size_t *length)
{
	const size_t size = MIN(wanted, rest->length);
	uint8_t *copy = malloc(size ? size : 1);

	if (copy && size > 0)
		memcpy(copy, rest->bytes, size);
	rest->bytes += size;
	rest->length -= size;
	*length = size;
	return copy;
}

static void carry_out(struct known *known, uint8_t what, struct slice *rest, uint64_t *now)
{
	size_t length, reply_length;
	uint8_t *request = take(rest, 64, &length), *reply;
	struct fuse_ahead ahead = {0};
	uint64_t turn;

	if (!request)
		return;
	switch (what % 6) {
	case 0:
		turn = known_asked(known, request, length, what >> 7);
		reply = take(rest, ROOM, &reply_length);
		if (reply)
			known_replied(known, request, length, turn, reply, reply_length, *now);
		free(reply);
		break;
	case 1:
		memcpy(&ahead, request, MIN(length, sizeof(ahead)));
		known_told(known, &ahead, *now);
		break;
	case 2:
		answer(known, request, length, *now);
		break;
	case 3:
		known_doubt(known);
		answer(known, request, length, *now);
		break;
	case 4:
		known_forget(known);
		expect(answer(known, request, length, *now) == 0);
		break;
	default:
		*now += what;
	}
	free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct slice rest = {bytes, length};
	static struct known known;
	uint64_t now = 1;

	memset(&known, 0, sizeof(known));
	while (rest.length > 0) {
		const uint8_t what = rest.bytes[0];

		rest.bytes++;
		rest.length--;
		carry_out(&known, what, &rest, &now);
	}
	return 0;
}
