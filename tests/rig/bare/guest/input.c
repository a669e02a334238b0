/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "input.h"

#include "io.h"
#include "lib.h"

static bool add_buffer(struct input *input, unsigned index)
{
	struct buffer buffer = {&input->buffer[index], sizeof(input->buffer[index]), true};
	int head = virtqueue_add(&input->events, &buffer, 1);

	if (head < 0)
		return false;
	input->head[index] = (uint16_t)head;
	return true;
}

bool input_start(struct input *input, unsigned nth)
{
	if (!virtio_find(&input->device, VIRTIO_ID_INPUT, nth) ||
	    !virtio_negotiate(&input->device, 0) ||
	    !virtqueue_start(&input->events, &input->device, INPUT_EVENTS) ||
	    !virtqueue_start(&input->status, &input->device, INPUT_STATUS))
		return false;
	input->buffer = allocate(INPUT_BUFFERS * sizeof(*input->buffer), 16);
	virtio_driver_ok(&input->device);
	for (unsigned i = 0; i < INPUT_BUFFERS; i++) {
		if (!add_buffer(input, i))
			return false;
	}
	virtqueue_notify(&input->events);
	return true;
}

uint8_t input_ask(struct input *input, uint8_t select, uint8_t subsel, uint8_t *bytes)
{
	uint64_t config = input->device.config;
	uint8_t size;

	mmio_write8(config + offsetof(struct virtio_input_config, select), select);
	mmio_write8(config + offsetof(struct virtio_input_config, subsel), subsel);
	size = mmio_read8(config + offsetof(struct virtio_input_config, size));
	for (unsigned i = 0; i < size && i < 128; i++)
		bytes[i] = mmio_read8(config + offsetof(struct virtio_input_config, u) + i);
	return size;
}

/* The next event; its buffer goes back. */
static bool take(struct input *input, struct virtio_input_event *event)
{
	int head = virtqueue_take(&input->events, NULL);

	for (unsigned i = 0; head >= 0 && i < INPUT_BUFFERS; i++) {
		if (input->head[i] != head)
			continue;
		*event = *(volatile struct virtio_input_event *)&input->buffer[i];
		add_buffer(input, i);
		virtqueue_kick(&input->events);
		return true;
	}
	return false;
}

bool input_wait(struct input *input, uint16_t type, uint16_t code, uint32_t *value, unsigned ms)
{
	struct virtio_input_event event = {0};

	if (!wait_for(take(input, &event) && event.type == type && event.code == code, ms))
		return false;
	*value = event.value;
	return true;
}

bool input_tell(struct input *input, uint16_t type, uint16_t code, uint32_t value)
{
	struct virtio_input_event *event = allocate(sizeof(*event), 16);
	struct buffer buffer = {event, sizeof(*event), false};

	*event = (struct virtio_input_event){type, code, value};
	return virtqueue_add(&input->status, &buffer, 1) >= 0 &&
	       virtqueue_exchange(&input->status, NULL) >= 0;
}
