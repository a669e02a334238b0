/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions: each in its place, with the stream that it has just now, or waiting for another. */
#include "shared-folders/stream/stream_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "shared-folders/stream/looker.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>

/* The next session that nobody came for in time is to be looked at then. */
static void set_expiry(struct stream_server *server)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < STREAM_SERVER_SESSIONS; i++) {
		const struct place *place = &server->places[i];

		if (place->session && !place->stream && !place->is_ending)
			first = MIN(first, place->until_ms);
	}
	if (first == UINT64_MAX)
		uv_timer_stop(&server->expire);
	else
		uv_timer_start(&server->expire, place_on_expire,
			       first - MIN(first, uv_now(server->loop)), 0);
}

void place_end(struct place *place)
{
	if (place->is_ending)
		return;
	place->is_ending = true;
	share_session_end(place->session);
	uv_async_send(&place->server->wake);
}

void place_on_expire(uv_timer_t *timer)
{
	struct stream_server *server = timer->data;

	for (size_t i = 0; i < STREAM_SERVER_SESSIONS; i++) {
		struct place *place = &server->places[i];

		if (place->session && !place->stream && place->until_ms <= uv_now(server->loop))
			place_end(place);
	}
	set_expiry(server);
}

/* The stream is no more; the session waits for another one. */
static void lose_stream(struct place *place)
{
	place->stream = NULL;
	cutter_clear(&place->cutter);
	place->owed = 0;
	place->until_ms = uv_now(place->server->loop) + place->server->options.keep_ms;
	set_expiry(place->server);
}

static void fail_stream(struct place *place, int error, const char *text)
{
	struct stream *stream = place->stream;

	if (!stream)
		return;
	lose_stream(place);
	stream_fail(stream, error, text);
}

/* What there is goes out, and what room there is comes in. */
static void go_on(struct place *place)
{
	struct slice output;

	while (place->stream && (output = share_session_output(place->session)).length > 0) {
		ssize_t sent = stream_send(place->stream, 0, output.bytes, output.length);

		if (sent <= 0)
			break;
		share_session_sent(place->session, (size_t)sent);
	}
	if (place->stream && place->owed > 0 && share_session_is_hungry(place->session)) {
		const size_t owed = place->owed;

		place->owed = 0;
		stream_consumed(place->stream, 0, owed);
	}
}

/* Out of order: such a session has no future. */
static void give_up(struct place *place, int error)
{
	log_warning("a session is ended: %s", error_text(error));
	fail_stream(place, error, "what was sent makes no sense");
	place_end(place);
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	struct place *place = owner;
	uint8_t *message;
	size_t length;
	int error = 0, more = channel == 0;

	if (channel != 0)
		stream_consumed(stream, channel, bytes.length);
	else
		place->owed += bytes.length;
	while (more > 0 && error == 0) {
		more = cutter_take(&place->cutter, &bytes, &message, &length);
		if (more > 0)
			error = share_session_message(place->session, message, length);
	}
	if (error < 0 || more < 0) {
		give_up(place, error < 0 ? error : more);
		return;
	}
	/* With all of them there it is seen how many come at once. */
	share_session_collect(place->session);
	go_on(place);
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct place *place = owner;
	struct share_received has;
	int error;

	(void)stream;
	if (!slice_is(name, "received"))
		return;
	error = message_decode(&message_share_received, params, &has);
	if (!error)
		error = share_session_acknowledge(place->session, &has);
	if (error)
		give_up(place, error);
	else
		go_on(place);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	go_on(owner);
}

/* The mounter has unmounted. */
static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct place *place = owner;

	if (channel != 0)
		return;
	lose_stream(place);
	place_end(place);
	stream_reply(stream, (struct slice){0});
}

/* Somebody on the way lost the stream: the mounter will come again. */
static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	fail_stream(owner, ECANCELED, NULL);
}

static void on_stream_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	lose_stream(owner);
}

static const struct stream_handlers stream_handlers = {
	.message = on_message,
	.data = on_data,
	.credit = on_credit,
	.end = on_end,
	.cancelled = on_cancelled,
	.closed = on_stream_closed,
};

