/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A layout is compiled once by libxkbcommon and turned round: for each keysym the key and the
 * modifiers that make it, sorted, the simplest way first.
 */
#include "host/screen/keyboard.h"

#include "host/screen/keyboard_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <linux/input-event-codes.h>
#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

#define XKB_OFFSET   8 /* X counts keys from there */
#define MAX_MASKS    8
#define FAKE_LEVEL_3 84 /* <LVL3> of xkeyboard-config: no keyboard has it */

struct entry {
	xkb_keysym_t keysym;
	struct keyboard_chord chord;
};

struct keyboard {
	char layout[KEYBOARD_MAX_LAYOUT + 1];
	size_t count;
	uint32_t altgr; /* 0: the layout has none */
	struct entry entry[];
};

/* --- Turning a layout round ------------------------------------------------------------------- */

/* What a mask of xkb's means in ours; false: it takes a modifier that we do not press. The keypad's
 * keys are the same keys whatever Num Lock makes of them. */
static bool modifiers_of(struct xkb_keymap *keymap, xkb_mod_mask_t mask, uint32_t *modifiers)
{
	static const struct {
		const char *name;
		uint32_t modifier;
	} known[] = {
		{XKB_MOD_NAME_SHIFT, KEYBOARD_SHIFT},
		{"Mod5", KEYBOARD_ALTGR},
		{XKB_MOD_NAME_NUM, 0},
	};

	*modifiers = 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		xkb_mod_index_t index = xkb_keymap_mod_get_index(keymap, known[i].name);

		if (index == XKB_MOD_INVALID || !(mask & 1U << index))
			continue;
		*modifiers |= known[i].modifier;
		mask &= ~(1U << index);
	}
	return mask == 0;
}

static bool best_modifiers(struct xkb_keymap *keymap, xkb_keycode_t key, xkb_level_index_t level,
			   uint32_t *modifiers)
{
	xkb_mod_mask_t masks[MAX_MASKS];
	size_t count = xkb_keymap_key_get_mods_for_level(keymap, key, 0, level, masks, MAX_MASKS);
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		uint32_t these;

		if (!modifiers_of(keymap, masks[i], &these))
			continue;
		if (!found || __builtin_popcount(these) < __builtin_popcount(*modifiers))
			*modifiers = these;
		found = true;
	}
	return found;
}

struct turning {
	struct xkb_keymap *keymap;
	struct entry *entry; /* NULL: only count */
	size_t count;
};

static void turn_key(struct xkb_keymap *keymap, xkb_keycode_t key, void *data)
{
	struct turning *turning = data;
	xkb_level_index_t levels = xkb_keymap_num_levels_for_key(keymap, key, 0);

	if (key <= XKB_OFFSET || key == XKB_OFFSET + FAKE_LEVEL_3 || key - XKB_OFFSET >= KEY_CNT)
		return;
	for (xkb_level_index_t level = 0; level < levels; level++) {
		struct keyboard_chord chord = {.code = key - XKB_OFFSET};
		const xkb_keysym_t *keysyms;

		if (xkb_keymap_key_get_syms_by_level(keymap, key, 0, level, &keysyms) != 1 ||
		    !best_modifiers(keymap, key, level, &chord.modifiers))
			continue;
		if (turning->entry)
			turning->entry[turning->count] = (struct entry){keysyms[0], chord};
		turning->count++;
	}
}

/* How far the fingers go. The key beside the left shift is not on every keyboard; next to none has
 * keys of their own for parentheses and currencies, which layouts have all the same. */
static int effort(const struct keyboard_chord *chord)
{
	bool is_rare = chord->code == KEY_102ND || chord->code > KEY_COMPOSE;

	return __builtin_popcount(chord->modifiers) + (is_rare ? 8 : 0);
}

static int compare(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	int difference = effort(&left->chord) - effort(&right->chord);

	if (left->keysym != right->keysym)
		return left->keysym < right->keysym ? -1 : 1;
	if (difference != 0)
		return difference;
	return (left->chord.code > right->chord.code) - (left->chord.code < right->chord.code);
}

