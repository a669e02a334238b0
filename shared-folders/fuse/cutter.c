/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fuse/cutter.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Return: how many bytes of @bytes went to @to, which has room for @room. */
static size_t move(uint8_t *to, size_t room, struct slice *bytes)
{
	const size_t length = MIN(room, bytes->length);

	if (length > 0)
		memcpy(to, bytes->bytes, length);
	bytes->bytes += length;
	bytes->length -= length;
	return length;
}

static int begin(struct cutter *cutter)
{
	const size_t length = load_le32(cutter->length);

	if (length < cutter->min || length > cutter->max)
		return -EPROTO;
	cutter->message = malloc(length);
	if (!cutter->message)
		return -ENOMEM;
	memcpy(cutter->message, cutter->length, sizeof(cutter->length));
	cutter->expected = length;
	return 0;
}

int cutter_take(struct cutter *cutter, struct slice *bytes, uint8_t **message, size_t *length)
{
	if (!cutter->message) {
		int error;

		cutter->have += move(cutter->length + cutter->have,
				     sizeof(cutter->length) - cutter->have, bytes);
		if (cutter->have < sizeof(cutter->length))
			return 0;
		error = begin(cutter);
		if (error)
			return error;
	}
	cutter->have +=
		move(cutter->message + cutter->have, cutter->expected - cutter->have, bytes);
	if (cutter->have < cutter->expected)
		return 0;
	*message = take_ptr(cutter->message);
	*length = cutter->expected;
	cutter_clear(cutter);
	return 1;
}

void cutter_clear(struct cutter *cutter)
{
	free(cutter->message);
	cutter->message = NULL;
	cutter->expected = 0;
	cutter->have = 0;
}