static struct place *find_session(struct stream_server *server, const uint8_t *id)
{
	for (size_t i = 0; i < STREAM_SERVER_SESSIONS; i++) {
		struct place *place = &server->places[i];

		if (place->session && !place->is_ending &&
		    memcmp(share_session_id(place->session), id, SHARE_SESSION_SIZE) == 0)
			return place;
	}
	return NULL;
}

/* A free place; if there is none, the one that has waited longest has to go, and is not free yet.
 */
static struct place *find_place(struct stream_server *server)
{
	struct place *oldest = NULL;

	for (size_t i = 0; i < STREAM_SERVER_SESSIONS; i++) {
		struct place *place = &server->places[i];

		if (!place->session)
			return place;
		if (!place->stream && !place->is_ending &&
		    (!oldest || place->until_ms < oldest->until_ms))
			oldest = place;
	}
	if (oldest)
		place_end(oldest);
	return NULL;
}

/* A folder that is mounted twice. A session that ends has no part in it: its server is going. */
static void say_crowded(struct stream_server *server)
{
	size_t count = server->options.looker && looker_set_crowded(server->options.looker);
	struct server *served[STREAM_SERVER_SESSIONS];
	size_t sessions = 0;

	for (size_t i = 0; i < STREAM_SERVER_SESSIONS; i++) {
		const struct share_session *session = server->places[i].session;

		if (session && !share_session_is_ending(session))
			served[sessions++] = share_session_server(session);
	}
	for (size_t i = 0; count + sessions > 1 && i < sessions; i++)
		server_set_crowded(served[i]);
}

static int begin_session(struct stream_server *server, const uint8_t *id, struct place **result)
{
	struct server_options options = server->server_options;
	struct place *place = find_place(server);
	struct share_session *session;
	struct server *served;
	int error = place ? 0 : -EAGAIN;

	if (!error)
		error = share_session_new(id, server->pool, stream_server_wake, server, &session);
	if (error)
		return error;
	options.notify = share_session_notify;
	options.notify_owner = session;
	error = server_new(&options, &served);
	if (error) {
		share_session_free(session);
		return error;
	}
	share_session_serve(session, served);
	*place = (struct place){
		.server = server,
		.session = session,
		.cutter = CUTTER(sizeof(struct fuse_in_header), SERVER_MAX_MESSAGE),
	};
	say_crowded(server);
	*result = place;
	return 0;
}

static int answer_opened(struct stream *stream, bool resumed, uint64_t received)
{
	const struct share_opened opened = {.resumed = resumed, .received = received};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_opened, &opened, &writer);
	return stream_message(stream, SLICE_LITERAL("opened"), cbor_written(&writer));
}

int place_open(struct stream_server *server, struct stream *stream, const struct share_open *open)
{
	struct place *place = find_session(server, open->session.bytes);
	bool resumed = false;
	int error;

	/* The mounter knows better than we that the old stream is dead. */
	if (place)
		fail_stream(place, ECONNABORTED, "opened again");
	if (place && open->resume)
		resumed = share_session_resume(place->session, open->received);
	if (place && !resumed)
		place_end(place);
	if (!resumed) {
		error = begin_session(server, open->session.bytes, &place);
		if (error)
			return error;
	}
	error = answer_opened(stream, resumed,
			      resumed ? share_session_received(place->session) : 0);
	if (error) {
		lose_stream(place);
		return error;
	}
	share_session_set_ahead(place->session, open->ahead);
	place->stream = stream;
	stream_set_handlers(stream, &stream_handlers, place);
	set_expiry(server);
	go_on(place);
	return 0;
}

bool places_collect(struct stream_server *server)
{
	bool ended = false;

	for (size_t i = 0; i < STREAM_SERVER_SESSIONS; i++) {
		struct place *place = &server->places[i];

		if (!place->session)
			continue;
		share_session_collect(place->session);
		if (share_session_is_ending(place->session) && !place->is_ending)
			give_up(place, -ENOMEM);
		if (place->is_ending && share_session_has_ended(place->session)) {
			share_session_free(place->session);
			cutter_clear(&place->cutter);
			*place = (struct place){0};
			ended = true;
			continue;
		}
		go_on(place);
	}
	return ended;
}
