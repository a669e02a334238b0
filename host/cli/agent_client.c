/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/agent_client.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/frame.h"
#include "protocol/pump/pump.h"

#include <assert.h>
#include <string.h>

/* How long a guest may take until its agent is up, and lodged to shake hands. */
#define AGENT_WAIT_MS 60000
#define HANDSHAKE_MS  10000

static void on_established(void *owner, const struct session_peer *peer)
{
	struct agent *agent = owner;

	(void)peer;
	agent->established = true;
	uv_timer_stop(&agent->timer);
}

static void on_lost(void *owner, int reason)
{
	struct agent *agent = owner;

	(void)reason;
	agent->lost = true;
}

static void on_wake(void *owner)
{
	struct agent *agent = owner;

	pump_wake(agent->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.wake = on_wake,
};

static void on_closed(void *owner, int error)
{
	on_lost(owner, error);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

static void on_timeout(uv_timer_t *timer)
{
	on_lost(timer->data, -ETIMEDOUT);
}

int agent_new(int fd, const char *vm, struct agent **result)
{
	static const char *const capabilities[] = {NULL};
	_cleanup_close_ int own = fd;
	_cleanup_agent_ struct agent *agent = calloc(1, sizeof(*agent));
	int error;

	if (!agent)
		return -ENOMEM;
	agent->vm = vm;
	error = uv_loop_init(&agent->loop);
	assert(error == 0);
	uv_timer_init(&agent->loop, &agent->timer);
	agent->timer.data = agent;
	agent->session = session_new(SESSION_HOST, "lodge " LODGE_VERSION, capabilities,
				     &session_handlers, agent);
	if (!agent->session)
		return -ENOMEM;
	error = pump_new(&agent->loop, take_fd(&own), false, agent->session, &pump_handlers, agent,
			 &agent->pump);
	if (error)
		return error;
	uv_timer_start(&agent->timer, on_timeout, HANDSHAKE_MS, 0);
	session_start(agent->session);
	while (!agent->established && !agent->lost)
		uv_run(&agent->loop, UV_RUN_ONCE);
	if (!agent->established) {
		log_error("%s: lodged does not speak for the agent; see its log", vm);
		return -EPROTO;
	}
	*result = take_ptr(agent);
	return 0;
}

static int wait_agent(struct client *client, const char *vm)
{
	dbus_uint32_t timeout_ms = AGENT_WAIT_MS;
	dbus_bool_t is_there = FALSE;
	DBusMessage *reply,
		*message = client_vm_message(client, vm, LODGE_VM_INTERFACE, "WaitAgent");

	if (!message)
		return -ENOENT;
	dbus_message_append_args(message, DBUS_TYPE_UINT32, &timeout_ms, DBUS_TYPE_INVALID);
	reply = client_call(client, message, AGENT_WAIT_MS + CLIENT_QUICK_MS, vm);
	if (!reply)
		return -EIO;
	dbus_message_get_args(reply, NULL, DBUS_TYPE_BOOLEAN, &is_there, DBUS_TYPE_INVALID);
	dbus_message_unref(reply);
	if (is_there)
		return 0;
	log_error("%s: no agent answers in the guest; is lodge-agent installed and running there? "
		  "('lodge console %s' shows the guest)",
		  vm, vm);
	return -EHOSTUNREACH;
}

int agent_connect(struct client *client, const char *vm)
{
	DBusMessage *message;
	int error = wait_agent(client, vm);

	if (error)
		return error;
	message = client_vm_message(client, vm, LODGE_VM_INTERFACE, "OpenAgent");
	return message ? client_vm_descriptor(client, vm, message) : -ENOENT;
}

int agent_open(struct client *client, const char *vm, struct agent **agent)
{
	int fd = agent_connect(client, vm);

	return fd < 0 ? fd : agent_new(fd, vm, agent);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
	(void)unused;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void agent_close(struct agent *agent)
{
	if (!agent)
		return;
	pump_free(take_ptr(agent->pump));
	session_free(agent->session);
	close_handle((uv_handle_t *)&agent->timer, NULL);
	uv_run(&agent->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&agent->loop) != 0) {
		uv_walk(&agent->loop, close_handle, NULL);
		uv_run(&agent->loop, UV_RUN_DEFAULT);
		uv_loop_close(&agent->loop);
	}
	free(agent);
}

void agent_wait(struct agent *agent, const bool *done)
{
	while (!*done)
		uv_run(&agent->loop, UV_RUN_ONCE);
}

int agent_request(struct agent *agent, const char *method, const struct message_type *type,
		  const void *params, const struct stream_handlers *handlers, void *owner,
		  struct stream **stream)
{
	_cleanup_free_ uint8_t *bytes = malloc(FRAME_MAX_MESSAGE);
	struct cbor_writer writer = {.bytes = bytes, .capacity = FRAME_MAX_MESSAGE};

	if (!bytes)
		return -ENOMEM;
	if (type)
		message_encode(type, params, &writer);
	if (writer.overflow)
		return -EMSGSIZE;
	return session_request(agent->session, slice_of(method), cbor_written(&writer), handlers,
			       owner, stream);
}

struct call {
	uint8_t *reply;
	size_t capacity;
	ssize_t result;
	bool done;
	struct stream *stream;
};

/* A guest that hangs does not say either that it has cancelled it. */
static void on_call_timeout(uv_timer_t *timer)
{
	struct call *call = timer->data;

	/* Both may come in one turn of the loop; the stream is no more then. */
	if (call->done)
		return;
	stream_set_handlers(call->stream, NULL, NULL);
	stream_cancel(call->stream);
	snprintf((char *)call->reply, call->capacity, "it does not answer");
	call->result = -ETIMEDOUT;
	call->done = true;
}

static void on_call_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct call *call = owner;

	(void)stream;
	call->done = true;
	if (result->error) {
		agent_failure(result, (char *)call->reply, call->capacity);
		call->result = result->error;
	} else if (result->params.length > call->capacity) {
		call->result = -EMSGSIZE;
		strcpy((char *)call->reply, "the answer is too long");
	} else {
		memcpy(call->reply, result->params.bytes, result->params.length);
		call->result = (ssize_t)result->params.length;
	}
}

ssize_t agent_call(struct agent *agent, const char *method, const struct message_type *type,
		   const void *params, uint64_t limit_ms, uint8_t *reply, size_t capacity)
{
	static const struct stream_handlers handlers = {.closed = on_call_closed};
	struct call call = {.reply = reply, .capacity = capacity};
	int error = agent_request(agent, method, type, params, &handlers, &call, &call.stream);

	if (error) {
		snprintf((char *)reply, capacity, "%s", error_text(error));
		return error;
	}
	agent->timer.data = &call;
	if (limit_ms > 0)
		uv_timer_start(&agent->timer, on_call_timeout, limit_ms, 0);
	agent_wait(agent, &call.done);
	uv_timer_stop(&agent->timer);
	return call.result;
}

const char *agent_failure(const struct stream_result *result, char *text, size_t capacity)
{
	if (result->error == -ECONNRESET)
		snprintf(text, capacity, "the connection to the guest's agent was lost");
	else if (result->error == -ENOSYS)
		snprintf(text, capacity, "the guest's agent cannot do that");
	else if (result->text.length > 0)
		text_clean_into(result->text, text, capacity);
	else
		snprintf(text, capacity, "%s", error_text(result->error));
	return text;
}
