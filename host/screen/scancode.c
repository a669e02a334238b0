/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/scancode.h"

#include "protocol/base/bytes.h"

#include <linux/input-event-codes.h>

/* Those without a prefix up to 0x58 are evdev's codes, which were made of them; these are others,
 * and those with the prefix. */
static const uint16_t scancodes[256] = {
	[0x54] = KEY_SYSRQ,
	[0x55] = KEY_F16,
	[0x59] = KEY_KPEQUAL,
	[0x5a] = KEY_F20,
	[0x5d] = KEY_F13,
	[0x5e] = KEY_F14,
	[0x5f] = KEY_F15,
	[0x6d] = KEY_F23,
	[0x6f] = KEY_F24,
	[0x70] = KEY_KATAKANAHIRAGANA,
	[0x71] = KEY_HANJA,
	[0x72] = KEY_HANGEUL,
	[0x73] = KEY_RO,
	[0x74] = KEY_F21,
	[0x76] = KEY_ZENKAKUHANKAKU,
	[0x77] = KEY_HIRAGANA,
	[0x78] = KEY_KATAKANA,
	[0x79] = KEY_HENKAN,
	[0x7b] = KEY_MUHENKAN,
	[0x7d] = KEY_YEN,
	[0x7e] = KEY_KPCOMMA,
	[0x83] = KEY_F17,
	[0x84] = KEY_F19,
	[0x90] = KEY_PREVIOUSSONG,
	[0x99] = KEY_NEXTSONG,
	[0x9c] = KEY_KPENTER,
	[0x9d] = KEY_RIGHTCTRL,
	[0xa0] = KEY_MUTE,
	[0xa1] = KEY_CALC,
	[0xa2] = KEY_PLAYPAUSE,
	[0xa4] = KEY_STOPCD,
	[0xae] = KEY_VOLUMEDOWN,
	[0xb0] = KEY_VOLUMEUP,
	[0xb2] = KEY_HOMEPAGE,
	[0xb5] = KEY_KPSLASH,
	[0xb7] = KEY_SYSRQ,
	[0xb8] = KEY_RIGHTALT,
	[0xc6] = KEY_PAUSE,
	[0xc7] = KEY_HOME,
	[0xc8] = KEY_UP,
	[0xc9] = KEY_PAGEUP,
	[0xcb] = KEY_LEFT,
	[0xcd] = KEY_RIGHT,
	[0xcf] = KEY_END,
	[0xd0] = KEY_DOWN,
	[0xd1] = KEY_PAGEDOWN,
	[0xd2] = KEY_INSERT,
	[0xd3] = KEY_DELETE,
	[0xdb] = KEY_LEFTMETA,
	[0xdc] = KEY_RIGHTMETA,
	[0xdd] = KEY_COMPOSE,
	[0xde] = KEY_POWER,
	[0xdf] = KEY_SLEEP,
	[0xe3] = KEY_WAKEUP,
	[0xe5] = KEY_SEARCH,
	[0xe6] = KEY_BOOKMARKS,
	[0xe7] = KEY_REFRESH,
	[0xe8] = KEY_STOP,
	[0xe9] = KEY_FORWARD,
	[0xea] = KEY_BACK,
	[0xeb] = KEY_COMPUTER,
	[0xec] = KEY_MAIL,
	[0xed] = KEY_MEDIA,
	[0xf1] = KEY_HANJA,
	[0xf2] = KEY_HANGEUL,
	[0xf7] = KEY_F18,
	[0xf9] = KEY_F22,
};

uint32_t scancode_to_evdev(uint32_t scancode)
{
	if (scancode >= ARRAY_SIZE(scancodes))
		return KEY_RESERVED;
	if (scancodes[scancode])
		return scancodes[scancode];
	return scancode <= KEY_F12 ? scancode : KEY_RESERVED;
}

/* Of two the lower: Print Screen is 0x54 to QEMU, too. */
uint32_t scancode_of_evdev(uint32_t code)
{
	if (code == KEY_RESERVED)
		return 0;
	for (uint32_t i = 0; i < ARRAY_SIZE(scancodes); i++) {
		if (scancode_to_evdev(i) == code)
			return i;
	}
	return 0;
}
