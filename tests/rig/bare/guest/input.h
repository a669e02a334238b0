/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* input - a virtio input device (virtio 1.2, 5.8) */
#ifndef BARE_INPUT_H
#define BARE_INPUT_H

#include "virtio.h"

#include <linux/virtio_input.h>

#define INPUT_EVENTS 0
#define INPUT_STATUS 1

/* What the rig's machine has, in this order. */
#define INPUT_KEYBOARD 0
#define INPUT_TABLET   1
#define INPUT_MOUSE    2

#define INPUT_BUFFERS 32

struct input {
	struct virtio device;
	struct virtqueue events, status;
	struct virtio_input_event *buffer;
	uint16_t head[INPUT_BUFFERS];
};

/* Starts it, with buffers in its event queue. */
bool input_start(struct input *input, unsigned nth);

/* Asks its configuration. Return: size of the answer, which goes to @bytes (up to 128). */
uint8_t input_ask(struct input *input, uint8_t select, uint8_t subsel, uint8_t *bytes);

/* Waits for an event of this type and code; others are let pass. */
bool input_wait(struct input *input, uint16_t type, uint16_t code, uint32_t *value, unsigned ms);

/* Tells the device, of a light say. */
bool input_tell(struct input *input, uint16_t type, uint16_t code, uint32_t value);

#endif
