/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A link, an agent on the other side of its socket, and clients: three kinds of session on one
 * loop, with real sockets between them.
 */
#include "host/daemon/broker/agent_link.h"
#include "protocol/base/bytes.h"
#include "protocol/pump/pump.h"
#include "tests/unit/played_agent.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LIMIT_MS  5000
#define SETTLE_MS 50

static uv_loop_t loop;
static char path[64];
static struct agent_link *link_of_vm;
static int available; /* times that the link said so */
static bool is_available;

/* --- The agent ------------------------------------------------------------------------------ */

static struct {
	struct played_agent played;
	size_t sent_bytes; /* by "flood" */
	unsigned int cancelled, requests;
	struct stream *hanging;
} agent;

static void echo_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	(void)owner;
	(void)channel;
	ck_assert_int_eq(stream_send(stream, 1, bytes.bytes, bytes.length), (ssize_t)bytes.length);
}

/* It takes as much as it could send on. */
static void echo_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)owner;
	if (channel == 1)
		stream_consumed(stream, 0, bytes);
}

static void echo_end(struct stream *stream, void *owner, unsigned int channel)
{
	(void)owner;
	(void)channel;
	stream_reply(stream, (struct slice){NULL, 0});
}

static void echo_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	(void)owner;
	stream_message(stream, name, params);
}

static void flood(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	static const uint8_t zeroes[65536];
	ssize_t sent;

	(void)owner;
	(void)channel;
	(void)bytes;
	while ((sent = stream_send(stream, 1, zeroes, sizeof(zeroes))) > 0)
		agent.sent_bytes += (size_t)sent;
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)owner;
	agent.cancelled++;
	agent.hanging = NULL;
	stream_fail(stream, ECANCELED, NULL);
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	static const struct stream_handlers echo = {
		.data = echo_data, .credit = echo_credit, .end = echo_end, .message = echo_message};
	static const struct stream_handlers flooding = {.credit = flood, .cancelled = on_cancelled};
	static const struct stream_handlers hang = {.cancelled = on_cancelled};

	(void)owner;
	agent.requests++;
	if (slice_is(method, "same")) {
		stream_reply(stream, params);
	} else if (slice_is(method, "file.same")) {
		stream_reply(stream, params);
	} else if (slice_is(method, "fail")) {
		stream_fail(stream, EPERM, "no way");
	} else if (slice_is(method, "echo")) {
		stream_set_handlers(stream, &echo, NULL);
	} else if (slice_is(method, "flood")) {
		stream_set_handlers(stream, &flooding, NULL);
		flood(stream, NULL, 1, 0);
	} else {
		stream_set_handlers(stream, &hang, NULL);
		agent.hanging = stream;
	}
}

static void start_agent(void)
{
	static const char *const capabilities[] = {"exec", "file", NULL};

	memset(&agent, 0, sizeof(agent));
	played_agent_start(&agent.played, &loop, path, capabilities, on_request);
}

/* --- A client ------------------------------------------------------------------------------- */

struct client_end {
	struct session *session;
	struct pump *pump;
	bool established, has_exec, gone;
	bool keeps_credit; /* does not give it back */
	size_t received_bytes;
	unsigned int closed, messages;
	int error;
	char text[64], params[64];
};

static void client_established(void *owner, const struct session_peer *peer)
{
	struct client_end *client = owner;

	client->established = true;
	client->has_exec = session_peer_has(peer, "exec") && !session_peer_has(peer, "power");
}

static void client_wake(void *owner)
{
	pump_wake(((struct client_end *)owner)->pump);
}

static void client_gone(void *owner, int error)
{
	struct client_end *client = owner;

	(void)error;
	client->gone = true;
	pump_free(client->pump);
	client->pump = NULL;
}

static void open_limited(struct client_end *client, const char *const *services)
{
	static const struct session_handlers handlers = {.established = client_established,
							 .wake = client_wake};
	static const struct pump_handlers pump_handlers = {.closed = client_gone};
	static const char *const none[] = {NULL};
	int fd;

	*client = (struct client_end){0};
	ck_assert_int_eq(agent_link_open_limited(link_of_vm, services, &fd), 0);
	client->session = session_new(SESSION_HOST, "test", none, &handlers, client);
	ck_assert_int_eq(
		pump_new(&loop, fd, false, client->session, &pump_handlers, client, &client->pump),
		0);
	session_start(client->session);
}

