/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network as a guest sees it, on loopback: the stack's frames come straight to us. */
#include "host/net/stack.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define DISCOVER_BYTES 300

static struct stack *stack;
static unsigned int frames;
static size_t last_size;
static uint8_t last[70000];
static int idle;

static void on_frame(void *owner, const uint8_t *frame, size_t size)
{
	(void)owner;
	ck_assert_uint_le(size, sizeof(last));
	memcpy(last, frame, size);
	last_size = size;
	frames++;
}

static void set_up(void)
{
	frames = 0;
	idle = eventfd(1, EFD_CLOEXEC); /* always ready: nobody waits */
	stack = stack_new(STACK_MTU_DEFAULT, on_frame, NULL);
	ck_assert_ptr_nonnull(stack);
}

static void tear_down(void)
{
	stack_free(stack);
	close(idle);
}

static void turn(void)
{
	struct pollfd extra = {.fd = idle, .events = POLLIN};

	ck_assert_int_eq(stack_wait(stack, &extra, 1), 0);
	ck_assert_int_eq(extra.revents, POLLIN);
}

/* Ethernet, IPv4, UDP, BOOTP with option 53 (discover). */
static size_t write_discover(uint8_t *frame)
{
	static const uint8_t head[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0,    1,    2, 3, 8, 0, 0x45, 0,
		1,    16,   0,	  0,	0,    0,    64,	  17,	0x79, 0xde, 0, 0, 0, 0, 0xff, 0xff,
		0xff, 0xff, 0,	  68,	0,    67,   0,	  252,	0,    0,    1, 1, 6, 0};

	memset(frame, 0, DISCOVER_BYTES);
	memcpy(frame, head, sizeof(head));
	memcpy(frame + 42 + 28, frame + 6, 6);				 /* hardware address */
	memcpy(frame + 42 + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8); /* cookie, options */
	return 42 + 244;
}

START_TEST(dhcp_offers_the_address)
{
	uint8_t frame[DISCOVER_BYTES];
	size_t size = write_discover(frame);

	stack_input(stack, frame, size);
	for (int i = 0; i < 10 && frames == 0; i++)
		turn();
	ck_assert_uint_gt(frames, 0);
	ck_assert_uint_gt(last_size, 42 + 240);
	ck_assert_int_eq(memcmp(last + 42 + 16, "\x0a\x00\x02\x0f", 4), 0);
}
END_TEST

START_TEST(a_busy_port_is_told)
{
	struct forward forward = {.guest_port = 22};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int busy = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(busy, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(busy, 1), 0);
	ck_assert_int_eq(getsockname(busy, (struct sockaddr *)&address, &size), 0);
	forward.host.ipv4 = address;
	ck_assert_int_eq(stack_add_forward(stack, &forward), -EADDRINUSE);
	close(busy);
	ck_assert_int_eq(stack_add_forward(stack, &forward), 0);
}
END_TEST

START_TEST(an_ipv6_port_is_bound_beside_the_ipv4_one)
{
	struct forward forward = {.guest_port = 22};
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int busy = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(busy, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(busy, 1), 0);
	ck_assert_int_eq(getsockname(busy, (struct sockaddr *)&address, &size), 0);
	forward.host.ipv6 =
		(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = address.sin_port};
	ck_assert_int_eq(stack_add_forward(stack, &forward), 0);
	ck_assert_int_eq(stack_add_forward(stack, &forward), -EADDRINUSE);
	close(busy);
}
END_TEST

START_TEST(a_connection_to_a_forward_asks_for_the_guest)
{
	struct forward forward = {.guest_port = 22};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int probe = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);

	/* A port that was free a moment ago. */
	ck_assert_int_eq(bind(probe, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(probe, (struct sockaddr *)&address, &size), 0);
	close(probe);
	forward.host.ipv4 = address;
	ck_assert_int_eq(stack_add_forward(stack, &forward), 0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
	for (int i = 0; i < 10 && frames == 0; i++)
		turn();
	/* ARP: who has 10.0.2.15? */
	ck_assert_uint_eq(last[12] << 8 | last[13], 0x0806);
	ck_assert_int_eq(memcmp(last + 38, "\x0a\x00\x02\x0f", 4), 0);
	close(client);
}
END_TEST

/* A fixed seed: the same frames every time. */
START_TEST(frames_of_nonsense_do_no_harm)
{
	static uint8_t frame[2000];
	uint8_t discover[DISCOVER_BYTES];
	size_t discover_size = write_discover(discover);

	srand(_i);
	for (int i = 0; i < 20000; i++) {
		size_t size = 14 + (size_t)rand() % 600;

		for (size_t at = 0; at < size; at++)
			frame[at] = (uint8_t)rand();
		/* Half of them look like something. */
		if (i % 2)
			memcpy(frame, discover, MIN(size, (size_t)rand() % discover_size));
		stack_input(stack, frame, size);
		if (i % 64 == 0)
			turn();
	}
	frames = 0;
	stack_input(stack, discover, discover_size);
	for (int i = 0; i < 100 && frames == 0; i++)
		turn();
	ck_assert_uint_gt(frames, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stack");
	TCase *tc = tcase_create("stack");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, dhcp_offers_the_address);
	tcase_add_test(tc, a_busy_port_is_told);
	tcase_add_test(tc, an_ipv6_port_is_bound_beside_the_ipv4_one);
	tcase_add_test(tc, a_connection_to_a_forward_asks_for_the_guest);
	tcase_add_loop_test(tc, frames_of_nonsense_do_no_harm, 1, 3);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
