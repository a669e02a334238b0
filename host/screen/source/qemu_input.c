/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and pointers. The guest has one keyboard and one pointer, whatever consoles it has; QEMU
 * takes them at each.
 */
#include "host/screen/scancode.h"
#include "host/screen/source/qemu_internal.h"

#include <linux/input-event-codes.h>

#define TABLET_RANGE 32768U

static void on_key_taken(void *owner, DBusMessage *reply)
{
	(void)qemu_refused(reply, "a key");
	((struct qemu *)owner)->keys--;
}

bool qemu_is_behind(struct source *source)
{
	return qemu_of(source)->keys > 0;
}

void qemu_key(struct source *source, uint32_t code, bool down)
{
	struct qemu *qemu = qemu_of(source);
	uint32_t scancode = scancode_of_evdev(code);

	if (qemu->heads == 0 || scancode == 0)
		return;
	qemu->keys += qemu_call(qemu, on_key_taken, qemu, qemu->console[0].path, QEMU_KEYBOARD,
				down ? "Press" : "Release", DBUS_TYPE_UINT32, &scancode,
				DBUS_TYPE_INVALID);
}

static void move(struct qemu *qemu, int32_t dx, int32_t dy)
{
	if (qemu->heads == 0)
		return;
	qemu_call(qemu, NULL, NULL, qemu->console[0].path, QEMU_MOUSE, "RelMotion", DBUS_TYPE_INT32,
		  &dx, DBUS_TYPE_INT32, &dy, DBUS_TYPE_INVALID);
}

/* The pixel of @size that is nearest to @at of the tablet. */
static uint32_t pixel_at(uint32_t at, uint32_t size)
{
	return MIN((at * size + TABLET_RANGE / 2) / TABLET_RANGE, size - 1);
}

/* The console of which a pixel is least of the guest's desktop. NULL: only one is on. */
static const struct qemu_console *finest(const struct qemu *qemu)
{
	const struct qemu_console *best = NULL;
	unsigned int on = 0;

	for (unsigned int i = 0; i < qemu->heads; i++) {
		const struct qemu_console *console = &qemu->console[i];

		if (!console->is_on)
			continue;
		on++;
		if (!best || console->width > best->width)
			best = console;
	}
	return on > 1 ? best : NULL;
}

/* QEMU makes 0 to 32767 of a place on a console; the guest has one tablet for its whole desktop,
 * whichever console it is asked of. */
void qemu_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		  const struct rectangle *at)
{
	struct qemu *qemu = qemu_of(source);
	const struct qemu_console *console, *wide = finest(qemu);
	uint32_t on_x = at->x, on_y = at->y;

	if (head >= qemu->heads)
		return;
	console = &qemu->console[head];
	if (!qemu->is_absolute) {
		uint32_t from_x = x * at->width / TABLET_RANGE;
		uint32_t from_y = y * at->height / TABLET_RANGE;

		if (qemu->has_pointer)
			move(qemu, (int32_t)(from_x - qemu->x), (int32_t)(from_y - qemu->y));
		qemu->x = from_x;
		qemu->y = from_y;
		qemu->has_pointer = true;
		return;
	}
	if (wide && wide->width && wide->height) {
		console = wide;
		on_x = pixel_at(x, console->width);
		on_y = pixel_at(y, console->height);
	}
	if (on_x >= console->width || on_y >= console->height)
		return;
	qemu_call(qemu, NULL, NULL, console->path, QEMU_MOUSE, "SetAbsPosition", DBUS_TYPE_UINT32,
		  &on_x, DBUS_TYPE_UINT32, &on_y, DBUS_TYPE_INVALID);
}

void qemu_motion(struct source *source, int32_t dx, int32_t dy)
{
	move(qemu_of(source), dx, dy);
}

enum qemu_button {
	BUTTON_LEFT,
	BUTTON_MIDDLE,
	BUTTON_RIGHT,
	BUTTON_WHEEL_UP,
	BUTTON_WHEEL_DOWN,
	BUTTON_SIDE,
	BUTTON_EXTRA,
	BUTTON_WHEEL_LEFT,
	BUTTON_WHEEL_RIGHT,
};

static void press(struct qemu *qemu, uint32_t button, bool down)
{
	if (qemu->heads == 0)
		return;
	qemu_call(qemu, NULL, NULL, qemu->console[0].path, QEMU_MOUSE, down ? "Press" : "Release",
		  DBUS_TYPE_UINT32, &button, DBUS_TYPE_INVALID);
}

void qemu_button(struct source *source, uint32_t code, bool down)
{
	static const struct {
		uint32_t code;
		enum qemu_button button;
	} known[] = {
		{BTN_LEFT, BUTTON_LEFT}, {BTN_MIDDLE, BUTTON_MIDDLE}, {BTN_RIGHT, BUTTON_RIGHT},
		{BTN_SIDE, BUTTON_SIDE}, {BTN_EXTRA, BUTTON_EXTRA},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].code == code)
			press(qemu_of(source), known[i].button, down);
	}
}

static void click(struct qemu *qemu, int32_t times, uint32_t button)
{
	for (int32_t i = 0; i < MIN(times, 100); i++) {
		press(qemu, button, true);
		press(qemu, button, false);
	}
}

void qemu_wheel(struct source *source, int32_t dx, int32_t dy)
{
	struct qemu *qemu = qemu_of(source);

	click(qemu, dy, BUTTON_WHEEL_UP);
	click(qemu, -dy, BUTTON_WHEEL_DOWN);
	click(qemu, dx, BUTTON_WHEEL_RIGHT);
	click(qemu, -dx, BUTTON_WHEEL_LEFT);
}
