/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Input devices; ../screen.py presses keys and moves pointers. */
#include "input.h"
#include "lib.h"
#include "suites.h"

#include <linux/input-event-codes.h>

#define SCREEN_MS 60000

static void test_configuration(void)
{
	static const char *const names[] = {"Lodge keyboard", "Lodge tablet", "Lodge mouse"};
	struct input input;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		char name[129] = "";

		require(input_start(&input, i), "device %u does not start", i);
		input_ask(&input, VIRTIO_INPUT_CFG_ID_NAME, 0, (uint8_t *)name);
		check(strcmp(name, names[i]) == 0, "device %u is '%s'", i, name);
		check(input_ask(&input, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, (uint8_t *)name) > 0,
		      "device %u has no keys", i);
		check(input_ask(&input, 0xff, 0xff, (uint8_t *)name) == 0, "an answer to nonsense");
	}
}

static void test_keyboard(void)
{
	struct input input;
	uint32_t value;

	require(input_start(&input, INPUT_KEYBOARD), "the device does not start");
	require(input_wait(&input, EV_KEY, KEY_A, &value, SCREEN_MS), "no key");
	check(value == 1, "the first event of a key says %u", value);
	require(input_wait(&input, EV_KEY, KEY_A, &value, SCREEN_MS), "no second event");
	check(value == 0, "the second event of a key says %u", value);
	check(input_wait(&input, EV_SYN, SYN_REPORT, &value, SCREEN_MS), "no end");
	check(input_tell(&input, EV_LED, LED_CAPSL, 1), "the light is not taken");
	/* Long enough to be seen before the reset puts it out. */
	wait_for(false, 500);
}

static void test_tablet(void)
{
	struct input input;
	uint32_t value;

	require(input_start(&input, INPUT_TABLET), "the device does not start");
	require(input_wait(&input, EV_ABS, ABS_X, &value, SCREEN_MS), "no position");
	check(value == 1000 || value == 1001, "x is %u", value);
	require(input_wait(&input, EV_KEY, BTN_LEFT, &value, SCREEN_MS), "no button");
	check(value <= 1, "the button says %u", value);
}

static void test_mouse(void)
{
	struct input input;
	uint32_t value;

	require(input_start(&input, INPUT_MOUSE), "the device does not start");
	require(input_wait(&input, EV_REL, REL_X, &value, SCREEN_MS), "no movement");
	check(value == (uint32_t)-3, "x is 0x%x", value);
	require(input_wait(&input, EV_REL, REL_Y, &value, SCREEN_MS), "no movement");
	check(value == 4, "y is %u", value);
	require(input_wait(&input, EV_REL, REL_WHEEL, &value, SCREEN_MS), "no wheel");
	check(value == (uint32_t)-1, "the wheel says 0x%x", value);
}

static const struct test tests[] = {
	{"configuration", test_configuration},
	{"keyboard", test_keyboard},
	{"tablet", test_tablet},
	{"mouse", test_mouse},
};

const struct suite suite_input = {"input", tests, ARRAY_SIZE(tests), NULL};
