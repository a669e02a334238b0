/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/keyboard.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <xkbcommon/xkbcommon-keysyms.h>

static struct keyboard *us, *de;

static void setup(void)
{
	ck_assert_int_eq(keyboard_new("", &us), 0);
	ck_assert_int_eq(keyboard_new("de", &de), 0);
}

static void teardown(void)
{
	keyboard_free(us);
	keyboard_free(de);
}

static void expect(const struct keyboard *keyboard, uint32_t keysym, uint32_t code,
		   uint32_t modifiers)
{
	struct keyboard_chord chord;

	ck_assert_int_eq(keyboard_find(keyboard, keysym, &chord), 0);
	ck_assert_uint_eq(chord.code, code);
	ck_assert_uint_eq(chord.modifiers, modifiers);
}

START_TEST(keysyms_go_by_the_layout)
{
	struct keyboard_chord chord;

	ck_assert_str_eq(keyboard_layout(us), "us");
	expect(us, XKB_KEY_a, KEY_A, 0);
	expect(us, XKB_KEY_A, KEY_A, KEYBOARD_SHIFT);
	expect(us, XKB_KEY_z, KEY_Z, 0);
	expect(us, XKB_KEY_at, KEY_2, KEYBOARD_SHIFT);
	expect(us, XKB_KEY_space, KEY_SPACE, 0);
	expect(us, XKB_KEY_Return, KEY_ENTER, 0);
	expect(us, XKB_KEY_F12, KEY_F12, 0);
	expect(us, XKB_KEY_Prior, KEY_PAGEUP, 0);
	expect(us, XKB_KEY_Delete, KEY_DELETE, 0);
	expect(us, XKB_KEY_KP_7, KEY_KP7, 0);
	expect(us, XKB_KEY_KP_Home, KEY_KP7, 0);
	expect(us, XKB_KEY_Shift_R, KEY_RIGHTSHIFT, 0);
	expect(us, XKB_KEY_ISO_Level3_Shift, KEY_RIGHTALT, 0);
	expect(us, XKB_KEY_Alt_R, KEY_RIGHTALT, 0);
	expect(us, XKB_KEY_less, KEY_COMMA, KEYBOARD_SHIFT);
	/* xkb's us has these on keys of their own, too, which no keyboard has. */
	expect(us, XKB_KEY_parenleft, KEY_9, KEYBOARD_SHIFT);
	expect(us, XKB_KEY_parenright, KEY_0, KEYBOARD_SHIFT);
	expect(us, XKB_KEY_dollar, KEY_4, KEYBOARD_SHIFT);
	expect(de, XKB_KEY_EuroSign, KEY_E, KEYBOARD_ALTGR);
	expect(de, XKB_KEY_z, KEY_Y, 0);
	expect(de, XKB_KEY_at, KEY_Q, KEYBOARD_ALTGR);
	expect(de, XKB_KEY_udiaeresis, KEY_LEFTBRACE, 0);
	expect(de, 0x10000fc, KEY_LEFTBRACE, 0);
	expect(de, XKB_KEY_less, KEY_102ND, 0);
	ck_assert_int_eq(keyboard_find(us, XKB_KEY_udiaeresis, &chord), -ENOENT);
	ck_assert_int_eq(keyboard_find(us, 0x1f600 | 0x1000000, &chord), -ENOENT);
	ck_assert_int_eq(keyboard_find(us, 0xffffffff, &chord), -ENOENT);
}
END_TEST

START_TEST(characters_may_take_a_dead_key)
{
	struct keyboard_chord chords[KEYBOARD_MAX_CHORDS];

	ck_assert_int_eq(keyboard_character(us, '\n', chords), 1);
	ck_assert_uint_eq(chords[0].code, KEY_ENTER);
	ck_assert_int_eq(keyboard_character(us, '\t', chords), 1);
	ck_assert_uint_eq(chords[0].code, KEY_TAB);
	ck_assert_int_eq(keyboard_character(us, 0x07, chords), -ENOENT);
	ck_assert_int_eq(keyboard_character(us, 0xea, chords), -ENOENT);
	ck_assert_int_eq(keyboard_character(de, 0xea, chords), 2);
	ck_assert_uint_eq(chords[0].code, KEY_GRAVE);
	ck_assert_uint_eq(chords[1].code, KEY_E);
	ck_assert_uint_eq(chords[1].modifiers, 0);
	ck_assert_int_eq(keyboard_character(de, 0xca, chords), 2);
	ck_assert_uint_eq(chords[1].modifiers, KEYBOARD_SHIFT);
	ck_assert_int_eq(keyboard_character(de, 0x4e2d, chords), -ENOENT);
	ck_assert_int_eq(keyboard_character(de, '^', chords), 2);
	ck_assert_uint_eq(chords[1].code, KEY_SPACE);
}
END_TEST

