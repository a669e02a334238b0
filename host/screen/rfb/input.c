/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and pointers. A key is said by its keysym, which goes through the guest's layout, or by its
 * place on the keyboard as an XT scancode (QEMU's extension), which needs none.
 */
#include "host/screen/rfb/rfb_internal.h"
#include "host/screen/scancode.h"

#include <linux/input-event-codes.h>

/* --- Keys ------------------------------------------------------------------------------------- */

static void press(void *owner, uint32_t code, bool down)
{
	struct rfb *rfb = owner;

	screen_key(&rfb->viewer, code, down);
}

void rfb_key(struct rfb *rfb, bool down, uint32_t keysym)
{
	struct screen *screen = rfb->viewer.screen;
	const struct keyboard *keyboard = screen_keyboard(screen);

	if (keyboard && !rfb->viewer.view_only)
		(void)keyboard_symbol(keyboard, &rfb->keys, keysym, down, screen_leds(screen),
				      press, rfb);
}

void rfb_qemu_key(struct rfb *rfb, bool down, uint32_t keysym, uint32_t scancode)
{
	uint32_t code = scancode_to_evdev(scancode);

	if (code != KEY_RESERVED)
		screen_key(&rfb->viewer, code, down);
	else
		rfb_key(rfb, down, keysym);
}

/* --- Pointers --------------------------------------------------------------------------------- */

enum {
	WHEEL_UP = 1U << 3,
	WHEEL_DOWN = 1U << 4,
	WHEEL_LEFT = 1U << 5,
	WHEEL_RIGHT = 1U << 6,
};

#define FIRST_BUTTONS 7U    /* left, middle, right: the same bits */
#define SIDE_SHIFT    7U    /* back, forward: bits 7 and 8 here, */
#define SIDE_BUTTONS  0x18U /* 3 and 4 of the screen */

void rfb_pointer(struct rfb *rfb, uint32_t buttons, uint32_t x, uint32_t y)
{
	uint32_t pressed = buttons & ~rfb->buttons;

	rfb->buttons = buttons;
	rfb->moved_ms = rfb_now(rfb);
	screen_pointer(&rfb->viewer, x, y,
		       (buttons & FIRST_BUTTONS) | (buttons >> (SIDE_SHIFT - 3) & SIDE_BUTTONS));
	/* A click of a wheel is a button that goes down and up. */
	screen_wheel(&rfb->viewer, !!(pressed & WHEEL_RIGHT) - !!(pressed & WHEEL_LEFT),
		     !!(pressed & WHEEL_UP) - !!(pressed & WHEEL_DOWN));
}
