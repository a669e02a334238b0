/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/clipboard_policy.h"

#include "protocol/base/bytes.h"
#include "protocol/clipboard_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *word;
	unsigned int kind;
} kinds_known[] = {
	{"text", CLIPBOARD_TEXT_ONLY},
	{"images", CLIPBOARD_IMAGES},
	{"files", CLIPBOARD_FILES},
};

/* How desktops name files that were copied. */
static const char *const file_types[] = {
	"text/uri-list",
	"x-special/gnome-copied-files",
	"x-special/mate-copied-files",
	"application/x-kde-cutselection",
	"application/vnd.portal.files",
	"application/vnd.portal.filetransfer",
};

enum clipboard_kind clipboard_kind_of(const char *type)
{
	if (clipboard_text_form(slice_of(type)) != TEXT_NONE)
		return CLIPBOARD_TEXT_ONLY;
	if (strncmp(type, "image/", 6) == 0)
		return CLIPBOARD_IMAGES;
	for (size_t i = 0; i < ARRAY_SIZE(file_types); i++) {
		if (strcmp(type, file_types[i]) == 0)
			return CLIPBOARD_FILES;
	}
	return CLIPBOARD_OTHER;
}

static unsigned int kind_named(struct slice word)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds_known); i++) {
		if (slice_is(word, kinds_known[i].word))
			return kinds_known[i].kind;
	}
	return CLIPBOARD_OFF;
}

int clipboard_kinds_parse(struct slice words, unsigned int *kinds)
{
	unsigned int found = CLIPBOARD_OFF;

	if (slice_is(words, "off") || slice_is(words, "all")) {
		*kinds = slice_is(words, "off") ? CLIPBOARD_OFF : CLIPBOARD_ALL;
		return 0;
	}
	for (;;) {
		const uint8_t *comma = words.length ? memchr(words.bytes, ',', words.length) : NULL;
		const size_t length = comma ? (size_t)(comma - words.bytes) : words.length;
		const unsigned int kind = kind_named((struct slice){words.bytes, length});

		if (kind == CLIPBOARD_OFF)
			return -EINVAL;
		found |= kind;
		if (!comma)
			break;
		words.bytes += length + 1;
		words.length -= length + 1;
	}
	*kinds = found;
	return 0;
}

const char *clipboard_kinds_format(unsigned int kinds, char words[CLIPBOARD_KINDS_BYTES])
{
	size_t length = 0;

	if (kinds == CLIPBOARD_ALL)
		return strcpy(words, "all");
	strcpy(words, "off");
	for (size_t i = 0; i < ARRAY_SIZE(kinds_known); i++) {
		if (kinds & kinds_known[i].kind)
			length += (size_t)snprintf(words + length, CLIPBOARD_KINDS_BYTES - length,
						   "%s%s", length ? "," : "", kinds_known[i].word);
	}
	return words;
}