START_TEST(every_ascii_character_can_be_typed)
{
	static const char *const layouts[] = {"us", "gb", "de", "fr", "es", "us(intl)", "ch(fr)"};

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct keyboard *keyboard;

		ck_assert_int_eq(keyboard_new(layouts[i], &keyboard), 0);
		for (uint32_t character = ' '; character < 0x7f; character++) {
			struct keyboard_chord chords[KEYBOARD_MAX_CHORDS];

			ck_assert_msg(keyboard_character(keyboard, character, chords) > 0, "%s: %c",
				      layouts[i], (int)character);
		}
		keyboard_free(keyboard);
	}
}
END_TEST

START_TEST(layouts_that_are_none)
{
	static const char *const bad[] = {"../us", "us,de",   "fr(oss",	     "(oss)",
					  "fr)x",  "fr((x))", "us/../../etc"};
	char longest[KEYBOARD_MAX_LAYOUT + 2];
	struct keyboard *keyboard;

	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(keyboard_new(bad[i], &keyboard), -EINVAL);
	ck_assert_int_eq(keyboard_new(longest, &keyboard), -EINVAL);
	ck_assert_int_eq(keyboard_new("atlantis", &keyboard), -ENOENT);
}
END_TEST

static void expect_name(const struct keyboard *keyboard, const char *name, uint32_t code,
			uint32_t modifiers)
{
	struct keyboard_chord chord;

	ck_assert_msg(keyboard_name(keyboard, name, strlen(name), &chord) == 0, "%s", name);
	ck_assert_msg(chord.code == code && chord.modifiers == modifiers, "%s: %u %u", name,
		      chord.code, chord.modifiers);
}

