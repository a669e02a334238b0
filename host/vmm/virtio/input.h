/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio input device: keyboard, tablet or mouse (virtio 1.2, 5.8)
 *
 * Events may come from any thread and never wait. They go through a bounded queue; when the guest
 * does not take them and it is full, movements are lost, and of keys and positions only the state
 * is remembered, which the guest is told when it takes events again: no key stays down that was
 * released, whatever was lost. What is the guest's state already is no event.
 */
#ifndef LODGE_VMM_VIRTIO_INPUT_H
#define LODGE_VMM_VIRTIO_INPUT_H

#include "host/vmm/virtio/device.h"

#define VIRTIO_INPUT_EVENTS 0
#define VIRTIO_INPUT_STATUS 1

enum virtio_input_kind {
	VIRTIO_INPUT_KEYBOARD, /* keys and lights; the guest repeats keys itself */
	VIRTIO_INPUT_TABLET,   /* absolute, 0 to VIRTIO_INPUT_ABSOLUTE_MAX; buttons, wheels */
	VIRTIO_INPUT_MOUSE,    /* relative; buttons, wheels */
	VIRTIO_INPUT_KINDS,
};

#define VIRTIO_INPUT_ABSOLUTE_MAX 32767

/* Lights of the keyboard, bits by LED_NUML and its like; in the device's thread. */
typedef void (*virtio_input_leds)(void *owner, uint32_t leds);

/**
 * virtio_input_new() - make one
 * @leds:	of a keyboard; may be NULL
 * @device:	set on success
 *
 * Return: 0 or negative errno.
 */
int virtio_input_new(const struct guestmem *memory, enum virtio_input_kind kind,
		     virtio_input_leds leds, void *owner, struct virtio_device **device);

/* --- Any thread, while the device is there. Each is one report (EV_SYN). -----------------------
 */

/* @code: of linux/input-event-codes.h; one that the device does not have is dropped. */
void virtio_input_key(struct virtio_device *device, uint32_t code, bool down);
/* Of a tablet; up to VIRTIO_INPUT_ABSOLUTE_MAX. */
void virtio_input_move_to(struct virtio_device *device, uint32_t x, uint32_t y);
/* Of a mouse. */
void virtio_input_move_by(struct virtio_device *device, int32_t dx, int32_t dy);
/* Clicks of the wheels: to the right, and up. */
void virtio_input_turn(struct virtio_device *device, int32_t dx, int32_t dy);
/* Nothing is held down any more. */
void virtio_input_release_all(struct virtio_device *device);

#endif
