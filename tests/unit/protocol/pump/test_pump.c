/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two sessions over real descriptors. A pseudo-terminal stands for a virtio-serial port: its master
 * polls as hung up, level-triggered, for as long as nobody has the other side open.
 */
#include "protocol/pump/pump.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

struct end {
	struct session *session;
	struct pump *pump;
	unsigned int established, lost, closed, opened;
	int close_error;
	struct stream *asked;
	size_t received, to_send;
	int result; /* of the last request; 1: none yet */
	uint64_t pong;
	bool free_pump_when_closed, free_pump_on_data;
};

static uv_loop_t loop;
static struct end host, guest;
static const struct slice nothing = {NULL, 0};

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)peer;
	((struct end *)owner)->established++;
}

static void on_lost(void *owner, int reason)
{
	(void)reason;
	((struct end *)owner)->lost++;
}

static void on_pong(void *owner, uint64_t cookie)
{
	((struct end *)owner)->pong = cookie;
}

static void on_wake(void *owner)
{
	pump_wake(((struct end *)owner)->pump);
}

static uint64_t on_random(void *owner)
{
	static uint64_t next = 99;

	(void)owner;
	return next += 0x9e3779b97f4a7c15;
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct end *end = owner;

	end->received += bytes.length;
	stream_consumed(stream, channel, bytes.length);
	if (end->free_pump_on_data) {
		pump_free(end->pump);
		end->pump = NULL;
	}
}

static void send_more(struct stream *stream, struct end *end, unsigned int channel)
{
	static const uint8_t block[65536];
	ssize_t taken = 1;

	while (end->to_send > 0 && taken > 0) {
		taken = stream_send(stream, channel, block, MIN(end->to_send, sizeof(block)));
		ck_assert_int_ge(taken, 0);
		end->to_send -= (size_t)taken;
	}
	if (end->to_send == 0)
		stream_end(stream, channel);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)bytes;
	send_more(stream, owner, channel);
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct end *end = owner;

	(void)channel;
	if (end->asked == stream) {
		end->asked = NULL;
		stream_reply(stream, nothing);
	}
}

static void on_stream_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct end *end = owner;

	end->result = result->error;
	if (end->asked == stream)
		end->asked = NULL;
}

static const struct stream_handlers stream_handlers = {
	.data = on_data,
	.end = on_end,
	.credit = on_credit,
	.closed = on_stream_closed,
};

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	(void)method;
	(void)params;
	((struct end *)owner)->asked = stream;
	stream_set_handlers(stream, &stream_handlers, owner);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.pong = on_pong,
	.wake = on_wake,
	.random = on_random,
};

static void on_closed(void *owner, int error)
{
	struct end *end = owner;

	end->closed++;
	end->close_error = error;
	if (end->free_pump_when_closed) {
		pump_free(end->pump);
		end->pump = NULL;
	}
}

static void on_opened(void *owner)
{
	struct end *end = owner;

	end->opened++;
	session_start(end->session);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed, .opened = on_opened};

static void end_new(struct end *end, enum session_role role)
{
	*end = (struct end){.result = 1};
	end->session = session_new(role, "test", NULL, &session_handlers, end);
	ck_assert_ptr_nonnull(end->session);
}

static void start(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	end_new(&host, SESSION_HOST);
	end_new(&guest, SESSION_GUEST);
}

