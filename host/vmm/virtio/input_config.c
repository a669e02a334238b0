/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/input_config.h"

#include "protocol/base/bytes.h"

#include <linux/input.h>
#include <stdio.h>

#define VENDOR	0x1af4
#define VERSION 1

/* Keyboards have every key; those from BTN_MISC to BTN_GEAR_UP belong to other devices, and what
 * is below KEY_MICMUTE is all that X11 and text consoles know. */
#define LAST_KEY KEY_MICMUTE

static const struct {
	const char *name;
	uint16_t product;
} identity[VIRTIO_INPUT_KINDS] = {
	[VIRTIO_INPUT_KEYBOARD] = {"Lodge keyboard", 1},
	[VIRTIO_INPUT_TABLET] = {"Lodge tablet", 2},
	[VIRTIO_INPUT_MOUSE] = {"Lodge mouse", 3},
};

bool input_config_has_key(enum virtio_input_kind kind, uint32_t code)
{
	if (kind == VIRTIO_INPUT_KEYBOARD)
		return code > KEY_RESERVED && code <= LAST_KEY;
	return code >= BTN_LEFT && code <= BTN_TASK;
}

static void set_text(struct virtio_input_config *config, const char *text)
{
	config->size = (uint8_t)MIN(strlen(text), sizeof(config->u.string));
	memcpy(config->u.string, text, config->size);
}

/* The size is that of the bitmap up to its last byte that is not zero. */
static void set_bit(struct virtio_input_config *config, unsigned int bit)
{
	config->u.bitmap[bit / 8] |= (uint8_t)(1U << bit % 8);
	config->size = MAX(config->size, (uint8_t)(bit / 8 + 1));
}

static void set_keys(enum virtio_input_kind kind, struct virtio_input_config *config)
{
	for (uint32_t code = 0; code < 8 * sizeof(config->u.bitmap) && code < KEY_CNT; code++)
		if (input_config_has_key(kind, code))
			set_bit(config, code);
}

static void set_event_bits(enum virtio_input_kind kind, uint8_t type,
			   struct virtio_input_config *config)
{
	bool pointer = kind != VIRTIO_INPUT_KEYBOARD;

	switch (type) {
	case EV_KEY:
		set_keys(kind, config);
		break;
	case EV_REL:
		if (kind == VIRTIO_INPUT_MOUSE) {
			set_bit(config, REL_X);
			set_bit(config, REL_Y);
		}
		if (pointer) {
			set_bit(config, REL_WHEEL);
			set_bit(config, REL_HWHEEL);
		}
		break;
	case EV_ABS:
		if (kind == VIRTIO_INPUT_TABLET) {
			set_bit(config, ABS_X);
			set_bit(config, ABS_Y);
		}
		break;
	case EV_LED:
		if (!pointer) {
			set_bit(config, LED_NUML);
			set_bit(config, LED_CAPSL);
			set_bit(config, LED_SCROLLL);
		}
		break;
	case EV_REP:
		/* Drivers look at the size only: the guest repeats. */
		if (!pointer) {
			set_bit(config, REP_DELAY);
			set_bit(config, REP_PERIOD);
		}
		break;
	}
}

static void set_range(enum virtio_input_kind kind, uint8_t axis, struct virtio_input_config *config)
{
	if (kind != VIRTIO_INPUT_TABLET || (axis != ABS_X && axis != ABS_Y))
		return;
	config->u.abs.max = htole32(VIRTIO_INPUT_ABSOLUTE_MAX);
	config->size = sizeof(config->u.abs);
}

static void set_ids(enum virtio_input_kind kind, struct virtio_input_config *config)
{
	config->u.ids = (struct virtio_input_devids){
		.bustype = htole16(BUS_VIRTUAL),
		.vendor = htole16(VENDOR),
		.product = htole16(identity[kind].product),
		.version = htole16(VERSION),
	};
	config->size = sizeof(config->u.ids);
}

void input_config_answer(enum virtio_input_kind kind, uint8_t select, uint8_t subsel,
			 struct virtio_input_config *config)
{
	*config = (struct virtio_input_config){.select = select, .subsel = subsel};
	if (select == VIRTIO_INPUT_CFG_EV_BITS)
		set_event_bits(kind, subsel, config);
	else if (select == VIRTIO_INPUT_CFG_ABS_INFO)
		set_range(kind, subsel, config);
	else if (subsel != 0)
		return; /* the others have one answer each */
	else if (select == VIRTIO_INPUT_CFG_ID_NAME)
		set_text(config, identity[kind].name);
	else if (select == VIRTIO_INPUT_CFG_ID_SERIAL)
		set_text(config, "0");
	else if (select == VIRTIO_INPUT_CFG_ID_DEVIDS)
		set_ids(kind, config);
}
