/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the guest has been told, counting what is in the queue, is compared with what is: an event
 * that makes no difference is none. When the queue is full, the two come apart, and are brought
 * together again when the queue has been emptied.
 */
#include "host/vmm/virtio/input.h"

#include "host/vmm/virtio/input_config.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"

#include <assert.h>
#include <linux/input.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <stdio.h>

#define QUEUE_SIZE	64
#define WAITING		512 /* events */
#define MAX_REPORT	3   /* events of one report, with its end */
#define BUDGET		64
#define PCI_CLASS_INPUT 0x098000
#define WORDS		(KEY_CNT / 64)
#define EVENT_BYTES	sizeof(struct virtio_input_event)

struct event {
	uint16_t type, code;
	uint32_t value;
};

struct position {
	uint32_t x, y;
};

/* A tablet that nobody has touched yet. */
static const struct position nowhere = {UINT32_MAX, UINT32_MAX};

struct input {
	struct virtio_device device;
	enum virtio_input_kind kind;
	virtio_input_leds leds_changed;
	void *owner;
	uint32_t leds;		/* the device's thread's */
	uint8_t select, subsel; /* of the configuration; under the bus's lock */

	pthread_mutex_t lock; /* of what follows */
	bool listening;	      /* a driver runs the device */
	struct event waiting[WAITING];
	unsigned int first, count;
	bool apart; /* some were dropped: told is not what is */
	uint64_t down[WORDS], told_down[WORDS];
	struct position at, told_at;
};

static struct input *of(struct virtio_device *device)
{
	return CONTAINER_OF(device, struct input, device);
}

/* --- Events to the guest ------------------------------------------------------------------------
 */

static bool test(const uint64_t *words, uint32_t code)
{
	return words[code / 64] >> code % 64 & 1;
}

static void assign(uint64_t *words, uint32_t code, bool value)
{
	uint64_t bit = 1ULL << code % 64;

	words[code / 64] = (words[code / 64] & ~bit) | (value ? bit : 0);
}

static bool has_room(const struct input *input, unsigned int events)
{
	return WAITING - input->count >= events;
}

static void put(struct input *input, uint16_t type, uint16_t code, uint32_t value)
{
	assert(input->count < WAITING);
	input->waiting[(input->first + input->count++) % WAITING] =
		(struct event){type, code, value};
}

static void put_end(struct input *input)
{
	put(input, EV_SYN, SYN_REPORT, 0);
}

static void put_key(struct input *input, uint32_t code, bool down)
{
	put(input, EV_KEY, (uint16_t)code, down);
	put_end(input);
	assign(input->told_down, code, down);
}

static void put_position(struct input *input)
{
	put(input, EV_ABS, ABS_X, input->at.x);
	put(input, EV_ABS, ABS_Y, input->at.y);
	put_end(input);
	input->told_at = input->at;
}

static bool position_is_told(const struct input *input)
{
	return input->at.x == input->told_at.x && input->at.y == input->told_at.y;
}

/* The position first: a button was pressed or released where the pointer is now. */
static void come_together(struct input *input)
{
	if (!position_is_told(input)) {
		if (!has_room(input, MAX_REPORT))
			return;
		put_position(input);
	}
	for (uint32_t code = 0; code < KEY_CNT; code++) {
		if (test(input->down, code) == test(input->told_down, code))
			continue;
		if (!has_room(input, MAX_REPORT))
			return;
		put_key(input, code, test(input->down, code));
	}
	input->apart = false;
}

/* Return: whether a report may be put; if not, the state stands for it. */
static bool may_put(struct input *input)
{
	if (!input->listening)
		return false;
	if (!input->apart && !has_room(input, MAX_REPORT))
		input->apart = true;
	return !input->apart;
}

static void wake(struct input *input)
{
	if (input->count > 0)
		virtio_kick(&input->device, VIRTIO_INPUT_EVENTS);
}

static void set_key(struct input *input, uint32_t code, bool down)
{
	if (!input_config_has_key(input->kind, code) || test(input->down, code) == down)
		return;
	assign(input->down, code, down);
	if (may_put(input) && test(input->told_down, code) != down)
		put_key(input, code, down);
}

void virtio_input_key(struct virtio_device *device, uint32_t code, bool down)
{
	struct input *input = of(device);

	pthread_mutex_lock(&input->lock);
	if (code < KEY_CNT)
		set_key(input, code, down);
	wake(input);
	pthread_mutex_unlock(&input->lock);
}

