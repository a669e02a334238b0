/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/parts.h"
#include "protocol/base/bytes.h"

static const char *const names[] = {
	"os", "time", "users", "network", "disks", "filesystems", "memory", "load", "agent",
};

int parts_parse(struct slice what, unsigned int *parts)
{
	struct cbor_reader reader = CBOR_READER(what);
	uint64_t count;

	*parts = PART_ALL;
	if (what.length == 0)
		return 0;
	count = cbor_get_array(&reader);
	if (count > 0)
		*parts = 0;
	for (uint64_t i = 0; i < count && !reader.error; i++) {
		const struct slice name = cbor_get_text(&reader);

		for (unsigned int part = 0; part < ARRAY_SIZE(names); part++) {
			if (slice_is(name, names[part]))
				*parts |= 1U << part;
		}
	}
	return cbor_finish(&reader);
}

void parts_put(unsigned int parts, struct cbor_writer *writer)
{
	cbor_put_array(writer, (uint64_t)__builtin_popcount(parts & PART_ALL));
	for (unsigned int part = 0; part < ARRAY_SIZE(names); part++) {
		if (parts & (1U << part))
			cbor_put_text(writer, slice_of(names[part]));
	}
}
