/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/clipboard_text.h"

#include "protocol/base/bytes.h"
#include "protocol/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

static bool same_text(struct slice slice, const char *text)
{
	return slice.length == strlen(text) &&
	       strncasecmp((const char *)slice.bytes, text, slice.length) == 0;
}

enum text_form clipboard_text_form(struct slice type)
{
	static const struct {
		const char *type;
		enum text_form form;
	} known[] = {
		{CLIPBOARD_TEXT, TEXT_UTF8},
		{"text/plain; charset=utf-8", TEXT_UTF8},
		{"text/plain;charset=utf8", TEXT_UTF8},
		{"text/plain;charset=us-ascii", TEXT_UTF8},
		{"text/plain;charset=iso-8859-1", TEXT_LATIN1},
		{"text/plain", TEXT_ANY},
	};

	/* Names of X11 are atoms: their case counts. */
	if (slice_is(type, "UTF8_STRING"))
		return TEXT_UTF8;
	if (slice_is(type, "STRING"))
		return TEXT_LATIN1;
	if (slice_is(type, "TEXT"))
		return TEXT_ANY;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (same_text(type, known[i].type))
			return known[i].form;
	}
	return TEXT_NONE;
}

bool clipboard_type_passes(struct slice type)
{
	bool slash = false;

	if (type.length == 0 || type.length > CLIPBOARD_TYPE_MAX || type.bytes[0] == '/' ||
	    clipboard_text_form(type) != TEXT_NONE)
		return false;
	for (size_t i = 0; i < type.length; i++) {
		if (type.bytes[i] < ' ' || type.bytes[i] > '~')
			return false;
		slash |= type.bytes[i] == '/';
	}
	return slash;
}

static bool valid_utf8(struct slice text)
{
	size_t taken;
	uint32_t character;

	for (size_t at = 0; at < text.length; at += taken) {
		taken = utf8_character(text.bytes + at, text.length - at, &character);
		if (!taken)
			return false;
	}
	return true;
}

/* One character of @form at the start of @text, as UTF-8 in @out. Return: the bytes it takes. */
static size_t convert(enum text_form form, struct slice text, uint8_t out[4], size_t *out_length)
{
	static const uint8_t replacement[] = {0xef, 0xbf, 0xbd}; /* U+FFFD */
	uint32_t character;
	size_t taken = 1;

	if (text.bytes[0] < 0x80) {
		out[0] = text.bytes[0];
		*out_length = 1;
	} else if (form == TEXT_LATIN1) {
		out[0] = (uint8_t)(0xc0 | text.bytes[0] >> 6);
		out[1] = (uint8_t)(0x80 | (text.bytes[0] & 0x3f));
		*out_length = 2;
	} else {
		taken = utf8_character(text.bytes, text.length, &character);
		*out_length = taken ? taken : sizeof(replacement);
		memcpy(out, taken ? text.bytes : replacement, *out_length);
		taken = taken ? taken : 1;
	}
	return taken;
}

int clipboard_text_normalise(enum text_form form, struct slice text, uint8_t **result,
			     size_t *length)
{
	size_t at = 0, filled = 0, most;
	uint8_t *bytes, *fitted;

	if (multiply_overflows(text.length, 3, &most) || add_overflows(most, 1, &most))
		return -ENOMEM;
	bytes = malloc(most);
	if (!bytes)
		return -ENOMEM;
	if (form == TEXT_ANY)
		form = valid_utf8(text) ? TEXT_UTF8 : TEXT_LATIN1;
	while (at < text.length) {
		const struct slice rest = {text.bytes + at, text.length - at};
		size_t out_length;

		if (rest.bytes[0] == '\r') {
			bytes[filled++] = '\n';
			at += rest.length > 1 && rest.bytes[1] == '\n' ? 2 : 1;
		} else if (rest.bytes[0] == '\0') {
			at++;
		} else {
			at += convert(form, rest, bytes + filled, &out_length);
			filled += out_length;
		}
	}
	fitted = realloc(bytes, filled + 1);
	*result = fitted ? fitted : bytes;
	*length = filled;
	return 0;
}

int clipboard_text_to_latin1(struct slice text, uint8_t **result, size_t *length)
{
	uint8_t *bytes = malloc(text.length + 1);
	size_t filled = 0, taken;

	if (!bytes)
		return -ENOMEM;
	for (size_t at = 0; at < text.length; at += taken) {
		uint32_t character = '?';

		taken = utf8_character(text.bytes + at, text.length - at, &character);
		bytes[filled++] = character <= 0xff ? (uint8_t)character : '?';
		taken = taken ? taken : 1;
	}
	*result = bytes;
	*length = filled;
	return 0;
}

int clipboard_text_to_crlf(struct slice text, uint8_t **result, size_t *length)
{
	size_t lines = 0, filled = 0, most;
	uint8_t *bytes;

	for (size_t i = 0; i < text.length; i++)
		lines += text.bytes[i] == '\n';
	if (add_overflows(text.length, lines, &most) || add_overflows(most, 1, &most))
		return -ENOMEM;
	bytes = malloc(most);
	if (!bytes)
		return -ENOMEM;
	for (size_t i = 0; i < text.length; i++) {
		if (text.bytes[i] == '\n')
			bytes[filled++] = '\r';
		bytes[filled++] = text.bytes[i];
	}
	bytes[filled] = '\0';
	*result = bytes;
	*length = filled;
	return 0;
}
