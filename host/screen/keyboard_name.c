/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keyboard_name - "ctrl-alt-delete" as people write it */
#include "host/screen/keyboard.h"
#include "protocol/base/bytes.h"
#include "protocol/base/utf8.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <strings.h>

#define MAX_NAME 16

struct named_key {
	const char *name;
	uint32_t code;
};

/* Where keys have several names, all are here. Letters are not: those are the layout's. */
static const struct named_key keys[] = {
	{"escape", KEY_ESC},
	{"esc", KEY_ESC},
	{"return", KEY_ENTER},
	{"enter", KEY_ENTER},
	{"ret", KEY_ENTER},
	{"tab", KEY_TAB},
	{"space", KEY_SPACE},
	{"spc", KEY_SPACE},
	{"backspace", KEY_BACKSPACE},
	{"delete", KEY_DELETE},
	{"del", KEY_DELETE},
	{"insert", KEY_INSERT},
	{"ins", KEY_INSERT},
	{"home", KEY_HOME},
	{"end", KEY_END},
	{"page_up", KEY_PAGEUP},
	{"pageup", KEY_PAGEUP},
	{"pgup", KEY_PAGEUP},
	{"page_down", KEY_PAGEDOWN},
	{"pagedown", KEY_PAGEDOWN},
	{"pgdn", KEY_PAGEDOWN},
	{"up", KEY_UP},
	{"down", KEY_DOWN},
	{"left", KEY_LEFT},
	{"right", KEY_RIGHT},
	{"caps_lock", KEY_CAPSLOCK},
	{"num_lock", KEY_NUMLOCK},
	{"scroll_lock", KEY_SCROLLLOCK},
	{"print", KEY_SYSRQ},
	{"sysrq", KEY_SYSRQ},
	{"pause", KEY_PAUSE},
	{"menu", KEY_COMPOSE},
	{"minus", KEY_MINUS},
	{"kp_0", KEY_KP0},
	{"kp_1", KEY_KP1},
	{"kp_2", KEY_KP2},
	{"kp_3", KEY_KP3},
	{"kp_4", KEY_KP4},
	{"kp_5", KEY_KP5},
	{"kp_6", KEY_KP6},
	{"kp_7", KEY_KP7},
	{"kp_8", KEY_KP8},
	{"kp_9", KEY_KP9},
	{"kp_enter", KEY_KPENTER},
	{"kp_add", KEY_KPPLUS},
	{"kp_subtract", KEY_KPMINUS},
	{"kp_multiply", KEY_KPASTERISK},
	{"kp_divide", KEY_KPSLASH},
	{"kp_decimal", KEY_KPDOT},
	{"volume_up", KEY_VOLUMEUP},
	{"volume_down", KEY_VOLUMEDOWN},
	{"mute", KEY_MUTE},
	{"power", KEY_POWER},
	{"sleep", KEY_SLEEP},
	{"f11", KEY_F11},
	{"f12", KEY_F12},
};

static const struct {
	const char *name;
	uint32_t modifier;
} modifiers[] = {
	{"ctrl", KEYBOARD_CTRL},   {"control", KEYBOARD_CTRL}, {"alt", KEYBOARD_ALT},
	{"shift", KEYBOARD_SHIFT}, {"altgr", KEYBOARD_ALTGR},  {"super", KEYBOARD_SUPER},
	{"meta", KEYBOARD_SUPER},  {"win", KEYBOARD_SUPER},
};

static bool is_name(const char *text, size_t length, const char *name)
{
	return strlen(name) == length && strncasecmp(text, name, length) == 0;
}

static uint32_t find_modifier(const char *text, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(modifiers); i++) {
		if (is_name(text, length, modifiers[i].name))
			return modifiers[i].modifier;
	}
	return 0;
}

/* f1 to f10 stand in a row, f13 to f24 in another. */
static uint32_t function_key(const char *text, size_t length)
{
	char name[MAX_NAME];

	for (uint32_t number = 1; number <= 24; number++) {
		snprintf(name, sizeof(name), "f%u", number);
		if (!is_name(text, length, name))
			continue;
		if (number <= 10)
			return KEY_F1 + number - 1;
		return number >= 13 ? KEY_F13 + number - 13 : 0;
	}
	return 0;
}

static int find_key(const struct keyboard *keyboard, const char *text, size_t length,
		    struct keyboard_chord *chord)
{
	struct keyboard_chord found[KEYBOARD_MAX_CHORDS];
	uint32_t character;

	if (length == 0)
		return -EINVAL;
	if (utf8_character((const uint8_t *)text, length, &character) == length) {
		if (keyboard_character(keyboard, character, found) != 1)
			return -EINVAL;
		chord->code = found[0].code;
		chord->modifiers |= found[0].modifiers;
		return 0;
	}
	chord->code = function_key(text, length);
	for (size_t i = 0; i < ARRAY_SIZE(keys) && chord->code == 0; i++) {
		if (is_name(text, length, keys[i].name))
			chord->code = keys[i].code;
	}
	return chord->code ? 0 : -EINVAL;
}

int keyboard_name(const struct keyboard *keyboard, const char *name, size_t length,
		  struct keyboard_chord *chord)
{
	*chord = (struct keyboard_chord){0};
	for (;;) {
		/* The hyphen that is last is a key itself: "ctrl--". */
		const char *hyphen = length > 1 ? memchr(name, '-', length - 1) : NULL;
		size_t part = hyphen ? (size_t)(hyphen - name) : length;
		uint32_t modifier = find_modifier(name, part);

		if (!hyphen && modifier) {
			chord->code = keyboard_modifier(keyboard, modifier);
			return 0;
		}
		if (!hyphen)
			return find_key(keyboard, name, length, chord);
		if (modifier == 0)
			return -EINVAL;
		chord->modifiers |= modifier;
		name += part + 1;
		length -= part + 1;
	}
}
