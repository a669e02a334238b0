/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/guest-agent/agent/host.h"
#include "protocol/base/bytes.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

static void on_established(void *owner, const struct session_peer *peer)
{
	struct host *host = owner;

	ck_assert(session_peer_has(peer, "exec"));
	host->established = true;
}

static void on_lost(void *owner, int reason)
{
	struct host *host = owner;

	(void)reason;
	host->established = false;
}

static void on_wake(void *owner)
{
	struct host *host = owner;

	pump_wake(host->pump);
}

static uint64_t on_random(void *owner)
{
	uint64_t value;

	(void)owner;
	ck_assert_int_eq(getrandom(&value, sizeof(value), 0), sizeof(value));
	return value;
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.wake = on_wake,
	.random = on_random,
};

static void on_pump_closed(void *owner, int error)
{
	struct host *host = owner;

	(void)error;
	pump_free(host->pump);
	host->pump = NULL;
}

static const struct pump_handlers pump_handlers = {.closed = on_pump_closed};

static bool is_established(void *data)
{
	const struct host *host = data;

	return host->established;
}

static void on_watchdog(uv_timer_t *timer)
{
	struct host *host = timer->data;

	host->expired = true;
}

static void connect_to_agent(struct host *host)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(agent_attach(host->agent, fds[0], false), 0);
	ck_assert_int_eq(pump_new(&host->loop, fds[1], false, host->session, &pump_handlers, host,
				  &host->pump),
			 0);
	session_start(host->session);
	host_wait(host, is_established, host);
}

void host_start_with(struct host *host, const struct agent_options *options)
{
	signal(SIGPIPE, SIG_IGN);
	*host = (struct host){0};
	ck_assert_int_eq(uv_loop_init(&host->loop), 0);
	uv_timer_init(&host->loop, &host->watchdog);
	host->watchdog.data = host;
	ck_assert_int_eq(agent_new(&host->loop, options, &host->agent), 0);
	host->session =
		session_new(SESSION_HOST, "host of the test", NULL, &session_handlers, host);
	ck_assert_ptr_nonnull(host->session);
	connect_to_agent(host);
}

void host_start(struct host *host)
{
	const struct agent_options options = {0};

	host_start_with(host, &options);
}

void host_restart(struct host *host)
{
	pump_free(host->pump);
	host->pump = NULL;
	session_disconnected(host->session);
	agent_detach(host->agent);
	connect_to_agent(host);
}

static bool is_idle(void *data)
{
	const struct host *host = data;

	return !agent_is_busy(host->agent);
}

static void close_all(uv_handle_t *handle, void *data)
{
	(void)data;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void host_stop(struct host *host)
{
	pump_free(host->pump);
	session_free(host->session);
	agent_detach(host->agent);
	host_wait(host, is_idle, host);
	agent_free(host->agent);
	uv_walk(&host->loop, close_all, NULL);
	uv_run(&host->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&host->loop), 0);
}

void host_wait(struct host *host, bool (*condition)(void *data), void *data)
{
	host->expired = false;
	uv_timer_start(&host->watchdog, on_watchdog, HOST_WAIT_MS, 0);
	while (!condition(data) && !host->expired)
		uv_run(&host->loop, UV_RUN_ONCE);
	uv_timer_stop(&host->watchdog);
	ck_assert_msg(!host->expired, "nothing came for %d ms", HOST_WAIT_MS);
}

void host_run_ms(struct host *host, unsigned int milliseconds)
{
	host->expired = false;
	/* Again and again: the first time may be before the loop begins to wait. */
	uv_timer_start(&host->watchdog, on_watchdog, milliseconds, milliseconds);
	while (!host->expired)
		uv_run(&host->loop, UV_RUN_ONCE);
	uv_timer_stop(&host->watchdog);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct call *call = owner;
	uint8_t *copy = malloc(params.length + 1);

	(void)stream;
	if (params.length > 0)
		memcpy(copy, params.bytes, params.length);
	free((void *)(uintptr_t)call->message_params.bytes);
	call->message_params = (struct slice){copy, params.length};
	snprintf(call->message, sizeof(call->message), "%.*s", (int)name.length,
		 (const char *)name.bytes);
	call->messages++;
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct call *call = owner;

	while (call->out_capacity[channel] < call->out_length[channel] + bytes.length) {
		call->out_capacity[channel] = MAX(2 * call->out_capacity[channel], 65536U);
		call->out[channel] = realloc(call->out[channel], call->out_capacity[channel]);
		ck_assert_ptr_nonnull(call->out[channel]);
	}
	memcpy(call->out[channel] + call->out_length[channel], bytes.bytes, bytes.length);
	call->out_length[channel] += bytes.length;
	if (call->hold)
		call->held += bytes.length;
	else
		stream_consumed(stream, channel, bytes.length);
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct call *call = owner;

	(void)stream;
	call->ended[channel] = true;
}

static void send_more(struct call *call)
{
	ssize_t taken = 1;

	while (call->in_sent < call->in_length && taken > 0) {
		taken = stream_send(call->stream, 0, call->in + call->in_sent,
				    call->in_length - call->in_sent);
		if (taken > 0)
			call->in_sent += (size_t)taken;
	}
	if (call->in_sent == call->in_length && call->in_end) {
		call->in_end = false;
		stream_end(call->stream, 0);
	}
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	send_more(owner);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct call *call = owner;

	(void)stream;
	call->done = true;
	call->stream = NULL;
	call->error = result->error;
	snprintf(call->text, sizeof(call->text), "%.*s", (int)result->text.length,
		 (const char *)result->text.bytes);
	call->reply_length = result->params.length;
	call->reply = malloc(result->params.length + 1);
	if (result->params.length > 0)
		memcpy(call->reply, result->params.bytes, result->params.length);
}

static const struct stream_handlers stream_handlers = {
	.message = on_message,
	.data = on_data,
	.end = on_end,
	.credit = on_credit,
	.closed = on_closed,
};

void call_start(struct host *host, struct call *call, const char *method,
		const struct message_type *type, const void *params)
{
	uint8_t bytes[16384];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	*call = (struct call){.host = host};
	if (type)
		message_encode(type, params, &writer);
	ck_assert(!writer.overflow);
	ck_assert_int_eq(session_request(host->session, slice_of(method), cbor_written(&writer),
					 &stream_handlers, call, &call->stream),
			 0);
}

void call_send(struct call *call, const void *bytes, size_t length, bool end)
{
	call->in = bytes;
	call->in_length = length;
	call->in_sent = 0;
	call->in_end = end;
	send_more(call);
}

static bool is_done(void *data)
{
	const struct call *call = data;

	return call->done;
}

void call_wait(struct call *call)
{
	host_wait(call->host, is_done, call);
}

void call_reply(struct call *call, const struct message_type *type, void *message)
{
	ck_assert(call->done);
	ck_assert_msg(call->error == 0, "%s (%d)", call->text, call->error);
	ck_assert_int_eq(
		message_decode(type, (struct slice){call->reply, call->reply_length}, message), 0);
}

void call_clear(struct call *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(call->out); i++)
		free(call->out[i]);
	free(call->reply);
	free((void *)(uintptr_t)call->message_params.bytes);
	*call = (struct call){0};
}

void call_expect(struct host *host, struct call *call, const char *method,
		 const struct message_type *type, const void *params, int error)
{
	call_start(host, call, method, type, params);
	call_wait(call);
	ck_assert_msg(call->error == error, "%s: %s (%d)", method, call->text, call->error);
}
