/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "console.h"
#include "lib.h"
#include "suites.h"

#define BULK_BYTES 4096

static void test_ports(void)
{
	struct console console;

	require(console_start(&console), "the device does not start");
	require(console_find(&console, CONSOLE_ECHO) != NULL, "no port bare.echo");
	require(console_find(&console, CONSOLE_IDLE) != NULL, "no port bare.idle");
	check(console_find(&console, CONSOLE_ECHO)->host_open, "bare.echo is not open");
	check(!console_find(&console, CONSOLE_IDLE)->host_open, "bare.idle is open");
}

static bool receive_all(struct console_port *port, uint8_t *to, uint32_t length)
{
	for (uint32_t got = 0; got < length;) {
		uint32_t more = console_receive(port, to + got, length - got, VIRTIO_ANSWER_MS);

		if (!check(more > 0 && more <= length - got, "%u bytes after %u of %u", more, got,
			   length))
			return false;
		got += more;
	}
	return true;
}

static void test_echo(void)
{
	struct console console;
	struct console_port *port;
	uint8_t *out = allocate(BULK_BYTES, 16), *in = allocate(BULK_BYTES, 16);

	require(console_start(&console), "the device does not start");
	port = console_find(&console, CONSOLE_ECHO);
	require(port != NULL && console_open(&console, port), "the port does not open");
	require(console_send(port, "ping\n", 5), "five bytes are not taken");
	if (!receive_all(port, in, 5))
		return;
	check(memcmp(in, "ping\n", 5) == 0, "other bytes come back");
	for (unsigned i = 0; i < BULK_BYTES; i++)
		out[i] = (uint8_t)(i * 7);
	require(console_send(port, out, BULK_BYTES), "4096 bytes are not taken");
	if (!receive_all(port, in, BULK_BYTES))
		return;
	check(memcmp(in, out, BULK_BYTES) == 0, "other bytes come back in bulk");
}

/* What is written to a port that nobody reads is taken or kept, and holds up no other port. */
static void test_idle_port(void)
{
	struct console console;
	struct console_port *idle, *echo;
	uint8_t *bytes = allocate(4096, 16);
	struct buffer buffer = {bytes, 4096, false};

	require(console_start(&console), "the device does not start");
	idle = console_find(&console, CONSOLE_IDLE);
	echo = console_find(&console, CONSOLE_ECHO);
	require(idle != NULL && echo != NULL, "no such ports");
	require(console_open(&console, idle) && console_open(&console, echo), "do not open");
	for (int i = 0; i < 32 && virtqueue_add(&idle->transmit, &buffer, 1) >= 0; i++)
		virtqueue_kick(&idle->transmit);
	require(console_send(echo, "x", 1), "the other port takes nothing");
	receive_all(echo, bytes, 1);
}

static void test_odd_control(void)
{
	struct console console;
	struct console_port *port;
	uint8_t in[1];

	require(console_start(&console), "the device does not start");
	check(console_control(&console, 0x7fffffff, VIRTIO_CONSOLE_PORT_OPEN, 1) &&
		      console_control(&console, console.ports, VIRTIO_CONSOLE_PORT_READY, 1) &&
		      console_control(&console, 0, 0xffff, 0xffff) &&
		      console_control(&console, UINT32_MAX, VIRTIO_CONSOLE_DEVICE_READY, 0),
	      "odd control messages are not taken");
	require(console_restart(&console), "the device does not start again");
	port = console_find(&console, CONSOLE_ECHO);
	require(port != NULL && console_open(&console, port) && console_send(port, "y", 1),
		"the port does not work");
	receive_all(port, in, 1);
}

static const struct test tests[] = {
	{"ports", test_ports},
	{"echo", test_echo},
	{"idle-port", test_idle_port},
	{"odd-control", test_odd_control},
};

const struct suite suite_console = {"console", tests, ARRAY_SIZE(tests), NULL};
