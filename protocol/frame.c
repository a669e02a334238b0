/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/frame.h"

#include "protocol/base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

const uint8_t sync_word[SYNC_WORD_SIZE] = {0xf7, 'L', 'o', 'd', 'g', 'e', 0xfa, 0xfd};

/* What each type may carry. */
static const struct {
	bool known, on_stream, channels, more;
	uint32_t min, max; /* payload */
} rule[] = {
	[FRAME_HELLO] = {true, false, false, false, 1, FRAME_MAX_HELLO},
	[FRAME_REQUEST] = {true, true, false, true, 1, FRAME_MAX_PAYLOAD},
	[FRAME_REPLY] = {true, true, false, true, 1, FRAME_MAX_PAYLOAD},
	[FRAME_ERROR] = {true, true, false, true, 1, FRAME_MAX_PAYLOAD},
	[FRAME_CANCEL] = {true, true, false, false, 0, 0},
	[FRAME_MESSAGE] = {true, true, false, true, 1, FRAME_MAX_PAYLOAD},
	[FRAME_DATA] = {true, true, true, true, 1, FRAME_MAX_PAYLOAD},
	[FRAME_END] = {true, true, true, false, 0, 0},
	[FRAME_CREDIT] = {true, true, true, false, 4, 4},
	[FRAME_EVENT] = {true, false, false, true, 1, FRAME_MAX_PAYLOAD},
	[FRAME_PING] = {true, false, false, true, 1, 8},
	[FRAME_PONG] = {true, false, false, true, 1, 8},
};

static bool header_is_valid(const struct frame_header *header)
{
	if (header->type >= ARRAY_SIZE(rule) || !rule[header->type].known)
		return false;
	if (rule[header->type].on_stream != (header->stream != 0))
		return false;
	if (header->channel >= (rule[header->type].channels ? FRAME_CHANNELS : 1))
		return false;
	if (header->flags & ~(rule[header->type].more ? FRAME_MORE : 0))
		return false;
	return header->length >= rule[header->type].min && header->length <= rule[header->type].max;
}

void frame_header_encode(const struct frame_header *header, uint8_t bytes[FRAME_HEADER_SIZE])
{
	assert(header_is_valid(header));
	bytes[0] = header->type;
	bytes[1] = header->flags;
	bytes[2] = header->channel;
	bytes[3] = 0;
	store_le32(bytes + 4, header->stream);
	store_le32(bytes + 8, header->length);
}

int frame_header_decode(const uint8_t bytes[FRAME_HEADER_SIZE], struct frame_header *header)
{
	struct frame_header decoded = {
		.type = bytes[0],
		.flags = bytes[1],
		.channel = bytes[2],
		.stream = load_le32(bytes + 4),
		.length = load_le32(bytes + 8),
	};

	if (bytes[3] != 0 || !header_is_valid(&decoded))
		return -EBADMSG;
	*header = decoded;
	return 0;
}

size_t frame_find_sync(const uint8_t *bytes, size_t length)
{
	const uint8_t *found = memmem(bytes, length, sync_word, SYNC_WORD_SIZE);

	return found ? (size_t)(found - bytes) : length;
}
