/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/input.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/input.h>
#include <linux/virtio_input.h>

#define BUFFERS 60 /* of the event queue, that the guest keeps there */
#define STATUS	(GUEST_BUFFERS_AT + 0x1000)

static struct guest guest;
static uint32_t lights;
static unsigned int lights_told;

static void on_lights(void *owner, uint32_t leds)
{
	(void)owner;
	lights = leds;
	lights_told++;
}

static void plug(enum virtio_input_kind kind)
{
	struct virtio_device *device;

	lights = lights_told = 0;
	guest_init(&guest);
	ck_assert_int_eq(virtio_input_new(&guest.memory, kind, on_lights, NULL, &device), 0);
	guest_plug(&guest, device);
}

static void start(enum virtio_input_kind kind)
{
	plug(kind);
	ck_assert(guest_bring_up(&guest, 0));
}

static void tear_down(void)
{
	guest_free(&guest);
}

static void add_buffer(void)
{
	struct guest_queue *queue = &guest.queue[VIRTIO_INPUT_EVENTS];
	uint64_t place = GUEST_BUFFERS_AT + 8 * (uint64_t)queue->next_descriptor;

	guest_add(&guest, VIRTIO_INPUT_EVENTS, &(struct guest_buffer){place, 8, true}, 1);
}

static void add_buffers(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		add_buffer();
	guest_kick(&guest, VIRTIO_INPUT_EVENTS);
}

/* Takes an event, and puts its buffer back. Return: whether there was one. */
static bool take(struct virtio_input_event *event)
{
	uint32_t id, written;

	guest_run(&guest);
	if (!guest_take_used(&guest, VIRTIO_INPUT_EVENTS, &id, &written))
		return false;
	ck_assert_uint_eq(written, sizeof(*event));
	memcpy(event, guest_at(&guest, GUEST_BUFFERS_AT + 8 * (uint64_t)id), sizeof(*event));
	add_buffer();
	guest_kick(&guest, VIRTIO_INPUT_EVENTS);
	return true;
}

static void expect(uint16_t type, uint16_t code, uint32_t value)
{
	struct virtio_input_event event;

	ck_assert_msg(take(&event), "no event");
	ck_assert_uint_eq(event.type, type);
	ck_assert_uint_eq(event.code, code);
	ck_assert_uint_eq(event.value, value);
}

static void expect_end(void)
{
	expect(EV_SYN, SYN_REPORT, 0);
}

static void expect_nothing(void)
{
	struct virtio_input_event event;

	ck_assert(!take(&event));
}

/* --- Configuration --- */

static uint8_t ask(uint8_t select, uint8_t subsel)
{
	guest_write(&guest, VIRTIO_BAR_CONFIG, 1, select);
	guest_write(&guest, VIRTIO_BAR_CONFIG + 1, 1, subsel);
	return (uint8_t)guest_read(&guest, VIRTIO_BAR_CONFIG + 2, 1);
}

static uint8_t answer(unsigned int at)
{
	return (uint8_t)guest_read(&guest, VIRTIO_BAR_CONFIG + 8 + at, 1);
}

static bool has(uint8_t type, unsigned int code)
{
	return ask(VIRTIO_INPUT_CFG_EV_BITS, type) > code / 8 && answer(code / 8) >> code % 8 & 1;
}

START_TEST(a_keyboard_says_what_it_is)
{
	plug(VIRTIO_INPUT_KEYBOARD);
	ck_assert_uint_eq(guest_read(&guest, VIRTIO_BAR_CONFIG + 2, 1), 0);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_ID_NAME, 0), strlen("Lodge keyboard"));
	ck_assert_uint_eq(answer(0), 'L');
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_ID_NAME, 1), 0);
	ck_assert_uint_eq(answer(0), 0);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_ID_DEVIDS, 0), 8);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_PROP_BITS, 0), 0);
	ck_assert(has(EV_KEY, KEY_ESC));
	ck_assert(has(EV_KEY, KEY_RIGHTMETA));
	ck_assert(has(EV_KEY, KEY_MICMUTE));
	ck_assert(!has(EV_KEY, KEY_RESERVED));
	ck_assert(!has(EV_KEY, BTN_LEFT));
	ck_assert(has(EV_LED, LED_CAPSL));
	ck_assert_uint_ne(ask(VIRTIO_INPUT_CFG_EV_BITS, EV_REP), 0);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_EV_BITS, EV_ABS), 0);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_EV_BITS, EV_REL), 0);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_ABS_INFO, ABS_X), 0);
	ck_assert_uint_eq(ask(0xff, 0xff), 0);
}
END_TEST

