/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keyboard_symbol - keysyms of a viewer as keys
 *
 * A viewer sends its modifiers as keys of their own, and then a keysym that its own layout made
 * with them. The guest's layout may take others for it: they are changed before the key goes down,
 * and back after it. That is done for characters only; a modifier beside Return or F4 is meant.
 */
#include "host/screen/keyboard.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <linux/input-event-codes.h>
#include <xkbcommon/xkbcommon-keysyms.h>
#include <xkbcommon/xkbcommon.h>

/* A modifier that a viewer may hold on either side. */
static const struct {
	uint32_t modifier;
	uint32_t keysym[2];
} sides[] = {
	{KEYBOARD_SHIFT, {XKB_KEY_Shift_L, XKB_KEY_Shift_R}},
	{KEYBOARD_ALTGR, {XKB_KEY_ISO_Level3_Shift, XKB_KEY_Mode_switch}},
};

static bool is_side(size_t which, uint32_t keysym)
{
	return keysym && (keysym == sides[which].keysym[0] || keysym == sides[which].keysym[1]);
}

static uint32_t held_modifiers(const struct keyboard_state *state)
{
	uint32_t held = 0;

	for (size_t i = 0; i < KEYBOARD_MAX_HELD; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(sides); j++) {
			if (state->held[i].code && is_side(j, state->held[i].keysym))
				held |= sides[j].modifier;
		}
	}
	return held;
}

/* What is held of one modifier goes up, or down again. */
static void move_held(const struct keyboard_state *state, size_t which, bool down,
		      keyboard_press *press, void *owner)
{
	for (size_t i = 0; i < KEYBOARD_MAX_HELD; i++) {
		if (state->held[i].code && is_side(which, state->held[i].keysym))
			press(owner, state->held[i].code, down);
	}
}

static bool is_character(uint32_t keysym)
{
	uint32_t character = xkb_keysym_to_utf32(keysym);
	bool is_keypad = keysym >= XKB_KEY_KP_Space && keysym <= XKB_KEY_KP_Equal;

	return character > ' ' && character != 0x7f && !is_keypad;
}

static bool has_case(uint32_t keysym)
{
	return xkb_keysym_to_lower(keysym) != xkb_keysym_to_upper(keysym);
}

static void press_with(const struct keyboard *keyboard, const struct keyboard_state *state,
		       const struct keyboard_chord *chord, uint32_t change, keyboard_press *press,
		       void *owner)
{
	for (int after = 0; after < 2; after++) {
		for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
			uint32_t modifier = sides[i].modifier;

			if (!(change & modifier))
				continue;
			if (chord->modifiers & modifier)
				press(owner, keyboard_modifier(keyboard, modifier), !after);
			else
				move_held(state, i, after, press, owner);
		}
		if (!after)
			press(owner, chord->code, true);
	}
}

static int release(struct keyboard_state *state, const struct keyboard *keyboard, uint32_t keysym,
		   keyboard_press *press, void *owner)
{
	struct keyboard_chord chord = {0};
	size_t found = KEYBOARD_MAX_HELD;

	/* Shift may have gone up since: then the same key is another keysym now. */
	keyboard_find(keyboard, keysym, &chord);
	for (size_t i = 0; i < KEYBOARD_MAX_HELD; i++) {
		if (state->held[i].code && state->held[i].keysym == keysym) {
			found = i;
			break;
		}
		if (state->held[i].code && state->held[i].code == chord.code)
			found = i;
	}
	if (found == KEYBOARD_MAX_HELD)
		return chord.code ? 0 : -ENOENT;
	chord.code = state->held[found].code;
	state->held[found].code = 0;
	press(owner, chord.code, false);
	return 0;
}

/* A place for it; one that is held already has one. */
static void remember(struct keyboard_state *state, uint32_t keysym, uint32_t code)
{
	size_t place = KEYBOARD_MAX_HELD;

	for (size_t i = 0; i < KEYBOARD_MAX_HELD; i++) {
		if (state->held[i].code == code && state->held[i].keysym == keysym)
			return;
		if (state->held[i].code == 0 && place == KEYBOARD_MAX_HELD)
			place = i;
	}
	if (place == KEYBOARD_MAX_HELD)
		return;
	state->held[place].keysym = keysym;
	state->held[place].code = code;
}

int keyboard_symbol(const struct keyboard *keyboard, struct keyboard_state *state, uint32_t keysym,
		    bool down, uint32_t leds, keyboard_press *press, void *owner)
{
	struct keyboard_chord chord;
	uint32_t change = 0;

	if (!down)
		return release(state, keyboard, keysym, press, owner);
	if (keyboard_find(keyboard, keysym, &chord) < 0)
		return -ENOENT;
	if (is_character(keysym) || keysym == XKB_KEY_ISO_Left_Tab) {
		if (leds & 1U << LED_CAPSL && has_case(keysym))
			chord.modifiers ^= KEYBOARD_SHIFT;
		change = chord.modifiers ^ held_modifiers(state);
	}
	press_with(keyboard, state, &chord, change, press, owner);
	remember(state, keysym, chord.code);
	return 0;
}