void virtio_input_move_to(struct virtio_device *device, uint32_t x, uint32_t y)
{
	struct input *input = of(device);

	pthread_mutex_lock(&input->lock);
	input->at = (struct position){MIN(x, VIRTIO_INPUT_ABSOLUTE_MAX),
				      MIN(y, VIRTIO_INPUT_ABSOLUTE_MAX)};
	if (may_put(input) && !position_is_told(input))
		put_position(input);
	wake(input);
	pthread_mutex_unlock(&input->lock);
}

static void put_relative(struct input *input, uint16_t code_x, uint16_t code_y, int32_t dx,
			 int32_t dy)
{
	if ((dx == 0 && dy == 0) || !may_put(input))
		return;
	if (dx != 0)
		put(input, EV_REL, code_x, (uint32_t)dx);
	if (dy != 0)
		put(input, EV_REL, code_y, (uint32_t)dy);
	put_end(input);
}

void virtio_input_move_by(struct virtio_device *device, int32_t dx, int32_t dy)
{
	struct input *input = of(device);

	pthread_mutex_lock(&input->lock);
	put_relative(input, REL_X, REL_Y, dx, dy);
	wake(input);
	pthread_mutex_unlock(&input->lock);
}

void virtio_input_turn(struct virtio_device *device, int32_t dx, int32_t dy)
{
	struct input *input = of(device);

	pthread_mutex_lock(&input->lock);
	put_relative(input, REL_HWHEEL, REL_WHEEL, dx, dy);
	wake(input);
	pthread_mutex_unlock(&input->lock);
}

void virtio_input_release_all(struct virtio_device *device)
{
	struct input *input = of(device);

	pthread_mutex_lock(&input->lock);
	for (uint32_t code = 0; code < KEY_CNT; code++)
		set_key(input, code, false);
	wake(input);
	pthread_mutex_unlock(&input->lock);
}

/* Return: whether there is an event; it is in the queue no more. */
static bool take(struct input *input, struct event *event)
{
	bool any;

	pthread_mutex_lock(&input->lock);
	if (input->count == 0 && input->apart)
		come_together(input);
	any = input->count > 0;
	if (any) {
		*event = input->waiting[input->first];
		input->first = (input->first + 1) % WAITING;
		input->count--;
	}
	pthread_mutex_unlock(&input->lock);
	return any;
}

/* Return: whether there may be more to do at once. */
static bool send_one(struct input *input)
{
	struct virtio_device *device = &input->device;
	struct virtqueue *queue = virtio_queue(device, VIRTIO_INPUT_EVENTS);
	struct virtio_input_event wire;
	struct virtqueue_chain chain;
	struct event event;

	if (!virtio_pop(device, VIRTIO_INPUT_EVENTS, &chain))
		return virtqueue_enable_kicks(queue);
	if (chain.writable_bytes < sizeof(wire)) {
		virtio_break(device, "a buffer for an input event is too small");
		return false;
	}
	if (!take(input, &event)) {
		virtqueue_unpop(queue, 1);
		return false;
	}
	wire = (struct virtio_input_event){htole16(event.type), htole16(event.code),
					   htole32(event.value)};
	iov_write(virtqueue_chain_writable(&chain), chain.writable, 0, &wire, sizeof(wire));
	virtqueue_push(queue, chain.head, sizeof(wire));
	return true;
}

static bool has_events(struct input *input)
{
	bool any;

	pthread_mutex_lock(&input->lock);
	any = input->count > 0 || input->apart;
	pthread_mutex_unlock(&input->lock);
	return any;
}

static void send_events(struct input *input)
{
	unsigned int budget = BUDGET;
	bool more = has_events(input);

	/* The guest need not tell of buffers that nobody waits for. */
	virtqueue_disable_kicks(virtio_queue(&input->device, VIRTIO_INPUT_EVENTS));
	while (more && budget-- > 0)
		more = send_one(input);
	if (more)
		virtio_kick(&input->device, VIRTIO_INPUT_EVENTS);
	virtio_notify(&input->device, VIRTIO_INPUT_EVENTS);
}

/* --- Lights -------------------------------------------------------------------------------------
 */

static void take_status(struct input *input, const struct virtio_input_event *event)
{
	uint32_t bit;

	if (le16toh(event->type) != EV_LED || le16toh(event->code) > LED_MAX)
		return;
	bit = 1U << le16toh(event->code);
	input->leds = (input->leds & ~bit) | (event->value ? bit : 0);
}

