/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* org.lodge1.VM.Execute: a command in the guest, for programs that want no streams. */
#include "host/daemon/bus/internal.h"

#include "host/daemon/broker/agent_link.h"
#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/message.h"
#include "protocol/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX     (1024 * 1024)
#define PARAMETERS_MAX (48 * 1024)
#define SILENCE_MS     5000 /* in which the agent says that it has killed the command */

struct output {
	uint8_t *bytes;
	size_t length, capacity;
};

struct execution {
	struct call *call;
	struct stream *stream;
	struct output output[2]; /* standard output, standard error */
	bool timed_out;
	uv_timer_t timer;
};

static void timer_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void finish(struct execution *execution)
{
	free(execution->output[0].bytes);
	free(execution->output[1].bytes);
	uv_close((uv_handle_t *)&execution->timer, timer_closed);
}

/* What does not fit is dropped. */
static void keep(struct output *output, struct slice bytes)
{
	size_t length = MIN(bytes.length, OUTPUT_MAX - output->length);
	size_t needed = output->length + length;

	if (needed > output->capacity) {
		size_t capacity = MIN((size_t)OUTPUT_MAX, MAX(2 * needed, (size_t)4096));
		uint8_t *grown = realloc(output->bytes, capacity);

		if (!grown)
			return;
		output->bytes = grown;
		output->capacity = capacity;
	}
	if (length > 0)
		memcpy(output->bytes + output->length, bytes.bytes, length);
	output->length = needed;
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct execution *execution = owner;

	if (channel == 1 || channel == 2)
		keep(&execution->output[channel - 1], bytes);
	stream_consumed(stream, channel, bytes.length);
}

static void reply(struct execution *execution, const struct exec_result *result)
{
	dbus_int32_t status =
		result->signal ? 128 + (dbus_int32_t)result->signal : (dbus_int32_t)result->status;
	DBusMessage *message = call_new_reply(execution->call);
	const struct output *output = execution->output;

	dbus_message_append_args(message, DBUS_TYPE_INT32, &status, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE,
				 &output[0].bytes, (int)output[0].length, DBUS_TYPE_ARRAY,
				 DBUS_TYPE_BYTE, &output[1].bytes, (int)output[1].length,
				 DBUS_TYPE_INVALID);
	call_reply(execution->call, message);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct execution *execution = owner;
	struct exec_result ended;

	(void)stream;
	if (execution->timed_out)
		call_done(execution->call, -ETIMEDOUT, "the command took too long and was killed");
	else if (result->error && result->text.length > 0)
		call_fail(execution->call, BUS_ERROR(Failed), "%.*s", (int)result->text.length,
			  (const char *)result->text.bytes);
	else if (result->error)
		call_fail(execution->call, BUS_ERROR(Failed), "%s", error_text(result->error));
	else if (message_decode(&message_exec_result, result->params, &ended) < 0)
		call_fail(execution->call, BUS_ERROR(Failed), "the agent's answer makes no sense");
	else
		reply(execution, &ended);
	finish(execution);
}

/* The guest hangs: whoever asked is not to wait for it. */
static void on_silence(uv_timer_t *timer)
{
	struct execution *execution = timer->data;

	stream_set_handlers(execution->stream, NULL, NULL);
	call_done(execution->call, -ETIMEDOUT,
		  "the command took too long, and the agent does not say that it was killed");
	finish(execution);
}

static void on_timeout(uv_timer_t *timer)
{
	struct execution *execution = timer->data;

	execution->timed_out = true;
	stream_cancel(execution->stream); /* `closed` follows, or silence */
	uv_timer_start(timer, on_silence, SILENCE_MS, 0);
}

/* The message's "as" as exec's parameters. */
static struct slice encode(DBusMessage *message, uint8_t *bytes, size_t capacity,
			   dbus_uint32_t *timeout_ms)
{
	struct cbor_writer list = {.bytes = bytes, .capacity = capacity / 2};
	struct cbor_writer all = {.bytes = bytes + capacity / 2, .capacity = capacity / 2};
	struct exec_params params = {0};
	char **arguments = NULL;
	int count = 0;

	dbus_message_get_args(message, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &arguments, &count,
			      DBUS_TYPE_UINT32, timeout_ms, DBUS_TYPE_INVALID);
	cbor_put_array(&list, (uint64_t)count);
	for (int i = 0; i < count; i++)
		cbor_put_bytes(&list, slice_of(arguments[i]));
	dbus_free_string_array(arguments);
	params.argv = cbor_written(&list);
	if (params.argv.length > 0 && count > 0)
		message_encode(&message_exec_params, &params, &all);
	return cbor_written(&all);
}

static void execute_now(struct call *call, bool happened)
{
	static const struct stream_handlers handlers = {.data = on_data, .closed = on_closed};
	struct execution *execution;
	uint8_t *bytes;
	dbus_uint32_t timeout_ms = 0;
	struct slice params;
	int r = -ENOMEM;

	(void)happened;
	execution = calloc(1, sizeof(*execution));
	bytes = malloc(2 * PARAMETERS_MAX);
	if (execution && bytes) {
		execution->call = call;
		params = encode(call->message, bytes, 2 * PARAMETERS_MAX, &timeout_ms);
		r = params.length == 0
			    ? -EINVAL
			    : agent_link_request(call->vm->agent, "exec", params, &handlers,
						 execution, &execution->stream);
	}
	free(bytes);
	if (r < 0) {
		free(execution);
		call_done(call, r,
			  r == -EINVAL	   ? "a command of at most 48 KiB is needed"
			  : r == -ENOTCONN ? "no agent answers in this VM"
					   : error_text(r));
		return;
	}
	uv_timer_init(&call->lodged->loop, &execution->timer);
	execution->timer.data = execution;
	if (timeout_ms > 0)
		uv_timer_start(&execution->timer, on_timeout, timeout_ms, 0);
}

void execute_in_vm(struct call *call)
{
	call_with_agent(call, execute_now);
}