START_TEST(pointers_say_what_they_are)
{
	plug(_i);
	ck_assert(has(EV_KEY, BTN_LEFT));
	ck_assert(has(EV_KEY, BTN_TASK));
	ck_assert(!has(EV_KEY, KEY_A));
	ck_assert(has(EV_REL, REL_WHEEL));
	ck_assert(has(EV_REL, REL_HWHEEL));
	ck_assert_int_eq(has(EV_REL, REL_X), _i == VIRTIO_INPUT_MOUSE);
	ck_assert_int_eq(has(EV_ABS, ABS_Y), _i == VIRTIO_INPUT_TABLET);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_EV_BITS, EV_LED), 0);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_EV_BITS, EV_REP), 0);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_ABS_INFO, ABS_Y),
			  _i == VIRTIO_INPUT_TABLET ? 20 : 0);
	if (_i == VIRTIO_INPUT_TABLET)
		ck_assert_uint_eq(answer(4) | answer(5) << 8, VIRTIO_INPUT_ABSOLUTE_MAX);
	ck_assert_uint_eq(ask(VIRTIO_INPUT_CFG_ABS_INFO, ABS_Z), 0);
}
END_TEST

/* --- Events --- */

START_TEST(keys_go_down_and_up)
{
	start(VIRTIO_INPUT_KEYBOARD);
	add_buffers(BUFFERS);
	expect_nothing();
	virtio_input_key(guest.device, KEY_A, true);
	expect(EV_KEY, KEY_A, 1);
	expect_end();
	/* It is down: nothing new. */
	virtio_input_key(guest.device, KEY_A, true);
	expect_nothing();
	virtio_input_key(guest.device, KEY_A, false);
	expect(EV_KEY, KEY_A, 0);
	expect_end();
	virtio_input_key(guest.device, KEY_A, false);
	virtio_input_key(guest.device, BTN_LEFT, true);
	virtio_input_key(guest.device, 0, true);
	virtio_input_key(guest.device, KEY_CNT, true);
	virtio_input_key(guest.device, UINT32_MAX, true);
	expect_nothing();
	ck_assert(!guest_is_broken(&guest));
}
END_TEST

START_TEST(all_keys_are_released_at_once)
{
	start(VIRTIO_INPUT_KEYBOARD);
	add_buffers(BUFFERS);
	virtio_input_key(guest.device, KEY_LEFTCTRL, true);
	virtio_input_key(guest.device, KEY_LEFTALT, true);
	for (int i = 0; i < 2; i++) {
		expect(EV_KEY, i ? KEY_LEFTALT : KEY_LEFTCTRL, 1);
		expect_end();
	}
	virtio_input_release_all(guest.device);
	for (int i = 0; i < 2; i++) {
		expect(EV_KEY, i ? KEY_LEFTALT : KEY_LEFTCTRL, 0);
		expect_end();
	}
	expect_nothing();
}
END_TEST

START_TEST(a_tablet_is_where_it_is)
{
	start(VIRTIO_INPUT_TABLET);
	add_buffers(BUFFERS);
	virtio_input_move_to(guest.device, 0, 0);
	expect(EV_ABS, ABS_X, 0);
	expect(EV_ABS, ABS_Y, 0);
	expect_end();
	virtio_input_move_to(guest.device, 0, 0);
	expect_nothing();
	virtio_input_move_to(guest.device, 100, UINT32_MAX);
	expect(EV_ABS, ABS_X, 100);
	expect(EV_ABS, ABS_Y, VIRTIO_INPUT_ABSOLUTE_MAX);
	expect_end();
	virtio_input_turn(guest.device, 0, -1);
	expect(EV_REL, REL_WHEEL, (uint32_t)-1);
	expect_end();
}
END_TEST

START_TEST(a_mouse_moves)
{
	start(VIRTIO_INPUT_MOUSE);
	add_buffers(BUFFERS);
	virtio_input_move_by(guest.device, -5, 0);
	expect(EV_REL, REL_X, (uint32_t)-5);
	expect_end();
	virtio_input_move_by(guest.device, 0, 0);
	expect_nothing();
	virtio_input_turn(guest.device, 2, 1);
	expect(EV_REL, REL_HWHEEL, 2);
	expect(EV_REL, REL_WHEEL, 1);
	expect_end();
	virtio_input_key(guest.device, BTN_MIDDLE, true);
	expect(EV_KEY, BTN_MIDDLE, 1);
	expect_end();
}
END_TEST

START_TEST(what_the_guest_does_not_take_has_a_bound)
{
	struct virtio_input_event event;
	bool down[KEY_CNT] = {false};
	unsigned int events = 0;

	start(VIRTIO_INPUT_KEYBOARD);
	virtio_input_key(guest.device, KEY_LEFTSHIFT, true);
	for (int i = 0; i < 2000; i++) {
		virtio_input_key(guest.device, KEY_A, i % 2 == 0);
		guest_run_rounds(&guest, 2);
	}
	/* These are pressed and released when nothing can be put any more. */
	virtio_input_key(guest.device, KEY_B, true);
	virtio_input_key(guest.device, KEY_C, true);
	virtio_input_key(guest.device, KEY_C, false);
	virtio_input_key(guest.device, KEY_LEFTSHIFT, false);
	add_buffers(BUFFERS);
	while (take(&event)) {
		events++;
		if (event.type == EV_KEY)
			down[event.code] = event.value;
	}
	ck_assert_uint_lt(events, 600);
	ck_assert(!down[KEY_LEFTSHIFT]);
	ck_assert(!down[KEY_A]);
	ck_assert(!down[KEY_C]);
	ck_assert(down[KEY_B]);
	virtio_input_key(guest.device, KEY_B, false);
	expect(EV_KEY, KEY_B, 0);
	expect_end();
}
END_TEST

