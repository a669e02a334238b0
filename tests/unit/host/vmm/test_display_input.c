/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From packets of the channel to three devices, and a light back. */
#include "host/vmm/display_input.h"
#include "host/vmm/virtio/input.h"
#include "tests/unit/host/vmm/display_rig.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/input.h>
#include <linux/virtio_input.h>

#define BUFFERS 32

enum { KEYBOARD, TABLET, MOUSE, DEVICES };

static struct guest guest[DEVICES];
static struct display_rig rig;
static struct display_client client;
static struct display_input input;

static struct virtio_device *plug(unsigned int index, enum virtio_input_kind kind)
{
	struct virtio_device *device;

	ck_assert_int_eq(virtio_input_new(&guest[index].memory, kind,
					  kind == VIRTIO_INPUT_KEYBOARD ? display_input_leds : NULL,
					  rig.display, &device),
			 0);
	guest_plug(&guest[index], device);
	ck_assert(guest_bring_up(&guest[index], 0));
	for (uint64_t i = 0; i < BUFFERS; i++)
		guest_add(&guest[index], VIRTIO_INPUT_EVENTS,
			  &(struct guest_buffer){GUEST_BUFFERS_AT + 8 * i, 8, true}, 1);
	guest_kick(&guest[index], VIRTIO_INPUT_EVENTS);
	return device;
}

static void set_up(void)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		guest_init(&guest[i]);
	display_rig_open(&rig, guest[0].ram, GUEST_RAM_BYTES, 1);
	input = (struct display_input){.keyboard = plug(KEYBOARD, VIRTIO_INPUT_KEYBOARD),
				       .tablet = plug(TABLET, VIRTIO_INPUT_TABLET),
				       .mouse = plug(MOUSE, VIRTIO_INPUT_MOUSE)};
	ck_assert_int_eq(display_input_connect(&input, rig.display), 0);
	ck_assert(display_client_open(&client, &rig));
}

static void tear_down(void)
{
	display_client_close(&client);
	for (unsigned int i = 0; i < DEVICES; i++)
		guest_free(&guest[i]);
	display_rig_close(&rig);
}

static void tell(const void *packet, size_t size)
{
	display_client_send(&client, packet, size);
	display_rig_turn(&rig);
}

static void press(uint32_t kind, uint32_t code, bool down)
{
	tell(&(struct channel_key){kind, code, down}, sizeof(struct channel_key));
}

static void move_mouse(uint32_t kind, int32_t dx, int32_t dy)
{
	tell(&(struct channel_motion){kind, dx, dy}, sizeof(struct channel_motion));
}

/* The next event but ends of reports; type 0 if there is none. */
static struct virtio_input_event next(unsigned int index)
{
	struct virtio_input_event event = {0};
	uint32_t id, written;

	guest_run(&guest[index]);
	while (guest_take_used(&guest[index], VIRTIO_INPUT_EVENTS, &id, &written)) {
		memcpy(&event, guest_at(&guest[index], GUEST_BUFFERS_AT + 8 * (uint64_t)id), 8);
		if (event.type != EV_SYN)
			return event;
	}
	return (struct virtio_input_event){0};
}

static void expect(unsigned int index, uint16_t type, uint16_t code, uint32_t value)
{
	struct virtio_input_event event = next(index);

	ck_assert_uint_eq(event.type, type);
	ck_assert_uint_eq(event.code, code);
	ck_assert_uint_eq(event.value, value);
}

static void expect_nothing(void)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		ck_assert_uint_eq(next(i).type, 0);
}

START_TEST(keys_are_the_keyboards)
{
	press(CHANNEL_KEY, KEY_A, true);
	expect(KEYBOARD, EV_KEY, KEY_A, 1);
	/* No keyboard has it, and keys are no buttons. */
	press(CHANNEL_KEY, BTN_LEFT, true);
	press(CHANNEL_BUTTON, KEY_A, true);
	expect_nothing();
}
END_TEST

START_TEST(buttons_are_the_pointers_that_moved_last)
{
	struct channel_pointer pointer = {CHANNEL_POINTER, 7, 8};

	press(CHANNEL_BUTTON, BTN_LEFT, true);
	expect(TABLET, EV_KEY, BTN_LEFT, 1);
	move_mouse(CHANNEL_MOTION, 3, 0);
	expect(MOUSE, EV_REL, REL_X, 3);
	press(CHANNEL_BUTTON, BTN_RIGHT, true);
	expect(MOUSE, EV_KEY, BTN_RIGHT, 1);
	move_mouse(CHANNEL_WHEEL, 0, 1);
	expect(MOUSE, EV_REL, REL_WHEEL, 1);
	/* It is released where it was pressed. */
	press(CHANNEL_BUTTON, BTN_LEFT, false);
	expect(TABLET, EV_KEY, BTN_LEFT, 0);
	expect_nothing();
	tell(&pointer, sizeof(pointer));
	expect(TABLET, EV_ABS, ABS_X, 7);
	expect(TABLET, EV_ABS, ABS_Y, 8);
	move_mouse(CHANNEL_WHEEL, 1, 0);
	expect(TABLET, EV_REL, REL_HWHEEL, 1);
	press(CHANNEL_BUTTON, BTN_RIGHT, false);
	expect(MOUSE, EV_KEY, BTN_RIGHT, 0);
	expect_nothing();
}
END_TEST

START_TEST(who_leaves_holds_nothing_down)
{
	press(CHANNEL_KEY, KEY_LEFTCTRL, true);
	press(CHANNEL_BUTTON, BTN_LEFT, true);
	expect(KEYBOARD, EV_KEY, KEY_LEFTCTRL, 1);
	expect(TABLET, EV_KEY, BTN_LEFT, 1);
	display_client_close(&client);
	display_rig_turn(&rig);
	expect(KEYBOARD, EV_KEY, KEY_LEFTCTRL, 0);
	expect(TABLET, EV_KEY, BTN_LEFT, 0);
	ck_assert(display_client_open(&client, &rig));
}
END_TEST

START_TEST(lights_come_back)
{
	struct virtio_input_event light = {EV_LED, LED_CAPSL, 1};
	struct channel_leds leds;

	memcpy(guest_at(&guest[KEYBOARD], GUEST_BUFFERS_AT + 0x1000), &light, sizeof(light));
	guest_add(&guest[KEYBOARD], VIRTIO_INPUT_STATUS,
		  &(struct guest_buffer){GUEST_BUFFERS_AT + 0x1000, 8, false}, 1);
	guest_kick(&guest[KEYBOARD], VIRTIO_INPUT_STATUS);
	display_rig_turn(&rig);
	ck_assert_int_eq((int)display_client_receive(&client, &leds, sizeof(leds)), sizeof(leds));
	ck_assert_uint_eq(leds.kind, CHANNEL_LEDS);
	ck_assert_uint_eq(leds.leds, 1U << LED_CAPSL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("display input");
	TCase *tc = tcase_create("input");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, keys_are_the_keyboards);
	tcase_add_test(tc, buttons_are_the_pointers_that_moved_last);
	tcase_add_test(tc, who_leaves_holds_nothing_down);
	tcase_add_test(tc, lights_come_back);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