/* "fr(oss)" as layout and variant. */
static int split(char *name, const char **variant)
{
	size_t length = strlen(name);
	char *open = strchr(name, '(');

	for (const char *at = name; *at; at++) {
		bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
				(*at >= '0' && *at <= '9') || *at == '_' || *at == '-';

		if (!is_plain && at != open && !(open && *at == ')' && at == name + length - 1))
			return -EINVAL;
	}
	*variant = "";
	if (!open)
		return 0;
	if (open == name || name[length - 1] != ')')
		return -EINVAL;
	name[length - 1] = '\0';
	*open = '\0';
	*variant = open + 1;
	return 0;
}

static int turn(struct xkb_keymap *keymap, struct keyboard **keyboard)
{
	struct turning turning = {.keymap = keymap};
	struct keyboard *made;

	xkb_keymap_key_for_each(keymap, turn_key, &turning);
	made = calloc(1, sizeof(*made) + turning.count * sizeof(made->entry[0]));
	if (!made)
		return -ENOMEM;
	turning = (struct turning){.keymap = keymap, .entry = made->entry};
	xkb_keymap_key_for_each(keymap, turn_key, &turning);
	made->count = turning.count;
	qsort(made->entry, made->count, sizeof(made->entry[0]), compare);
	*keyboard = made;
	return 0;
}

static void find_altgr(struct keyboard *keyboard)
{
	for (size_t i = 0; i < keyboard->count; i++) {
		const struct entry *entry = &keyboard->entry[i];

		if (entry->keysym == XKB_KEY_ISO_Level3_Shift && entry->chord.modifiers == 0 &&
		    (keyboard->altgr == 0 || entry->chord.code == KEY_RIGHTALT))
			keyboard->altgr = entry->chord.code;
	}
}

static void say_nothing(struct xkb_context *context, enum xkb_log_level level, const char *format,
			va_list arguments)
{
	(void)context, (void)level, (void)format, (void)arguments;
}

int keyboard_new(const char *layout, struct keyboard **keyboard)
{
	char name[KEYBOARD_MAX_LAYOUT + 1];
	struct xkb_rule_names names = {
		.rules = "evdev", .model = "pc105", .layout = name, .options = ""};
	struct xkb_context *context;
	struct xkb_keymap *keymap;
	int result;

	if (layout[0] == '\0')
		layout = KEYBOARD_LAYOUT_DEFAULT;
	if (strlen(layout) > KEYBOARD_MAX_LAYOUT)
		return -EINVAL;
	strcpy(name, layout);
	result = split(name, &names.variant);
	if (result < 0)
		return result;
	context =
		xkb_context_new(XKB_CONTEXT_NO_DEFAULT_INCLUDES | XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
	if (!context)
		return -ENOMEM;
	xkb_context_set_log_fn(context, say_nothing);
	keymap = xkb_context_include_path_append_default(context)
			 ? xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS)
			 : NULL;
	result = keymap ? turn(keymap, keyboard) : -ENOENT;
	xkb_keymap_unref(keymap);
	xkb_context_unref(context);
	if (result < 0)
		return result;
	strcpy((*keyboard)->layout, layout);
	find_altgr(*keyboard);
	return 0;
}

void keyboard_free(struct keyboard *keyboard)
{
	free(keyboard);
}

const char *keyboard_layout(const struct keyboard *keyboard)
{
	return keyboard->layout;
}

/* --- Looking up ------------------------------------------------------------------------------- */

static bool reachable(const struct keyboard *keyboard, const struct entry *entry)
{
	return !(entry->chord.modifiers & KEYBOARD_ALTGR) || keyboard->altgr != 0;
}

static int find_exactly(const struct keyboard *keyboard, xkb_keysym_t keysym,
			struct keyboard_chord *chord)
{
	size_t low = 0, high = keyboard->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (keyboard->entry[middle].keysym < keysym)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < keyboard->count && keyboard->entry[low].keysym == keysym; low++) {
		if (!reachable(keyboard, &keyboard->entry[low]))
			continue;
		*chord = keyboard->entry[low].chord;
		return 0;
	}
	return -ENOENT;
}

