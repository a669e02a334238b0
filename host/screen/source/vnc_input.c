/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and the pointer. Keys go as scancodes (QEMU's extended key event), with the keysym that the
 * guest's layout has on that key, which is what a QEMU with a keymap of its own (-k) looks at.
 * A pointer event says where the pointer is and what is pressed; for a guest with a relative mouse,
 * how far it has moved, counted from the middle of the range.
 */
#include "host/screen/keyboard.h"
#include "host/screen/rfb/wire.h"
#include "host/screen/scancode.h"
#include "host/screen/source/vnc_internal.h"

#include <linux/input-event-codes.h>

#define MIDDLE	   0x7fff
#define MAX_CLICKS 100
#define NUDGE	   0x76 /* F24: a key that nobody has */

enum {
	BUTTON_LEFT = 1,
	BUTTON_MIDDLE = 2,
	BUTTON_RIGHT = 4,
	BUTTON_UP = 8,
	BUTTON_DOWN = 16,
};

/* --- Keys ------------------------------------------------------------------------------------- */

static void send_key(struct vnc *vnc, uint32_t scancode, uint32_t keysym, bool down)
{
	uint8_t message[12] = {255, 0};

	store_be16(message + 2, down);
	store_be32(message + 4, keysym);
	store_be32(message + 8, scancode);
	vnc_send(vnc, message, sizeof(message));
}

void vnc_key(struct source *source, uint32_t code, bool down)
{
	struct vnc *vnc = vnc_of(source);
	const struct keyboard *keyboard = screen_keyboard(source->screen);
	uint32_t scancode = scancode_of_evdev(code);
	uint32_t keysym = keyboard ? keyboard_keysym(keyboard, code) : 0;
	uint8_t plain[8] = {4, down};

	if (!vnc->ready)
		return;
	vnc->unsure = true;
	if (vnc->has_extended_keys && scancode) {
		send_key(vnc, scancode, keysym, down);
	} else if (keysym) {
		store_be32(plain + 4, keysym);
		vnc_send(vnc, plain, sizeof(plain));
	}
}

/* What is sent while QEMU has no time comes to the guest all at once. */
bool vnc_is_behind(struct source *source)
{
	struct vnc *vnc = vnc_of(source);

	if (vnc->unsure && vnc->ready)
		vnc_question(vnc);
	vnc->unsure = false;
	return vnc->questions > 0;
}

/* A key that is not down goes up: QEMU takes note, the guest sees nothing. */
void vnc_nudge(struct vnc *vnc)
{
	if (vnc->has_extended_keys)
		send_key(vnc, NUDGE, 0, false);
}

/* --- Pointer ---------------------------------------------------------------------------------- */

static void send_pointer(struct vnc *vnc, uint32_t x, uint32_t y)
{
	uint8_t message[6] = {5, (uint8_t)vnc->buttons};

	if (!vnc->ready)
		return;
	vnc->pointer_waits = false;
	store_be16(message + 2, x);
	store_be16(message + 4, y);
	vnc_send(vnc, message, sizeof(message));
}

/* Where it is, or, to a relative mouse, that it has not moved. */
static void send_buttons(struct vnc *vnc)
{
	if (vnc->is_absolute)
		send_pointer(vnc, vnc->x, vnc->y);
	else
		send_pointer(vnc, MIDDLE, MIDDLE);
}

/* The last place is all that matters while the server does not read. */
void vnc_drained(struct vnc *vnc)
{
	if (vnc->pointer_waits)
		send_buttons(vnc);
}

static uint32_t moved(int32_t by)
{
	return (uint32_t)(MIDDLE + MIN(MAX(by, -MIDDLE), MIDDLE));
}

static void move_to(struct vnc *vnc, uint32_t x, uint32_t y)
{
	const int32_t dx = (int32_t)(x - vnc->x), dy = (int32_t)(y - vnc->y);
	const bool had_pointer = vnc->has_pointer;

	vnc->x = x;
	vnc->y = y;
	vnc->has_pointer = true;
	if (!vnc->is_absolute) {
		if (had_pointer)
			send_pointer(vnc, moved(dx), moved(dy));
	} else if (link_queued(vnc->link) > 0) {
		vnc->pointer_waits = true;
	} else {
		send_buttons(vnc);
	}
	vnc_move_cursor(vnc);
}

void vnc_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		 const struct rectangle *at)
{
	struct vnc *vnc = vnc_of(source);

	(void)x;
	(void)y;
	if (head == 0 && at->x < vnc->width && at->y < vnc->height)
		move_to(vnc, at->x, at->y);
}

static uint32_t within(int64_t at, uint32_t size)
{
	return (uint32_t)MIN(MAX(at, 0), (int64_t)size - 1);
}

/* A tablet that is to be moved by so much goes to another place. */
void vnc_motion(struct source *source, int32_t dx, int32_t dy)
{
	struct vnc *vnc = vnc_of(source);

	if (!vnc->is_absolute)
		send_pointer(vnc, moved(dx), moved(dy));
	else if (vnc->width > 0)
		move_to(vnc, within((int64_t)vnc->x + dx, vnc->width),
			within((int64_t)vnc->y + dy, vnc->height));
}

void vnc_button(struct source *source, uint32_t code, bool down)
{
	struct vnc *vnc = vnc_of(source);
	uint32_t button = code == BTN_LEFT     ? BUTTON_LEFT
			  : code == BTN_MIDDLE ? BUTTON_MIDDLE
			  : code == BTN_RIGHT  ? BUTTON_RIGHT
					       : 0;

	if (!button)
		return;
	vnc->buttons = down ? vnc->buttons | button : vnc->buttons & ~button;
	send_buttons(vnc);
}

static void click(struct vnc *vnc, int32_t times, uint32_t button)
{
	for (int32_t i = 0; i < MIN(times, MAX_CLICKS); i++) {
		vnc->buttons |= button;
		send_buttons(vnc);
		vnc->buttons &= ~button;
		send_buttons(vnc);
	}
}

void vnc_wheel(struct source *source, int32_t dx, int32_t dy)
{
	struct vnc *vnc = vnc_of(source);

	(void)dx;
	click(vnc, dy, BUTTON_UP);
	click(vnc, -dy, BUTTON_DOWN);
}
