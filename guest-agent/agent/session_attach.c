/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/session_attach.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct place;

/* Outlives its place: a session may take its time to answer a cancel. */
struct far {
	struct place *place; /* NULL: nobody wants it any more */
	struct stream *stream;
};

struct place {
	struct session_attach *attach;
	struct stream *near; /* NULL: free */
	struct far *far;     /* NULL: no session */
};

struct session_attach {
	struct session_link *link;
	struct session_link_watcher watcher;
	const struct session_attach_kind *kind;
	void *owner;
	struct place places[SESSION_ATTACH_MAX];
};

static void alone(const struct place *place)
{
	const struct session_attach *attach = place->attach;

	if (attach->kind->alone)
		attach->kind->alone(attach->owner, place->near);
}

static void leave(struct place *place)
{
	struct far *far = place->far;

	if (!far)
		return;
	place->far = NULL;
	far->place = NULL;
	stream_cancel(far->stream);
}

/* The near stream ends, and its place is free. */
static void end_near(struct place *place, int error, const char *text)
{
	struct stream *near = place->near;

	leave(place);
	place->near = NULL;
	stream_fail(near, error, text);
}

static void begin_anew(struct place *place)
{
	end_near(place, EAGAIN, "another session has the screen");
}

/* --- What the session says ------------------------------------------------------------------ */

static void far_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	const struct far *far = owner;

	(void)stream;
	/* A host that takes nothing misses it. */
	if (far->place)
		stream_message(far->place->near, name, params);
}

static void far_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct far *far = owner;
	struct place *place = far->place;
	char text[256];
	size_t length = MIN(result->text.length, sizeof(text) - 1);

	(void)stream;
	free(far);
	if (!place)
		return;
	place->far = NULL;
	if (place->attach->kind->keep) {
		alone(place);
		return;
	}
	if (result->error == -ECONNRESET || !result->error) {
		begin_anew(place);
		return;
	}
	if (length > 0)
		memcpy(text, result->text.bytes, length);
	text[length] = '\0';
	end_near(place, result->error, text);
}

static const struct stream_handlers far_handlers = {.message = far_message, .closed = far_closed};

static void join(struct place *place)
{
	const struct session_attach *attach = place->attach;
	struct session *session = session_link_current(attach->link, attach->kind->capability);
	struct far *far = session ? calloc(1, sizeof(*far)) : NULL;

	if (far) {
		far->place = place;
		if (session_request(session, slice_of(attach->kind->method), (struct slice){0},
				    &far_handlers, far, &far->stream) == 0) {
			place->far = far;
			return;
		}
		free(far);
	}
	alone(place);
}

static void on_changed(void *owner)
{
	struct session_attach *attach = owner;
	const struct session *session =
		session_link_current(attach->link, attach->kind->capability);

	for (size_t i = 0; i < SESSION_ATTACH_MAX; i++) {
		struct place *place = &attach->places[i];
		const struct session *now = place->far ? stream_session(place->far->stream) : NULL;

		if (!place->near || now == session)
			continue;
		if (!attach->kind->keep) {
			begin_anew(place);
			continue;
		}
		leave(place);
		join(place);
	}
}

/* --- What the host says --------------------------------------------------------------------- */

static void near_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	const struct place *place = owner;
	const struct session_attach *attach = place->attach;

	if (place->far)
		stream_message(place->far->stream, name, params);
	else if (attach->kind->message)
		attach->kind->message(attach->owner, stream, name, params);
}

static void near_cancelled(struct stream *stream, void *owner)
{
	struct place *place = owner;

	leave(place);
	place->near = NULL;
	stream_reply(stream, (struct slice){0});
}

static void near_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct place *place = owner;

	(void)stream;
	(void)result;
	leave(place);
	place->near = NULL;
}

static const struct stream_handlers near_handlers = {
	.message = near_message,
	.cancelled = near_cancelled,
	.closed = near_closed,
};

void session_attach_request(struct session_attach *attach, struct stream *near)
{
	for (size_t i = 0; i < SESSION_ATTACH_MAX; i++) {
		struct place *place = &attach->places[i];

		if (place->near)
			continue;
		*place = (struct place){.attach = attach, .near = near};
		stream_set_handlers(near, &near_handlers, place);
		join(place);
		return;
	}
	stream_fail(near, EAGAIN, "too many are attached");
}

void session_attach_alone(struct session_attach *attach,
			  void (*tell)(void *owner, struct stream *near))
{
	for (size_t i = 0; i < SESSION_ATTACH_MAX; i++) {
		if (attach->places[i].near && !attach->places[i].far)
			tell(attach->owner, attach->places[i].near);
	}
}

struct session_attach *session_attach_new(struct session_link *link,
					  const struct session_attach_kind *kind, void *owner)
{
	struct session_attach *attach = calloc(1, sizeof(*attach));

	if (!attach)
		return NULL;
	*attach = (struct session_attach){
		.link = link,
		.watcher = {.changed = on_changed, .owner = attach},
		.kind = kind,
		.owner = owner,
	};
	session_link_watch(link, &attach->watcher);
	return attach;
}

void session_attach_free(struct session_attach *attach)
{
	if (!attach)
		return;
	session_link_unwatch(attach->link, &attach->watcher);
	free(attach);
}