START_TEST(names_as_people_write_them)
{
	static const char *const bad[] = {"ctrl-", "foo",	"ctrl-foo", "f25", "foo-a",
					  "f0",	   "ctrl-alt-", "a-b",	    "\xff"};
	struct keyboard_chord chord;

	expect_name(us, "a", KEY_A, 0);
	expect_name(us, "A", KEY_A, KEYBOARD_SHIFT);
	expect_name(us, "ctrl-alt-delete", KEY_DELETE, KEYBOARD_CTRL | KEYBOARD_ALT);
	expect_name(us, "Ctrl-Alt-F2", KEY_F2, KEYBOARD_CTRL | KEYBOARD_ALT);
	expect_name(us, "f10", KEY_F10, 0);
	expect_name(us, "f11", KEY_F11, 0);
	expect_name(us, "f24", KEY_F24, 0);
	expect_name(us, "ctrl--", KEY_MINUS, KEYBOARD_CTRL);
	expect_name(us, "super", KEY_LEFTMETA, 0);
	expect_name(us, "ctrl-shift", KEY_LEFTSHIFT, KEYBOARD_CTRL);
	expect_name(us, "shift-page_up", KEY_PAGEUP, KEYBOARD_SHIFT);
	expect_name(de, "altgr-e", KEY_E, KEYBOARD_ALTGR);
	expect_name(de, "z", KEY_Y, 0);
	expect_name(de, "\xc3\xbc", KEY_LEFTBRACE, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(keyboard_name(us, bad[i], strlen(bad[i]), &chord) == -EINVAL, "%s",
			      bad[i]);
	ck_assert_int_eq(keyboard_name(us, "", 0, &chord), -EINVAL);
	expect_name(us, "-", KEY_MINUS, 0);
}
END_TEST

/* --- Viewers -------------------------------------------------------------------------------- */

struct typed {
	char text[512];
};

static void note(void *owner, uint32_t code, bool down)
{
	struct typed *typed = owner;
	size_t used = strlen(typed->text);

	snprintf(typed->text + used, sizeof(typed->text) - used, "%c%u ", down ? '+' : '-', code);
}

static void expect_typed(struct typed *typed, const char *text)
{
	ck_assert_str_eq(typed->text, text);
	typed->text[0] = '\0';
}

START_TEST(what_the_viewer_holds_is_enough)
{
	struct keyboard_state state = {0};
	struct typed typed = {0};

	keyboard_symbol(us, &state, XKB_KEY_Shift_L, true, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_A, true, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_Shift_L, false, 0, note, &typed);
	/* Now it is an "a". */
	keyboard_symbol(us, &state, XKB_KEY_a, false, 0, note, &typed);
	expect_typed(&typed, "+42 +30 -42 -30 ");
	keyboard_symbol(us, &state, XKB_KEY_Shift_R, true, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_Return, true, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_Return, false, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_Shift_R, false, 0, note, &typed);
	expect_typed(&typed, "+54 +28 -28 -54 ");
	ck_assert_int_eq(keyboard_symbol(us, &state, XKB_KEY_eacute, true, 0, note, &typed),
			 -ENOENT);
	ck_assert_int_eq(keyboard_symbol(us, &state, XKB_KEY_a, false, 0, note, &typed), 0);
	expect_typed(&typed, "");
}
END_TEST

START_TEST(another_layout_takes_other_modifiers)
{
	struct keyboard_state state = {0};
	struct typed typed = {0};

	/* From a German keyboard into a US guest: AltGr+Q is '@', Shift+7 is '/'. */
	keyboard_symbol(us, &state, XKB_KEY_ISO_Level3_Shift, true, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_at, true, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_at, false, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_ISO_Level3_Shift, false, 0, note, &typed);
	expect_typed(&typed, "+100 +42 -100 +3 -42 +100 -3 -100 ");
	keyboard_symbol(us, &state, XKB_KEY_Shift_R, true, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_slash, true, 0, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_slash, false, 0, note, &typed);
	expect_typed(&typed, "+54 -54 +53 +54 -53 ");
}
END_TEST

START_TEST(caps_lock_is_thought_of)
{
	struct keyboard_state state = {0};
	struct typed typed = {0};

	keyboard_symbol(us, &state, XKB_KEY_A, true, 1U << LED_CAPSL, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_A, false, 1U << LED_CAPSL, note, &typed);
	expect_typed(&typed, "+30 -30 ");
	keyboard_symbol(us, &state, XKB_KEY_1, true, 1U << LED_CAPSL, note, &typed);
	keyboard_symbol(us, &state, XKB_KEY_1, false, 1U << LED_CAPSL, note, &typed);
	expect_typed(&typed, "+2 -2 ");
}
END_TEST

START_TEST(more_than_can_be_held_is_pressed_all_the_same)
{
	struct keyboard_state state = {0};
	struct typed typed = {0};

	for (uint32_t keysym = XKB_KEY_F1; keysym < XKB_KEY_F1 + KEYBOARD_MAX_HELD; keysym++)
		keyboard_symbol(us, &state, keysym, true, 0, note, &typed);
	typed.text[0] = '\0';
	for (uint32_t letter = XKB_KEY_a; letter <= XKB_KEY_z; letter++)
		ck_assert_int_eq(keyboard_symbol(us, &state, letter, true, 0, note, &typed), 0);
	ck_assert_ptr_nonnull(strstr(typed.text, "+44 "));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("keyboard");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, keysyms_go_by_the_layout);
	tcase_add_test(tests, characters_may_take_a_dead_key);
	tcase_add_test(tests, every_ascii_character_can_be_typed);
	tcase_add_test(tests, layouts_that_are_none);
	tcase_add_test(tests, names_as_people_write_them);
	tcase_add_test(tests, what_the_viewer_holds_is_enough);
	tcase_add_test(tests, another_layout_takes_other_modifiers);
	tcase_add_test(tests, caps_lock_is_thought_of);
	tcase_add_test(tests, more_than_can_be_held_is_pressed_all_the_same);
	return suite_run_case("keyboard", tests);
}