static void stop(void)
{
	pump_free(host.pump);
	pump_free(guest.pump);
	session_free(host.session);
	session_free(guest.session);
	uv_run(&loop, UV_RUN_DEFAULT);
	/* Nothing of a pump stays in the loop. */
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void on_time(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Turns the loop until @done() or the time is over. Return: the number of turns. */
static unsigned int run_until(bool (*done)(void), uint64_t timeout_ms)
{
	bool over = false;
	unsigned int turns = 0;
	uv_timer_t timer = {.data = &over};

	uv_timer_init(&loop, &timer);
	/* Again and again: the first time may be before the loop begins to wait. */
	uv_timer_start(&timer, on_time, timeout_ms, 10);
	while (!over && !(done && done())) {
		uv_run(&loop, UV_RUN_ONCE);
		turns++;
	}
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	return turns;
}

static bool both_established(void)
{
	return session_is_established(host.session) && session_is_established(guest.session);
}

static bool request_ended(void)
{
	return host.result != 1;
}

static bool guest_closed(void)
{
	return guest.closed > 0;
}

static bool host_closed(void)
{
	return host.closed > 0;
}

static bool ponged(void)
{
	return host.pong == 42;
}

/* Both ends on a pair of sockets, established. */
static void connect_sockets(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(
		pump_new(&loop, ends[0], false, host.session, &pump_handlers, &host, &host.pump),
		0);
	ck_assert_int_eq(
		pump_new(&loop, ends[1], false, guest.session, &pump_handlers, &guest, &guest.pump),
		0);
	session_start(host.session);
	run_until(both_established, 5000);
	ck_assert(both_established());
}

static void send_from_host(size_t bytes)
{
	struct stream *stream;

	host.to_send = bytes;
	ck_assert_int_eq(session_request(host.session, SLICE_LITERAL("take"), nothing,
					 &stream_handlers, &host, &stream),
			 0);
	send_more(stream, &host, 0);
}

START_TEST(many_bytes_and_a_ping_get_through)
{
	connect_sockets();
	send_from_host(20 << 20);
	ck_assert_int_eq(session_ping(host.session, 42), 0);
	run_until(ponged, 5000);
	/* The ping did not wait for the bytes. */
	ck_assert(ponged());
	ck_assert_uint_lt(guest.received, 20 << 20);
	run_until(request_ended, 20000);
	ck_assert_int_eq(host.result, 0);
	ck_assert_uint_eq(guest.received, 20 << 20);
}
END_TEST

START_TEST(an_idle_pump_does_not_turn_the_loop)
{
	connect_sockets();
	run_until(NULL, 50);
	ck_assert_uint_le(run_until(NULL, 200), 2);
}
END_TEST

START_TEST(the_end_of_the_other_side_is_told)
{
	connect_sockets();
	guest.free_pump_when_closed = _i;
	send_from_host(1000);
	pump_free(host.pump);
	host.pump = NULL;
	run_until(guest_closed, 5000);
	ck_assert_uint_eq(guest.closed, 1);
	ck_assert_int_eq(guest.close_error, 0);
	ck_assert_uint_eq(guest.lost, 1);
	/* Once: an end that is not freed yet is at peace. */
	ck_assert_uint_le(run_until(NULL, 100), 2);
	ck_assert_uint_eq(guest.closed, 1);
}
END_TEST

/* Writing to nobody is an error told in a later turn, and no signal. */
START_TEST(writing_to_nobody_is_told)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(
		pump_new(&loop, ends[0], false, host.session, &pump_handlers, &host, &host.pump),
		0);
	close(ends[1]);
	session_start(host.session);
	ck_assert_uint_eq(host.closed, 0);
	run_until(host_closed, 5000);
	ck_assert_uint_eq(host.closed, 1);
}
END_TEST

START_TEST(a_pump_may_be_freed_in_a_handler)
{
	connect_sockets();
	guest.free_pump_on_data = true;
	send_from_host(1 << 20);
	run_until(host_closed, 5000);
	ck_assert_uint_eq(host.closed, 1);
	ck_assert_uint_eq(guest.closed, 0);
	ck_assert_ptr_null(guest.pump);
	ck_assert_int_eq(host.result, -ECONNRESET);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_polled_is_refused)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
		pump_new(&loop, fd, false, host.session, &pump_handlers, &host, &host.pump),
		-EPERM);
	/* It was the pump's also then. */
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	ck_assert_int_eq(
		pump_new(&loop, -EBADF, false, host.session, &pump_handlers, &host, &host.pump),
		-EBADF);
}
END_TEST

/* --- A port --------------------------------------------------------------------------------- */

static int open_master(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	return master;
}

static int open_slave(const char *name)
{
	int slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios settings;

	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(tcgetattr(slave, &settings), 0);
	cfmakeraw(&settings);
	ck_assert_int_eq(tcsetattr(slave, TCSANOW, &settings), 0);
	return slave;
}

START_TEST(a_port_survives_the_host_and_waits_without_polling)
{
	int master = open_master();
	char name[64];

	ck_assert_int_eq(ptsname_r(master, name, sizeof(name)), 0);
	close(open_slave(name)); /* it hangs up from now on */
	ck_assert_int_eq(
		pump_new(&loop, master, true, guest.session, &pump_handlers, &guest, &guest.pump),
		0);
	for (unsigned int life = 1; life <= 3; life++) {
		ck_assert_uint_le(run_until(NULL, 100), 3);
		ck_assert_uint_eq(guest.opened, life - 1);
		ck_assert_int_eq(pump_new(&loop, open_slave(name), false, host.session,
					  &pump_handlers, &host, &host.pump),
				 0);
		session_start(host.session);
		run_until(both_established, 5000);
		ck_assert(both_established());
		ck_assert_uint_eq(guest.opened, life);
		host.result = 1;
		send_from_host(300000);
		run_until(request_ended, 10000);
		ck_assert_int_eq(host.result, 0);
		pump_free(host.pump);
		host.pump = NULL;
		session_disconnected(host.session);
		guest.closed = 0;
		run_until(guest_closed, 5000);
		ck_assert_uint_eq(guest.closed, 1);
		ck_assert_uint_eq(guest.lost, life);
	}
	ck_assert_uint_eq(guest.received, 3 * 300000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pump");
	TCase *tc = tcase_create("pump");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, start, stop);
	tcase_add_test(tc, many_bytes_and_a_ping_get_through);
	tcase_add_test(tc, an_idle_pump_does_not_turn_the_loop);
	tcase_add_loop_test(tc, the_end_of_the_other_side_is_told, 0, 2);
	tcase_add_test(tc, writing_to_nobody_is_told);
	tcase_add_test(tc, a_pump_may_be_freed_in_a_handler);
	tcase_add_test(tc, a_descriptor_that_cannot_be_polled_is_refused);
	tcase_add_test(tc, a_port_survives_the_host_and_waits_without_polling);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
