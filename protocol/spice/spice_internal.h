/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spice_internal - what the files of the dialect's messages share */
#ifndef LODGE_PROTOCOL_SPICE_INTERNAL_H
#define LODGE_PROTOCOL_SPICE_INTERNAL_H

#include "protocol/spice/spice.h"

/* Takes @length bytes in front; NULL: there are fewer. */
static inline const uint8_t *spice_take(struct slice *payload, size_t length)
{
	const uint8_t *bytes = payload->bytes;

	if (payload->length < length)
		return NULL;
	payload->bytes += length;
	payload->length -= length;
	return bytes;
}

#endif
