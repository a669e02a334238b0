/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/scancode.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>

START_TEST(scancodes_there_and_back)
{
	ck_assert_uint_eq(scancode_of_evdev(KEY_A), 0x1e);
	ck_assert_uint_eq(scancode_of_evdev(KEY_RIGHTCTRL), 0x9d);
	ck_assert_uint_eq(scancode_of_evdev(KEY_UP), 0xc8);
	ck_assert_uint_eq(scancode_of_evdev(KEY_RESERVED), 0);
	ck_assert_uint_eq(scancode_of_evdev(KEY_MICMUTE), 0);
	ck_assert_uint_eq(scancode_to_evdev(0x100), KEY_RESERVED);
	for (uint32_t code = 1; code < KEY_CNT; code++) {
		uint32_t scancode = scancode_of_evdev(code);

		ck_assert(scancode < 0x100);
		if (scancode)
			ck_assert_uint_eq(scancode_to_evdev(scancode), code);
	}
	/* Every key of a common keyboard. */
	for (uint32_t code = KEY_ESC; code <= KEY_F12; code++)
		ck_assert_msg(scancode_of_evdev(code) || code == 84 || code == 85, "%u", code);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("scancode");

	tcase_add_test(tests, scancodes_there_and_back);
	return suite_run_case("scancode", tests);
}
