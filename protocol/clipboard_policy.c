/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/clipboard_policy.h"

#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"
#include "protocol/clipboard_text.h"
#include "protocol/display.h"

#include <errno.h>
#include <inttypes.h>
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

/* The next item of a list with commas, without its comma. false: there is none. */
static bool next_item(struct slice *rest, struct slice *item)
{
	const uint8_t *comma;

	if (!rest->bytes)
		return false;
	comma = rest->length ? memchr(rest->bytes, ',', rest->length) : NULL;
	*item = (struct slice){rest->bytes, comma ? (size_t)(comma - rest->bytes) : rest->length};
	*rest = comma ? (struct slice){comma + 1, rest->length - item->length - 1}
		      : (struct slice){NULL, 0};
	return true;
}

int clipboard_kinds_parse(struct slice words, unsigned int *kinds)
{
	unsigned int found = CLIPBOARD_OFF;
	struct slice word;

	if (slice_is(words, "off") || slice_is(words, "all")) {
		*kinds = slice_is(words, "off") ? CLIPBOARD_OFF : CLIPBOARD_ALL;
		return 0;
	}
	if (!words.bytes)
		return -EINVAL;
	while (next_item(&words, &word)) {
		const unsigned int kind = kind_named(word);

		if (kind == CLIPBOARD_OFF)
			return -EINVAL;
		found |= kind;
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

/* --- The whole ------------------------------------------------------------------------------ */

/* The item and those behind it that begin no other key. */
static void join_set(struct slice *rest, struct slice *set)
{
	struct slice item, ahead = *rest;

	while (next_item(&ahead, &item)) {
		if (item.length && memchr(item.bytes, '=', item.length))
			return;
		set->length = (size_t)(item.bytes - set->bytes) + item.length;
		*rest = ahead;
	}
}

static int take_max(struct slice value, size_t *max_bytes)
{
	char text[24];
	uint64_t size;

	if (value.length >= sizeof(text))
		return -EINVAL;
	memcpy(text, value.bytes, value.length);
	text[value.length] = '\0';
	if (parse_size(text, &size) < 0 || size == 0 || size > CLIPBOARD_MAX_BYTES)
		return -EINVAL;
	*max_bytes = (size_t)size;
	return 0;
}

static int take_item(struct slice key, struct slice value, struct clipboard_policy *policy)
{
	if (slice_is(key, "to-guest"))
		return clipboard_kinds_parse(value, &policy->to_guest);
	if (slice_is(key, "to-host"))
		return clipboard_kinds_parse(value, &policy->to_host);
	if (slice_is(key, "max"))
		return take_max(value, &policy->max_bytes);
	if (slice_is(key, "primary") && (slice_is(value, "on") || slice_is(value, "off"))) {
		policy->primary = slice_is(value, "on");
		return 0;
	}
	return -EINVAL;
}

static int take_short(struct slice word, struct clipboard_policy *policy)
{
	if (slice_is(word, "both"))
		return 0;
	if (slice_is(word, "to-guest") || slice_is(word, "to-host")) {
		policy->to_guest = slice_is(word, "to-guest") ? CLIPBOARD_ALL : CLIPBOARD_OFF;
		policy->to_host = slice_is(word, "to-host") ? CLIPBOARD_ALL : CLIPBOARD_OFF;
		return 0;
	}
	if (clipboard_kinds_parse(word, &policy->to_guest) < 0)
		return -EINVAL;
	policy->to_host = policy->to_guest;
	return 0;
}

int clipboard_policy_parse(const char *words, struct clipboard_policy *policy)
{
	struct slice rest = slice_of(words), item;
	struct clipboard_policy read = CLIPBOARD_POLICY_DEFAULT;
	bool first = true;

	while (next_item(&rest, &item)) {
		const uint8_t *equals = item.length ? memchr(item.bytes, '=', item.length) : NULL;
		int r;

		if (!equals && !first)
			return -EINVAL;
		join_set(&rest, &item);
		if (equals) {
			const size_t key = (size_t)(equals - item.bytes);

			r = take_item((struct slice){item.bytes, key},
				      (struct slice){equals + 1, item.length - key - 1}, &read);
		} else {
			r = take_short(item, &read);
		}
		if (r < 0)
			return r;
		first = false;
	}
	*policy = read;
	return 0;
}

const char *clipboard_policy_format(const struct clipboard_policy *policy,
				    char words[CLIPBOARD_POLICY_BYTES])
{
	char to_guest[CLIPBOARD_KINDS_BYTES], to_host[CLIPBOARD_KINDS_BYTES];

	snprintf(words, CLIPBOARD_POLICY_BYTES, "to-guest=%s,to-host=%s,max=%" PRIu64 ",primary=%s",
		 clipboard_kinds_format(policy->to_guest, to_guest),
		 clipboard_kinds_format(policy->to_host, to_host),
		 policy->max_bytes ? (uint64_t)policy->max_bytes : (uint64_t)CLIPBOARD_MAX_BYTES,
		 policy->primary ? "on" : "off");
	return words;
}

bool clipboard_policy_is_same(const struct clipboard_policy *one,
			      const struct clipboard_policy *other)
{
	char words[2][CLIPBOARD_POLICY_BYTES];

	return strcmp(clipboard_policy_format(one, words[0]),
		      clipboard_policy_format(other, words[1])) == 0;
}
