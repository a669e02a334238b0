/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* leds - a keyboard's lights as QEMU counts them, in its D-Bus display and in its VNC server */
#ifndef LODGE_SCREEN_SOURCE_LEDS_H
#define LODGE_SCREEN_SOURCE_LEDS_H

#include <linux/input-event-codes.h>
#include <stdint.h>

/* Return: bits 1 << LED_NUML, LED_CAPSL, LED_SCROLLL. */
static inline uint32_t leds_of_qemu(uint32_t lights)
{
	return (lights & 1 ? 1U << LED_SCROLLL : 0) | (lights & 2 ? 1U << LED_NUML : 0) |
	       (lights & 4 ? 1U << LED_CAPSL : 0);
}

#endif