int keyboard_find(const struct keyboard *keyboard, uint32_t keysym, struct keyboard_chord *chord)
{
	/* Modifiers are keys whatever a layout makes of them. */
	static const struct {
		xkb_keysym_t keysym;
		uint32_t code;
	} always[] = {
		{XKB_KEY_Shift_L, KEY_LEFTSHIFT},    {XKB_KEY_Shift_R, KEY_RIGHTSHIFT},
		{XKB_KEY_Control_L, KEY_LEFTCTRL},   {XKB_KEY_Control_R, KEY_RIGHTCTRL},
		{XKB_KEY_Alt_L, KEY_LEFTALT},	     {XKB_KEY_Alt_R, KEY_RIGHTALT},
		{XKB_KEY_Meta_L, KEY_LEFTALT},	     {XKB_KEY_Meta_R, KEY_RIGHTALT},
		{XKB_KEY_Super_L, KEY_LEFTMETA},     {XKB_KEY_Super_R, KEY_RIGHTMETA},
		{XKB_KEY_Hyper_L, KEY_LEFTMETA},     {XKB_KEY_Hyper_R, KEY_RIGHTMETA},
		{XKB_KEY_Caps_Lock, KEY_CAPSLOCK},   {XKB_KEY_Num_Lock, KEY_NUMLOCK},
		{XKB_KEY_Mode_switch, KEY_RIGHTALT}, {XKB_KEY_ISO_Level3_Shift, KEY_RIGHTALT},
		{XKB_KEY_Sys_Req, KEY_SYSRQ},	     {XKB_KEY_Break, KEY_PAUSE},
		{XKB_KEY_ISO_Left_Tab, KEY_TAB},     {XKB_KEY_Linefeed, KEY_ENTER},
	};
	uint32_t character;

	if (keysym == XKB_KEY_ISO_Level3_Shift && keyboard->altgr) {
		*chord = (struct keyboard_chord){.code = keyboard->altgr};
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		if (always[i].keysym != keysym)
			continue;
		chord->code = always[i].code;
		chord->modifiers = keysym == XKB_KEY_ISO_Left_Tab ? KEYBOARD_SHIFT : 0;
		return 0;
	}
	if (find_exactly(keyboard, keysym, chord) == 0)
		return 0;
	/* The same character under its other name. */
	character = xkb_keysym_to_utf32(keysym);
	if (character < ' ' || character == 0x7f)
		return -ENOENT;
	if (find_exactly(keyboard, xkb_utf32_to_keysym(character), chord) == 0)
		return 0;
	return find_exactly(keyboard, 0x1000000 | character, chord);
}

/* Of a keypad's key that is a digit, too, what it is without Num Lock, or with. */
uint32_t keyboard_keysym(const struct keyboard *keyboard, uint32_t code)
{
	for (size_t i = 0; i < keyboard->count; i++) {
		const struct entry *entry = &keyboard->entry[i];

		if (entry->chord.code == code && entry->chord.modifiers == 0)
			return entry->keysym;
	}
	return 0;
}

static int find_character(const struct keyboard *keyboard, uint32_t character,
			  struct keyboard_chord *chord)
{
	return keyboard_find(keyboard, xkb_utf32_to_keysym(character), chord);
}

int keyboard_character(const struct keyboard *keyboard, uint32_t character,
		       struct keyboard_chord chords[KEYBOARD_MAX_CHORDS])
{
	uint32_t dead, base;

	if (character == '\n' || character == '\r') {
		chords[0] = (struct keyboard_chord){.code = KEY_ENTER};
		return 1;
	}
	if (character == '\t' || character == '\b' || character == 0x1b || character == 0x7f) {
		uint32_t code = character == '\t'   ? KEY_TAB
				: character == 0x1b ? KEY_ESC
						    : KEY_BACKSPACE;

		chords[0] = (struct keyboard_chord){.code = code};
		return 1;
	}
	if (character < ' ')
		return -ENOENT;
	if (find_character(keyboard, character, &chords[0]) == 0)
		return 1;
	if (keyboard_decompose(character, &dead, &base) &&
	    keyboard_find(keyboard, dead, &chords[0]) == 0 &&
	    find_character(keyboard, base, &chords[1]) == 0)
		return 2;
	return -ENOENT;
}

uint32_t keyboard_modifier(const struct keyboard *keyboard, uint32_t modifier)
{
	switch (modifier) {
	case KEYBOARD_SHIFT:
		return KEY_LEFTSHIFT;
	case KEYBOARD_CTRL:
		return KEY_LEFTCTRL;
	case KEYBOARD_ALT:
		return KEY_LEFTALT;
	case KEYBOARD_SUPER:
		return KEY_LEFTMETA;
	default:
		return keyboard->altgr ? keyboard->altgr : KEY_RIGHTALT;
	}
}
