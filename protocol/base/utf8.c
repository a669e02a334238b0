/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/utf8.h"

size_t utf8_character(const uint8_t *bytes, size_t length, uint32_t *character)
{
	/* The smallest code point of a sequence of so many bytes: fewer would do for less. */
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = bytes[0] < 0x80		  ? 1
		      : (bytes[0] & 0xe0) == 0xc0 ? 2
		      : (bytes[0] & 0xf0) == 0xe0 ? 3
		      : (bytes[0] & 0xf8) == 0xf0 ? 4
						  : 0;
	uint32_t value;

	if (size == 0 || size > length)
		return 0;
	value = size == 1 ? bytes[0] : bytes[0] & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (bytes[i] & 0x3fU);
	}
	if (value < smallest[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*character = value;
	return size;
}
