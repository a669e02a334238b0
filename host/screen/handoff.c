/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/handoff.h"

#include "protocol/base/bytes.h"
#include "protocol/base/utf8.h"

#include <errno.h>

/* Which keys a kind knows, as bits; and how the kind is called. */
enum {
	KEY_ID = 1,
	KEY_VIEW_ONLY = 2,
	KEY_PASSWORD = 4,
	KEY_TOKEN = 8,
	KEY_TLS = 16,
	KEY_PEER = 32,
};

static const struct {
	const char *name;
	unsigned int keys;
} kinds[] = {
	[HANDOFF_AGENT] = {"agent", 0},
	[HANDOFF_QEMU] = {"qemu", 0},
	[HANDOFF_VNC] = {"vnc", 0},
	[HANDOFF_PICTURES] = {"pictures", 0},
	[HANDOFF_SPICE] = {"spice", 0},
	[HANDOFF_VNC_CLIENT] = {"vnc-client", KEY_VIEW_ONLY | KEY_PASSWORD | KEY_TLS | KEY_PEER},
	[HANDOFF_VNC_LISTENER] = {"vnc-listener", KEY_VIEW_ONLY | KEY_PASSWORD | KEY_TLS | KEY_ID},
	[HANDOFF_WEB_LISTENER] = {"web-listener", KEY_VIEW_ONLY | KEY_TOKEN | KEY_TLS | KEY_ID},
	[HANDOFF_DBUS_CLIENT] = {"dbus-client", KEY_VIEW_ONLY | KEY_PEER},
	[HANDOFF_CLOSE] = {"close", KEY_ID},
	[HANDOFF_WATCH] = {"watch", 0},
};

static const struct {
	const char *name;
	unsigned int key;
} keys[] = {
	{"id", KEY_ID},
	{"view_only", KEY_VIEW_ONLY},
	{"password", KEY_PASSWORD},
	{"token", KEY_TOKEN},
	{"tls", KEY_TLS},
	{"peer", KEY_PEER},
};

struct part {
	const char *text;
	size_t length;
};

static bool part_is(struct part part, const char *text)
{
	return part.length == strlen(text) && memcmp(part.text, text, part.length) == 0;
}

static bool is_text(struct part value)
{
	for (size_t at = 0; at < value.length;) {
		uint32_t character;
		size_t length = utf8_character((const uint8_t *)value.text + at, value.length - at,
					       &character);

		if (length == 0 || character < ' ' || (character >= 0x7f && character < 0xa0))
			return false;
		at += length;
	}
	return true;
}

static int copy(struct part value, char *to, size_t capacity)
{
	if (value.length == 0 || value.length >= capacity)
		return -EINVAL;
	memcpy(to, value.text, value.length);
	to[value.length] = '\0';
	return 0;
}

static int take_flag(struct part value, bool *flag)
{
	*flag = part_is(value, "1");
	return *flag || part_is(value, "0") ? 0 : -EINVAL;
}

static int take_tls(struct part value, enum handoff_tls *tls)
{
	static const char *const names[] = {[HANDOFF_TLS_NO] = "no",
					    [HANDOFF_TLS_OPTIONAL] = "optional",
					    [HANDOFF_TLS_REQUIRED] = "required"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (part_is(value, names[i])) {
			*tls = (enum handoff_tls)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int take_value(struct handoff *handoff, unsigned int key, struct part value)
{
	switch (key) {
	case KEY_ID:
		return copy(value, handoff->id, sizeof(handoff->id));
	case KEY_VIEW_ONLY:
		return take_flag(value, &handoff->view_only);
	case KEY_PASSWORD:
		return copy(value, handoff->password, sizeof(handoff->password));
	case KEY_TOKEN:
		return copy(value, handoff->token, sizeof(handoff->token));
	case KEY_TLS:
		return take_tls(value, &handoff->tls);
	default:
		return copy(value, handoff->peer, sizeof(handoff->peer));
	}
}

static int take_kind(struct handoff *handoff, struct part value)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (part_is(value, kinds[i].name)) {
			handoff->kind = (enum handoff_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

static unsigned int find_key(struct part name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (part_is(name, keys[i].name))
			return keys[i].key;
	}
	return 0;
}

/* The next line without its newline. false: there is no newline any more. */
static bool next_line(struct part *rest, struct part *name, struct part *value)
{
	const char *newline = memchr(rest->text, '\n', rest->length), *equals;
	size_t length;

	if (!newline)
		return false;
	length = (size_t)(newline - rest->text);
	equals = memchr(rest->text, '=', length);
	*name = (struct part){rest->text, equals ? (size_t)(equals - rest->text) : length};
	*value = equals ? (struct part){equals + 1, length - name->length - 1}
			: (struct part){newline, 0};
	rest->text += length + 1;
	rest->length -= length + 1;
	return true;
}

static const char *missing(const struct handoff *handoff, unsigned int seen)
{
	if (handoff->kind == HANDOFF_WEB_LISTENER && !(seen & KEY_TOKEN))
		return "web-listener needs a token";
	if (handoff->kind == HANDOFF_CLOSE && !(seen & KEY_ID))
		return "close needs an id";
	return NULL;
}

int handoff_parse(const char *text, size_t length, struct handoff *handoff, const char **why)
{
	struct part rest = {text, length}, name, value;
	unsigned int seen = 0, key;

	*handoff = (struct handoff){0};
	*why = "the first line is not kind=, or of no kind that is known";
	if (length > HANDOFF_MAX_PACKET || !next_line(&rest, &name, &value) ||
	    !part_is(name, "kind") || take_kind(handoff, value) < 0)
		return -EINVAL;
	while (rest.length > 0) {
		*why = "a line is not key=value";
		if (!next_line(&rest, &name, &value))
			return -EINVAL;
		key = find_key(name);
		*why = "there is a key that this kind does not know, or twice";
		if (!(kinds[handoff->kind].keys & key) || seen & key)
			return -EINVAL;
		seen |= key;
		*why = "a value is malformed, too long or empty";
		if (!is_text(value) || take_value(handoff, key, value) < 0)
			return -EINVAL;
	}
	*why = missing(handoff, seen);
	return *why ? -EINVAL : 0;
}
