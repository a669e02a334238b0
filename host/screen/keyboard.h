/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keyboard - from characters and keysyms to the keys that make them
 *
 * The guest gets keys (evdev codes) and makes characters of them by the layout it was set to; what
 * is known here as characters or X keysyms has to go back by the same layout. Layouts are those of
 * xkeyboard-config, by their names there: "us", "de", "fr(oss)".
 */
#ifndef LODGE_SCREEN_KEYBOARD_H
#define LODGE_SCREEN_KEYBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYBOARD_LAYOUT_DEFAULT "us"
#define KEYBOARD_MAX_LAYOUT	64 /* bytes of a layout's name */

#define KEYBOARD_SHIFT 1U
#define KEYBOARD_CTRL  2U
#define KEYBOARD_ALT   4U
#define KEYBOARD_ALTGR 8U
#define KEYBOARD_SUPER 16U

/* A key, and what is held while it is pressed. */
struct keyboard_chord {
	uint32_t code; /* linux/input-event-codes.h */
	uint32_t modifiers;
};

struct keyboard;

/**
 * keyboard_new() - a layout
 * @layout:	its name; "" is KEYBOARD_LAYOUT_DEFAULT
 *
 * Reads files of xkeyboard-config. Constant afterwards: any number of users.
 *
 * Return: 0; -EINVAL: that cannot be a name; -ENOENT: no such layout, or its files are out of
 * reach; -ENOMEM.
 */
int keyboard_new(const char *layout, struct keyboard **keyboard);
void keyboard_free(struct keyboard *keyboard);
const char *keyboard_layout(const struct keyboard *keyboard);

/* The chord for a keysym: only SHIFT and ALTGR are in its modifiers. -ENOENT: no key makes it. */
int keyboard_find(const struct keyboard *keyboard, uint32_t keysym, struct keyboard_chord *chord);

#define KEYBOARD_MAX_CHORDS 2 /* a dead key before a letter */

/* The chords for a Unicode character, one after the other: how many; -ENOENT: the layout has no
 * way to it. Line feed is the Return key. */
int keyboard_character(const struct keyboard *keyboard, uint32_t character,
		       struct keyboard_chord chords[KEYBOARD_MAX_CHORDS]);

/* What is on a key, without modifiers; 0: nothing is known of it. */
uint32_t keyboard_keysym(const struct keyboard *keyboard, uint32_t code);

/* A name for people: "a", "f2", "ctrl-alt-delete", "shift-page_up", "altgr-e", "ctrl--", "super".
 * Characters go by the layout, other keys by what is printed on them. A chord of modifiers alone
 * has the last as its key. -EINVAL: there is no such key. */
int keyboard_name(const struct keyboard *keyboard, const char *name, size_t length,
		  struct keyboard_chord *chord);

/* The key that is held for one KEYBOARD_ modifier. */
uint32_t keyboard_modifier(const struct keyboard *keyboard, uint32_t modifier);

/* --- A viewer that sends keysyms ------------------------------------------------------------- */

#define KEYBOARD_MAX_HELD 32

/* What it holds; zero to begin with. */
struct keyboard_state {
	struct {
		uint32_t keysym, code;
	} held[KEYBOARD_MAX_HELD];
};

typedef void keyboard_press(void *owner, uint32_t code, bool down);

/**
 * keyboard_symbol() - a keysym goes down or up at a viewer whose layout may be another
 * @leds:	screen_leds(): whether the guest has caps lock on
 * @press:	called for each key, in order; where the viewer's modifiers would make something
 *		else of it, they are changed for that moment
 *
 * Return: 0; -ENOENT: no key makes it, nothing was pressed.
 */
int keyboard_symbol(const struct keyboard *keyboard, struct keyboard_state *state, uint32_t keysym,
		    bool down, uint32_t leds, keyboard_press *press, void *owner);

#endif
