/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/bus_wire.h"

#include "host/screen/bus_peer.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

START_TEST(a_message_tells_its_length)
{
	uint8_t start[] = "l\1\0\1\5\0\0\0\1\0\0\0\x11\0\0\0";

	ck_assert_int_eq(bus_wire_length(start), 16 + 24 + 5);
	memcpy(start, "B\1\0\1\0\0\0\5\0\0\0\1\0\0\0\x11", BUS_WIRE_START);
	ck_assert_int_eq(bus_wire_length(start), 16 + 24 + 5);
	start[4] = 0x08;
	ck_assert_int_eq(bus_wire_length(start), -EPROTO);
	start[4] = 0;
	start[12] = 0xff;
	ck_assert_int_eq(bus_wire_length(start), -EPROTO);
	start[12] = 0;
	start[3] = 2;
	ck_assert_int_eq(bus_wire_length(start), -EPROTO);
	start[3] = 1;
	start[0] = 'x';
	ck_assert_int_eq(bus_wire_length(start), -EPROTO);
}
END_TEST

START_TEST(descriptors_are_counted_and_taken_out)
{
	/* A path, a signature, and the number of descriptors. */
	uint8_t message[] = "l\1\0\1\0\0\0\0\1\0\0\0\x20\0\0\0"
			    "\1\1o\0\2\0\0\0/a\0\0\0\0\0\0"
			    "\x8\1g\0\1h\0\0"
			    "\x9\1u\0\2\0\0\0";

	ck_assert_int_eq(bus_wire_take_fds(message, 48), 2);
	ck_assert_int_eq(bus_wire_take_fds(message, 48), 0);
	message[44] = BUS_PEER_MAX_FDS + 1;
	ck_assert_int_eq(bus_wire_take_fds(message, 48), -EPROTO);
	message[44] = 1;
	/* The header is longer than the message; a text is; a field is of a kind that none is. */
	ck_assert_int_eq(bus_wire_take_fds(message, 47), -EPROTO);
	ck_assert_int_eq(bus_wire_take_fds(message, 15), -EPROTO);
	message[20] = 200;
	ck_assert_int_eq(bus_wire_take_fds(message, 48), -EPROTO);
	message[20] = 2;
	message[34] = 'v';
	ck_assert_int_eq(bus_wire_take_fds(message, 48), -EPROTO);
	message[34] = 'g';
	ck_assert_int_eq(bus_wire_take_fds(message, 48), 1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("bus_wire");

	tcase_add_test(tests, a_message_tells_its_length);
	tcase_add_test(tests, descriptors_are_counted_and_taken_out);
	return suite_run_case("bus_wire", tests);
}
