/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pointer - a tablet that programs of the guest see as hardware (uinput)
 *
 * For pointers that come over another way than a device of the machine's: who has one says where
 * the pointer is on the whole desktop, and which buttons are down.
 */
#ifndef LODGE_DRIVERS_POINTER_H
#define LODGE_DRIVERS_POINTER_H

#include <linux/input.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POINTER_RANGE 32768U /* places each way, over the whole desktop */

/* Bits of pointer_state.buttons. The wheel's are of a moment: down is one step. */
enum pointer_button {
	POINTER_LEFT = 1 << 0,
	POINTER_MIDDLE = 1 << 1,
	POINTER_RIGHT = 1 << 2,
	POINTER_SIDE = 1 << 3,
	POINTER_EXTRA = 1 << 4,
	POINTER_WHEEL_UP = 1 << 5,
	POINTER_WHEEL_DOWN = 1 << 6,
};

struct pointer_state {
	uint32_t x, y; /* below POINTER_RANGE */
	uint32_t buttons;
};

struct pointer;

/* Whether the kernel has uinput. */
bool pointer_is_possible(void);
/* Needs root. 0; -ENOENT: the kernel has no uinput; another negative errno. */
int pointer_new(const char *name, struct pointer **pointer);
/* Now it is so. 0 or negative errno. */
int pointer_set(struct pointer *pointer, const struct pointer_state *state);
/* All buttons are let go, and the device is gone. NULL is fine. */
void pointer_free(struct pointer *pointer);

/* What is told to get from one state to another; at most POINTER_EVENTS. Return: how many. */
#define POINTER_EVENTS 9
size_t pointer_events(const struct pointer_state *from, const struct pointer_state *to,
		      struct input_event events[POINTER_EVENTS]);

#endif