START_TEST(the_last_position_arrives)
{
	struct virtio_input_event event;
	uint32_t x = 0, buttons = 0;

	start(VIRTIO_INPUT_TABLET);
	for (uint32_t i = 0; i < 1000; i++)
		virtio_input_move_to(guest.device, i, i);
	virtio_input_key(guest.device, BTN_LEFT, true);
	virtio_input_move_to(guest.device, 7777, 1);
	add_buffers(BUFFERS);
	while (take(&event)) {
		if (event.type == EV_ABS && event.code == ABS_X)
			x = event.value;
		buttons += event.type == EV_KEY;
	}
	ck_assert_uint_eq(x, 7777);
	ck_assert_uint_eq(buttons, 1);
}
END_TEST

START_TEST(who_begins_anew_knows_of_no_key)
{
	start(VIRTIO_INPUT_KEYBOARD);
	virtio_input_key(guest.device, KEY_A, true);
	guest_set_status(&guest, 0);
	/* No driver: this is for nobody. */
	virtio_input_key(guest.device, KEY_B, true);
	ck_assert(guest_bring_up(&guest, 0));
	add_buffers(BUFFERS);
	expect_nothing();
	virtio_input_key(guest.device, KEY_A, false);
	virtio_input_key(guest.device, KEY_B, false);
	expect_nothing();
	virtio_input_key(guest.device, KEY_A, true);
	expect(EV_KEY, KEY_A, 1);
}
END_TEST

START_TEST(a_buffer_that_is_too_small_breaks_the_device)
{
	start(VIRTIO_INPUT_KEYBOARD);
	guest_add(&guest, VIRTIO_INPUT_EVENTS, &(struct guest_buffer){GUEST_BUFFERS_AT, 7, true},
		  1);
	virtio_input_key(guest.device, KEY_A, true);
	guest_run(&guest);
	ck_assert(guest_is_broken(&guest));
	ck_assert(guest_bring_up(&guest, 0));
}
END_TEST

/* --- Lights --- */

static void send_status(uint16_t type, uint16_t code, uint32_t value, uint32_t size)
{
	struct virtio_input_event event = {type, code, value};
	uint32_t id, written;

	memcpy(guest_at(&guest, STATUS), &event, sizeof(event));
	guest_add(&guest, VIRTIO_INPUT_STATUS, &(struct guest_buffer){STATUS, size, false}, 1);
	guest_kick(&guest, VIRTIO_INPUT_STATUS);
	ck_assert(guest_take_used(&guest, VIRTIO_INPUT_STATUS, &id, &written));
	ck_assert_uint_eq(written, 0);
}

START_TEST(lights_go_on_and_off)
{
	start(VIRTIO_INPUT_KEYBOARD);
	send_status(EV_LED, LED_CAPSL, 1, 8);
	ck_assert_uint_eq(lights, 1U << LED_CAPSL);
	send_status(EV_LED, LED_NUML, 1, 8);
	ck_assert_uint_eq(lights, 1U << LED_CAPSL | 1U << LED_NUML);
	send_status(EV_LED, LED_CAPSL, 0, 8);
	send_status(EV_SND, SND_BELL, 1, 8);
	send_status(EV_LED, 0x1000, 1, 8);
	send_status(EV_LED, LED_SCROLLL, 1, 7);
	ck_assert_uint_eq(lights, 1U << LED_NUML);
	guest_set_status(&guest, 0);
	ck_assert_uint_eq(lights, 0);
	ck_assert_uint_gt(lights_told, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("input");
	TCase *tc = tcase_create("input");

	tcase_add_checked_fixture(tc, NULL, tear_down);
	tcase_add_test(tc, a_keyboard_says_what_it_is);
	tcase_add_loop_test(tc, pointers_say_what_they_are, VIRTIO_INPUT_TABLET,
			    VIRTIO_INPUT_KINDS);
	tcase_add_test(tc, keys_go_down_and_up);
	tcase_add_test(tc, all_keys_are_released_at_once);
	tcase_add_test(tc, a_tablet_is_where_it_is);
	tcase_add_test(tc, a_mouse_moves);
	tcase_add_test(tc, what_the_guest_does_not_take_has_a_bound);
	tcase_add_test(tc, the_last_position_arrives);
	tcase_add_test(tc, who_begins_anew_knows_of_no_key);
	tcase_add_test(tc, a_buffer_that_is_too_small_breaks_the_device);
	tcase_add_test(tc, lights_go_on_and_off);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
