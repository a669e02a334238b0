/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scancode - keys as QEMU counts them, in RFB's extension and in org.qemu.Display1
 *
 * Scancodes of set 1; those with the prefix 0xe0 have 0x80 added instead.
 */
#ifndef LODGE_SCREEN_SCANCODE_H
#define LODGE_SCREEN_SCANCODE_H

#include <stdint.h>

/* KEY_RESERVED: there is none. */
uint32_t scancode_to_evdev(uint32_t scancode);
/* 0: there is none. */
uint32_t scancode_of_evdev(uint32_t code);

#endif
