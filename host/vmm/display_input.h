/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * display_input - from what lodge-screen sends to three input devices, and lights back
 *
 * Buttons and wheels are of the pointer that moved last; a release reaches both, so that none stays
 * pressed when a viewer changes from one to the other.
 */
#ifndef LODGE_VMM_DISPLAY_INPUT_H
#define LODGE_VMM_DISPLAY_INPUT_H

#include "host/vmm/display.h"

struct virtio_device;

struct display_input {
	struct virtio_device *keyboard, *tablet, *mouse;
	bool relative; /* the mouse moved last */
};

/* Have @display use the devices, which are there. @input must outlive both. 0 or negative errno. */
int display_input_connect(struct display_input *input, struct display *display);

/* virtio_input_leds of the keyboard, whose owner is the display. */
void display_input_leds(void *display, uint32_t leds);

#endif
