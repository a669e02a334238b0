/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: protocol base
/*
 * Any bytes as CBOR, read twice: skipped item by item, and copied value by value, the copy of which
 * must be read as the same. What one way of reading takes, the other must take.
 */
#include "protocol/cbor.h"

#include <stdlib.h>
#include <string.h>

/* Copies the next item; false where the reader fails. */
static bool copy_item(struct cbor_reader *reader, struct cbor_writer *writer, unsigned int depth)
{
	uint64_t items = 0;

	switch (cbor_peek(reader)) {
	case CBOR_UINT:
		cbor_put_uint(writer, cbor_get_uint(reader));
		break;
	case CBOR_NEGATIVE:
		cbor_put_int(writer, cbor_get_int(reader));
		break;
	case CBOR_BYTES:
		cbor_put_bytes(writer, cbor_get_bytes(reader));
		break;
	case CBOR_TEXT:
		cbor_put_text(writer, cbor_get_text(reader));
		break;
	case CBOR_ARRAY:
		items = cbor_get_array(reader);
		cbor_put_array(writer, items);
		break;
	case CBOR_MAP:
		items = cbor_get_map(reader);
		cbor_put_map(writer, items);
		items *= 2;
		break;
	case CBOR_BOOL:
		cbor_put_bool(writer, cbor_get_bool(reader));
		break;
	case CBOR_NULL:
		cbor_put_null(writer);
		cbor_skip(reader);
		break;
	case CBOR_NOTHING:
		return false;
	}
	if (items > 0 && depth + 1 >= CBOR_MAX_DEPTH)
		return false;
	for (; items > 0; items--) {
		if (!copy_item(reader, writer, depth + 1))
			return false;
	}
	return !reader->error;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static uint8_t first[1 << 16], second[1 << 16];
	struct slice input = {bytes, length};
	struct cbor_reader skipping = CBOR_READER(input), copying = CBOR_READER(input);

	if (length > sizeof(first))
		return 0;
	while (skipping.at < length && !skipping.error) {
		struct cbor_writer copy = CBOR_WRITER(first), again = CBOR_WRITER(second);
		struct cbor_reader reader;

		cbor_skip(&skipping);
		if (copy_item(&copying, &copy, 0) != !skipping.error)
			abort();
		if (skipping.error)
			break;
		if (skipping.at != copying.at || copy.overflow)
			abort();
		reader = CBOR_READER(cbor_written(&copy));
		if (!copy_item(&reader, &again, 0) || cbor_finish(&reader) < 0 ||
		    again.length != copy.length || memcmp(first, second, copy.length) != 0)
			abort();
	}
	return 0;
}
