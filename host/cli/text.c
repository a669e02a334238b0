/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The character at @bytes (RFC 3629). Return: its length in bytes; 0 if it is none. */
static size_t character_at(const uint8_t *bytes, size_t length, uint32_t *character)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = bytes[0] < 0x80	      ? 1
		      : bytes[0] >> 5 == 0x06 ? 2
		      : bytes[0] >> 4 == 0x0e ? 3
		      : bytes[0] >> 3 == 0x1e ? 4
					      : 0;
	uint32_t value;

	if (size == 0 || size > length)
		return 0;
	value = size == 1 ? bytes[0] : bytes[0] & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		if (bytes[i] >> 6 != 2)
			return 0;
		value = value << 6 | (bytes[i] & 0x3fU);
	}
	if (value < smallest[size] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	*character = value;
	return size;
}

static bool is_harmless(uint32_t character)
{
	if (character < 0x20 || (character >= 0x7f && character < 0xa0))
		return false;
	/* Line and paragraph separators, and what changes direction. */
	if (character == 0x200e || character == 0x200f || character == 0x061c)
		return false;
	if ((character >= 0x2028 && character <= 0x202e) ||
	    (character >= 0x2066 && character <= 0x2069))
		return false;
	return true;
}

char *text_clean_into(struct slice text, char *clean, size_t capacity)
{
	size_t at = 0, used = 0;

	while (at < text.length) {
		uint32_t character = 0;
		size_t size = character_at(text.bytes + at, text.length - at, &character);
		bool keep = size > 0 && is_harmless(character);
		size_t out = keep ? size : 1;

		if (out >= capacity - used)
			break;
		if (keep)
			memcpy(clean + used, text.bytes + at, size);
		else
			clean[used] = '?';
		used += out;
		at += size > 0 ? size : 1;
	}
	clean[used] = '\0';
	return clean;
}

char *text_clean(struct slice text)
{
	char *clean = malloc(text.length + 1);

	return clean ? text_clean_into(text, clean, text.length + 1) : NULL;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((uint8_t)*text & 0xc0) != 0x80;
	return width;
}
