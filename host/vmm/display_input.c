/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/display_input.h"

#include "host/vmm/virtio/input.h"

static struct virtio_device *pointer_of(const struct display_input *input)
{
	return input->relative ? input->mouse : input->tablet;
}

static void key(void *owner, uint32_t code, bool down)
{
	const struct display_input *input = owner;

	virtio_input_key(input->keyboard, code, down);
}

static void pointer(void *owner, uint32_t x, uint32_t y)
{
	struct display_input *input = owner;

	input->relative = false;
	virtio_input_move_to(input->tablet, x, y);
}

static void motion(void *owner, int32_t dx, int32_t dy)
{
	struct display_input *input = owner;

	input->relative = true;
	virtio_input_move_by(input->mouse, dx, dy);
}

static void button(void *owner, uint32_t code, bool down)
{
	const struct display_input *input = owner;

	if (down) {
		virtio_input_key(pointer_of(input), code, true);
		return;
	}
	virtio_input_key(input->tablet, code, false);
	virtio_input_key(input->mouse, code, false);
}

static void wheel(void *owner, int32_t dx, int32_t dy)
{
	virtio_input_turn(pointer_of(owner), dx, dy);
}

static void release_all(void *owner)
{
	const struct display_input *input = owner;

	virtio_input_release_all(input->keyboard);
	virtio_input_release_all(input->tablet);
	virtio_input_release_all(input->mouse);
}

static const struct display_ops ops = {
	.key = key,
	.pointer = pointer,
	.motion = motion,
	.button = button,
	.wheel = wheel,
	.release_all = release_all,
};

int display_input_connect(struct display_input *input, struct display *display)
{
	return display_add_ops(display, &ops, input);
}

void display_input_leds(void *display, uint32_t leds)
{
	display_set_leds(display, leds);
}