static void open_client(struct client_end *client)
{
	open_limited(client, NULL);
}

static void close_client(struct client_end *client)
{
	struct pump *pump = client->pump;

	client->pump = NULL;
	pump_free(pump);
	session_free(client->session);
	client->session = NULL;
}

static void copy(char to[64], struct slice from)
{
	size_t length = MIN(from.length, 63);

	if (length > 0)
		memcpy(to, from.bytes, length);
	to[length] = '\0';
}

static void client_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct client_end *client = owner;

	(void)stream;
	client->closed++;
	client->error = result->error;
	copy(client->text, result->text);
	copy(client->params, result->params);
}

static void client_data(struct stream *stream, void *owner, unsigned int channel,
			struct slice bytes)
{
	struct client_end *client = owner;

	client->received_bytes += bytes.length;
	if (!client->keeps_credit)
		stream_consumed(stream, channel, bytes.length);
}

static void client_message(struct stream *stream, void *owner, struct slice name,
			   struct slice params)
{
	struct client_end *client = owner;

	(void)stream;
	(void)params;
	ck_assert(slice_is(name, "hello"));
	client->messages++;
}

static struct stream *ask(struct client_end *client, const char *method, struct slice params)
{
	static const struct stream_handlers handlers = {
		.data = client_data, .message = client_message, .closed = client_closed};
	struct stream *stream;

	ck_assert_int_eq(session_request(client->session, slice_of(method), params, &handlers,
					 client, &stream),
			 0);
	return stream;
}

/* --- Time ----------------------------------------------------------------------------------- */

