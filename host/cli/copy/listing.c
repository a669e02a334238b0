/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/copy/listing.h"
#include "host/cli/copy/host_tree.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <string.h>

/* Takes one entry off the front of what is there. Return: 1; 0 if none is whole; or an error. */
static int take_entry(struct listing *listing, size_t *at)
{
	struct slice rest = {listing->bytes + *at, listing->length - *at};
	struct cbor_reader reader = CBOR_READER(rest);
	struct slice map;
	struct file_stat stat;
	int error;

	/* An entry begins with a map; what is not one does not become one by waiting. */
	if (rest.length > 0 && cbor_peek(&reader) != CBOR_MAP)
		return -EBADMSG;
	map = cbor_get_raw(&reader);
	if (reader.error || map.length == 0)
		return 0;
	if (message_decode(&message_file_stat, map, &stat) < 0)
		return -EBADMSG;
	if (!host_tree_name_is_valid((const char *)stat.name.bytes, stat.name.length))
		return -EBADMSG;
	*at += map.length;
	error = listing->entry(listing->owner, &stat);
	return error ? error : 1;
}

static int take_entries(struct listing *listing)
{
	size_t at = 0;
	int taken;

	do
		taken = take_entry(listing, &at);
	while (taken > 0);
	memmove(listing->bytes, listing->bytes + at, listing->length - at);
	listing->length -= at;
	return taken;
}

int listing_feed(struct listing *listing, struct slice bytes)
{
	while (bytes.length > 0) {
		size_t room = sizeof(listing->bytes) - listing->length;
		size_t count = MIN(room, bytes.length);
		int error;

		/* Full, and still not one whole entry. */
		if (room == 0)
			return -EBADMSG;
		memcpy(listing->bytes + listing->length, bytes.bytes, count);
		listing->length += count;
		bytes.bytes += count;
		bytes.length -= count;
		error = take_entries(listing);
		if (error)
			return error;
	}
	return 0;
}

int listing_finish(const struct listing *listing)
{
	return listing->length > 0 ? -EBADMSG : 0;
}
