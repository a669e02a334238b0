/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams of the session: opened again and again, what they carry, and where they take up. */
#include "shared-folders/relay/relay_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RETRY_LAST_MS 2000
/* An acknowledgement is due after so many messages, or bytes. */
#define ACKNOWLEDGE_COUNT 16
#define ACKNOWLEDGE_BYTES (256U << 10)

/* What there is goes out; the kernel is asked for more if there is room. */
void relay_go_on(struct share_relay *relay)
{
	struct slice output;

	while (relay->is_open && relay->stream && !relay->is_leaving &&
	       (output = requests_output(&relay->requests)).length > 0) {
		ssize_t sent = stream_send(relay->stream, 0, output.bytes, output.length);

		if (sent <= 0)
			break;
		requests_sent(&relay->requests, (size_t)sent);
	}
	if (relay->is_open && !relay->is_leaving &&
	    (relay->received - relay->acknowledged >= ACKNOWLEDGE_COUNT ||
	     relay->unacknowledged_bytes >= ACKNOWLEDGE_BYTES))
		relay_acknowledge(relay);
	relay_update_poll(relay);
}

void relay_draw_id(struct share_relay *relay)
{
	relay->was_open = false;
	while (getrandom(relay->id, sizeof(relay->id), 0) != (ssize_t)sizeof(relay->id))
		;
}

/* A server that knows nothing of us. */
static void begin_anew(struct share_relay *relay)
{
	uint8_t *init = relay->has_init ? malloc(relay->init_length) : NULL;

	relay_fail_all(relay, -ESTALE);
	requests_clear(&relay->requests);
	known_forget(&relay->known);
	relay->received = relay->acknowledged = 0;
	relay->unacknowledged_bytes = 0;
	relay->notes_before = relay->notes_added;
	relay->notes_dropped = relay->notes_said = 0;
	if (!relay->has_init)
		return;
	relay->is_renewing = true;
	if (!init) {
		stream_cancel(relay->stream);
		return;
	}
	memcpy(init, relay->init, relay->init_length);
	if (requests_add(&relay->requests, init, relay->init_length, true) < 0)
		stream_cancel(relay->stream);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct share_relay *relay = owner;
	const bool is_first = !relay->has_init && relay->fuse_fd < 0;
	struct share_opened opened;

	if (!slice_is(name, "opened") || relay->is_open)
		return;
	if (message_decode(&message_share_opened, params, &opened) < 0 ||
	    (opened.resumed &&
	     (!relay->was_open || !requests_resume(&relay->requests, opened.received)))) {
		relay_complain(relay, "answers");
		relay_draw_id(relay);
		stream_cancel(stream);
		return;
	}
	if (!is_first)
		log_debug("the share %s is %s", relay->target,
			  opened.resumed ? "connected again" : "served by a new server");
	relay->is_open = relay->was_open = true;
	relay->retry_ms = RELAY_RETRY_MS;
	uv_timer_stop(&relay->wait);
	if (!opened.resumed)
		begin_anew(relay);
	if (relay->gave_up && relay->options.handlers->changed)
		relay->options.handlers->changed(relay->options.owner, true);
	relay->gave_up = false;
	if (is_first)
		relay->options.handlers->opened(relay->options.owner);
	relay_go_on(relay);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct share_relay *relay = owner;
	const size_t length = bytes.length;
	uint8_t *message;
	size_t message_length;
	int more = channel == 0 && relay->is_open && !relay->is_leaving;

	while (more > 0) {
		more = cutter_take(&relay->cutter, &bytes, &message, &message_length);
		if (more > 0)
			relay_take_message(relay, message, message_length);
	}
	if (more < 0) {
		relay_complain(relay, "messages");
		relay->is_open = false;
		relay_draw_id(relay);
		stream_cancel(stream);
		return;
	}
	stream_consumed(stream, channel, length);
	relay_go_on(relay);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	relay_go_on(owner);
}

static void try_to_open(struct share_relay *relay);