static void on_time(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Runs until @condition holds; false when it did not within @limit_ms. The timer goes off again and
 * again, for the first time may be before the loop begins to wait. */
#define RUN_UNTIL(condition, limit_ms)                                                             \
	({                                                                                         \
		bool over_ = false;                                                                \
		uv_timer_t timer_;                                                                 \
                                                                                                   \
		uv_timer_init(&loop, &timer_);                                                     \
		timer_.data = &over_;                                                              \
		uv_timer_start(&timer_, on_time, limit_ms, 10);                                    \
		while (!(condition) && !over_)                                                     \
			uv_run(&loop, UV_RUN_ONCE);                                                \
		uv_close((uv_handle_t *)&timer_, NULL);                                            \
		uv_run(&loop, UV_RUN_NOWAIT);                                                      \
		!over_;                                                                            \
	})

#define MUST(condition) ck_assert_msg(RUN_UNTIL(condition, LIMIT_MS), "never: " #condition)

static void on_changed(void *owner, bool now)
{
	(void)owner;
	available += now;
	is_available = now;
}

static void set_up(void)
{
	static const struct agent_link_handlers handlers = {.changed = on_changed};

	snprintf(path, sizeof(path), "/tmp/lodge-test-%d.sock", (int)getpid());
	available = 0;
	is_available = false;
	uv_loop_init(&loop);
	start_agent();
	ck_assert_int_eq(agent_link_new(&loop, path, &handlers, NULL, &link_of_vm), 0);
	MUST(is_available);
}

static void tear_down(void)
{
	agent_link_free(link_of_vm);
	played_agent_stop(&agent.played);
	while (uv_run(&loop, UV_RUN_DEFAULT))
		;
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	close(agent.played.listener);
	unlink(path);
}

/* --- Tests ---------------------------------------------------------------------------------- */

static struct slice some_params(void)
{
	static uint8_t bytes[32];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	cbor_put_map(&writer, 1);
	cbor_put_text(&writer, SLICE_LITERAL("key"));
	cbor_put_text(&writer, SLICE_LITERAL("value"));
	return cbor_written(&writer);
}

START_TEST(a_client_sees_the_agents_capabilities)
{
	struct client_end client;

	ck_assert_str_eq(agent_link_software(link_of_vm), "test-agent 1");
	ck_assert_str_eq(agent_link_capabilities(link_of_vm)[1], "file");
	open_client(&client);
	MUST(client.established);
	ck_assert(client.has_exec);
	close_client(&client);
}
END_TEST

START_TEST(answers_and_errors_pass_unchanged)
{
	struct client_end client;
	struct slice params = some_params();

	open_client(&client);
	MUST(client.established);
	ask(&client, "same", params);
	MUST(client.closed == 1);
	ck_assert_int_eq(client.error, 0);
	ck_assert_mem_eq(client.params, params.bytes, params.length);
	ask(&client, "fail", params);
	MUST(client.closed == 2);
	ck_assert_int_eq(client.error, -EPERM);
	ck_assert_str_eq(client.text, "no way");
	close_client(&client);
}
END_TEST

static const char *const outside[] = {"same",	  "exec",  "file", "files.same",
				      "fil.same", ".same", ""};

START_TEST(a_limited_client_reaches_its_services_alone)
{
	static const char *const services[] = {"file", "clipboard", NULL};
	struct client_end client;
	struct slice params = some_params();

	open_limited(&client, services);
	MUST(client.established);
	ck_assert(!client.has_exec);
	ask(&client, "file.same", params);
	MUST(client.closed == 1);
	ck_assert_int_eq(client.error, 0);
	ck_assert_mem_eq(client.params, params.bytes, params.length);
	ck_assert_uint_eq(agent.requests, 1);
	ask(&client, outside[_i], params);
	MUST(client.closed == 2);
	ck_assert_int_eq(client.error, -EPERM);
	ck_assert_uint_eq(agent.requests, 1);
	close_client(&client);
}
END_TEST

START_TEST(data_goes_both_ways_with_credit)
{
	static const uint8_t block[32768];
	struct client_end client;
	struct stream *stream;
	size_t sent = 0;

	open_client(&client);
	MUST(client.established);
	stream = ask(&client, "echo", (struct slice){NULL, 0});
	ck_assert_int_eq(stream_message(stream, SLICE_LITERAL("hello"), some_params()), 0);
	while (sent < 4 << 20) {
		ssize_t taken = stream_send(stream, 0, block, sizeof(block));

		ck_assert_int_ge(taken, 0);
		sent += (size_t)taken;
		if (taken == 0)
			MUST(stream_credit(stream, 0) > 0);
	}
	stream_end(stream, 0);
	MUST(client.closed == 1);
	ck_assert_int_eq(client.error, 0);
	ck_assert_uint_eq(client.received_bytes, sent);
	ck_assert_uint_eq(client.messages, 1);
	close_client(&client);
}
END_TEST

START_TEST(a_client_that_does_not_consume_stops_its_own_stream_only)
{
	struct client_end slow, quick;

	open_client(&slow);
	open_client(&quick);
	MUST(slow.established && quick.established);
	slow.keeps_credit = true;
	ask(&slow, "flood", (struct slice){NULL, 0});
	MUST(slow.received_bytes == SESSION_WINDOW);
	RUN_UNTIL(false, SETTLE_MS);
	ck_assert_uint_eq(agent.sent_bytes, SESSION_WINDOW);
	ck_assert_uint_eq(slow.received_bytes, SESSION_WINDOW);
	ask(&quick, "same", some_params());
	MUST(quick.closed == 1);
	ck_assert_uint_eq(slow.closed, 0);
	close_client(&slow);
	close_client(&quick);
}
END_TEST

START_TEST(a_client_that_goes_cancels_its_streams)
{
	struct client_end first, second;

	open_client(&first);
	open_client(&second);
	MUST(first.established && second.established);
	ask(&second, "flood", (struct slice){NULL, 0});
	ask(&first, "hang", (struct slice){NULL, 0});
	MUST(agent.hanging);
	close_client(&first);
	MUST(agent.cancelled == 1);
	ck_assert(!second.gone);
	ck_assert_uint_eq(second.closed, 0);
	close_client(&second);
	MUST(agent.cancelled == 2);
}
END_TEST

START_TEST(a_cancel_reaches_the_agent)
{
	struct client_end client;
	struct stream *stream;

	open_client(&client);
	MUST(client.established);
	stream = ask(&client, "hang", (struct slice){NULL, 0});
	MUST(agent.hanging);
	stream_cancel(stream);
	MUST(client.closed == 1);
	ck_assert_int_eq(client.error, -ECANCELED);
	ck_assert_uint_eq(agent.cancelled, 1);
	close_client(&client);
}
END_TEST

START_TEST(one_client_cannot_take_all_streams)
{
	struct client_end greedy, modest;

	open_client(&greedy);
	open_client(&modest);
	MUST(greedy.established && modest.established);
	for (int i = 0; i < SESSION_MAX_STREAMS; i++)
		ask(&greedy, "hang", (struct slice){NULL, 0});
	MUST(greedy.closed > 0);
	ck_assert_int_eq(greedy.error, -EAGAIN);
	ask(&modest, "same", some_params());
	MUST(modest.closed == 1);
	ck_assert_int_eq(modest.error, 0);
	close_client(&greedy);
	close_client(&modest);
}
END_TEST

START_TEST(the_agents_end_is_the_streams_end)
{
	struct client_end client;
	int fd;

	open_client(&client);
	MUST(client.established);
	ask(&client, "hang", (struct slice){NULL, 0});
	MUST(agent.hanging);
	agent.hanging = NULL;
	played_agent_hang_up(&agent.played);
	MUST(client.gone && !is_available);
	ck_assert_uint_eq(client.closed, 1);
	ck_assert_int_eq(client.error, -ECONNRESET);
	close_client(&client);
	ck_assert_int_eq(agent_link_open(link_of_vm, &fd), is_available ? 0 : -ENOTCONN);
	MUST(available == 2); /* it comes back by itself */
	open_client(&client);
	MUST(client.established);
	ask(&client, "same", some_params());
	MUST(client.closed == 1);
	close_client(&client);
}
END_TEST

/* A whole header that cannot be: the session breaks, and is made anew. */
START_TEST(a_guest_that_breaks_the_rules_costs_only_its_session)
{
	static const uint8_t garbage[64] = {0x1f, 0xff, 0xff, 0xff};
	struct client_end client;
	int fd;

	open_client(&client);
	MUST(client.established);
	/* The agent's own socket is the pump's; a second connection says what it should not. */
	played_agent_hang_up(&agent.played);
	MUST(!is_available);
	MUST(is_available);
	fd = -1;
	for (int i = 3; i < 64; i++) {
		struct sockaddr_un address;
		socklen_t length = sizeof(address);

		if (getsockname(i, (struct sockaddr *)&address, &length) == 0 &&
		    address.sun_family == AF_UNIX && strcmp(address.sun_path, path) == 0 &&
		    i != agent.played.listener)
			fd = i;
	}
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	MUST(!is_available);
	MUST(is_available);
	close_client(&client);
}
END_TEST

static void on_pong(struct agent_ping *ping, uint64_t round_trip_ns)
{
	ck_assert_uint_gt(round_trip_ns, 0);
	ping->next = ping;
}

START_TEST(a_ping_comes_back)
{
	struct agent_ping ping = {.done = on_pong};

	ck_assert_int_eq(agent_link_ping(link_of_vm, &ping), 0);
	MUST(ping.next == &ping);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("agent_link");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, a_client_sees_the_agents_capabilities);
	tcase_add_test(tc, answers_and_errors_pass_unchanged);
	tcase_add_loop_test(tc, a_limited_client_reaches_its_services_alone, 0,
			    sizeof(outside) / sizeof(outside[0]));
	tcase_add_test(tc, data_goes_both_ways_with_credit);
	tcase_add_test(tc, a_client_that_does_not_consume_stops_its_own_stream_only);
	tcase_add_test(tc, a_client_that_goes_cancels_its_streams);
	tcase_add_test(tc, a_cancel_reaches_the_agent);
	tcase_add_test(tc, one_client_cannot_take_all_streams);
	tcase_add_test(tc, the_agents_end_is_the_streams_end);
	tcase_add_test(tc, a_guest_that_breaks_the_rules_costs_only_its_session);
	tcase_add_test(tc, a_ping_comes_back);
	return suite_run_case("agent_link", tc);
}