static void take_statuses(struct input *input)
{
	struct virtio_device *device = &input->device;
	struct virtqueue *queue = virtio_queue(device, VIRTIO_INPUT_STATUS);
	unsigned int budget = BUDGET;
	struct virtqueue_chain chain;

	while (budget > 0 && virtio_pop(device, VIRTIO_INPUT_STATUS, &chain)) {
		struct virtio_input_event event;

		budget--;
		if (iov_read(chain.iov, chain.readable, 0, &event, sizeof(event)) == sizeof(event))
			take_status(input, &event);
		virtqueue_push(queue, chain.head, 0);
	}
	if (budget == 0 || virtqueue_enable_kicks(queue))
		virtio_kick(device, VIRTIO_INPUT_STATUS);
	virtio_notify(device, VIRTIO_INPUT_STATUS);
	if (input->leds_changed)
		input->leds_changed(input->owner, input->leds);
}

static void queue_ready(struct virtio_device *device, unsigned int index)
{
	if (index == VIRTIO_INPUT_EVENTS)
		send_events(of(device));
	else
		take_statuses(of(device));
}

/* --- The device ---------------------------------------------------------------------------------
 */

static void config_read(struct virtio_device *device, size_t offset, void *bytes, size_t size)
{
	struct input *input = of(device);
	struct virtio_input_config config;

	input_config_answer(input->kind, input->select, input->subsel, &config);
	memcpy(bytes, (const uint8_t *)&config + offset, size);
}

static void config_write(struct virtio_device *device, size_t offset, const void *bytes,
			 size_t size)
{
	struct input *input = of(device);
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < size; i++) {
		if (offset + i == offsetof(struct virtio_input_config, select))
			input->select = byte[i];
		else if (offset + i == offsetof(struct virtio_input_config, subsel))
			input->subsel = byte[i];
	}
}

/* A driver that begins knows of no key, and no event of before is for it. */
static void forget(struct input *input, bool listening)
{
	pthread_mutex_lock(&input->lock);
	input->listening = listening;
	input->first = input->count = 0;
	input->apart = false;
	memset(input->down, 0, sizeof(input->down));
	memset(input->told_down, 0, sizeof(input->told_down));
	input->at = input->told_at = nowhere;
	pthread_mutex_unlock(&input->lock);
	input->leds = 0;
	if (input->leds_changed)
		input->leds_changed(input->owner, 0);
}

static void activate(struct virtio_device *device)
{
	forget(of(device), true);
}

static void reset(struct virtio_device *device)
{
	struct input *input = of(device);

	forget(input, false);
	input->select = input->subsel = 0;
}

static void input_free(struct virtio_device *device)
{
	struct input *input = of(device);

	pthread_mutex_destroy(&input->lock);
	virtio_device_release(device);
	free(input);
}

static const struct virtio_device_ops ops = {
	.name = "input",
	.id = VIRTIO_ID_INPUT,
	.class_code = PCI_CLASS_INPUT,
	.config_read = config_read,
	.config_write = config_write,
	.activate = activate,
	.queue_ready = queue_ready,
	.reset = reset,
	.free = input_free,
};

int virtio_input_new(const struct guestmem *memory, enum virtio_input_kind kind,
		     virtio_input_leds leds, void *owner, struct virtio_device **device)
{
	static const char *const names[] = {
		[VIRTIO_INPUT_KEYBOARD] = "keyboard",
		[VIRTIO_INPUT_TABLET] = "tablet",
		[VIRTIO_INPUT_MOUSE] = "mouse",
	};
	_cleanup_free_ struct input *input = calloc(1, sizeof(*input));
	int result;

	if (!input)
		return -ENOMEM;
	input->kind = kind;
	input->leds_changed = leds;
	input->owner = owner;
	input->at = input->told_at = nowhere;
	input->device.ops = &ops;
	snprintf(input->device.name, sizeof(input->device.name), "%s", names[kind]);
	input->device.config_size = sizeof(struct virtio_input_config);
	input->device.queues = 2;
	result = virtio_device_init(&input->device, memory, QUEUE_SIZE);
	if (result < 0)
		return result;
	pthread_mutex_init(&input->lock, NULL);
	*device = &take_ptr(input)->device;
	return 0;
}
