/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/http/json.h"

#include "protocol/base/bytes.h"
#include "protocol/base/utf8.h"

#include <stdio.h>

void json_put(struct slice text, char *json, size_t size)
{
	size_t at = 0, out = 0;

	while (at < text.length && out + 7 < size) {
		uint32_t character = 0;
		size_t taken = utf8_character(text.bytes + at, text.length - at, &character);

		if (taken == 0)
			json[out++] = '?';
		else if (character < ' ' || character == '"' || character == '\\' ||
			 character == 0x7f)
			out += (size_t)snprintf(json + out, size - out, "\\u%04x", character);
		else
			for (size_t i = 0; i < taken; i++)
				json[out++] = (char)text.bytes[at + i];
		at += MAX(taken, 1U);
	}
	json[out] = '\0';
}