void relay_on_retry(uv_timer_t *timer)
{
	try_to_open(timer->data);
}

static void try_again_later(struct share_relay *relay)
{
	if (relay->is_leaving || relay->has_ended)
		return;
	uv_timer_start(&relay->retry, relay_on_retry, relay->retry_ms, 0);
	relay->retry_ms = MIN(2 * relay->retry_ms, (uint64_t)RETRY_LAST_MS);
}

/* They will not go away by themselves. */
static bool is_final(int error)
{
	return error == -ENOENT || error == -EACCES || error == -EPERM || error == -ENOSYS ||
	       error == -EBADMSG || error == -ENOTDIR || error == -EINVAL || error == -EROFS ||
	       error == -ENOTSUP || error == -ELOOP || error == -ENAMETOOLONG;
}

static void on_stream_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct share_relay *relay = owner;
	const size_t length = MIN(result->text.length, sizeof(relay->text) - 1);

	(void)stream;
	relay->stream = NULL;
	relay->is_open = false;
	relay->is_renewing = false;
	known_doubt(&relay->known);
	cutter_clear(&relay->cutter);
	if (length > 0)
		memcpy(relay->text, result->text.bytes, length);
	relay->text[length] = '\0';
	if (relay->is_leaving) {
		relay_say_farewell(relay, 0);
		return;
	}
	if (relay->fuse_fd < 0 && is_final(result->error)) {
		relay_end(relay, result->error);
		return;
	}
	relay_start_wait(relay);
	relay_update_poll(relay);
	try_again_later(relay);
}

static const struct stream_handlers stream_handlers = {
	.message = on_message,
	.data = on_data,
	.credit = on_credit,
	.closed = on_stream_closed,
};

/* What is left of a stream when its relay is gone. */
static void on_orphan_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
}

static const struct stream_handlers orphan_handlers = {.closed = on_orphan_closed};

static struct slice encode(const struct share_relay *relay, struct cbor_writer *writer)
{
	const struct share_options_common {
		struct slice session;
		uint64_t received;
	} common = {{relay->id, sizeof(relay->id)}, relay->was_open ? relay->received : 0};

	if (strcmp(relay->options.method, "share.export") == 0) {
		const struct share_export export = {
			.path = slice_of(relay->target),
			.session = common.session,
			.resume = relay->was_open,
			.received = common.received,
			.ahead = true,
			.read_only = relay->options.read_only,
			.user = slice_of(relay->user ? relay->user : ""),
			.uid = relay->options.uid,
			.gid = relay->options.gid,
		};

		message_encode(&message_share_export, &export, writer);
	} else {
		const struct share_open open = {
			.name = slice_of(relay->target),
			.session = common.session,
			.resume = relay->was_open,
			.received = common.received,
			.ahead = true,
		};

		message_encode(&message_share_open, &open, writer);
	}
	return cbor_written(writer);
}

static void try_to_open(struct share_relay *relay)
{
	uint8_t bytes[8192];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	int error;

	if (!relay->session || relay->stream || relay->is_leaving || relay->has_ended)
		return;
	error = session_request(relay->session, slice_of(relay->options.method),
				encode(relay, &writer), &stream_handlers, relay, &relay->stream);
	if (error)
		try_again_later(relay);
}

void share_relay_connect(struct share_relay *relay, struct session *session)
{
	relay->session = session;
	relay->retry_ms = RELAY_RETRY_MS;
	uv_timer_stop(&relay->retry);
	try_to_open(relay);
}

void share_relay_disconnect(struct share_relay *relay)
{
	struct stream *stream = relay->stream;

	relay->session = NULL;
	uv_timer_stop(&relay->retry);
	if (!stream)
		return;
	relay->stream = NULL;
	relay->is_open = false;
	relay->is_renewing = false;
	known_doubt(&relay->known);
	cutter_clear(&relay->cutter);
	stream_set_handlers(stream, &orphan_handlers, NULL);
	stream_cancel(stream);
	relay_start_wait(relay);
	relay_update_poll(relay);
}
