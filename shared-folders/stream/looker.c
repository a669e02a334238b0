/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/stream/looker.h"

#include "protocol/base/bytes.h"
#include "protocol/base/iov.h"
#include "protocol/share.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct message {
	struct message *next;
	size_t length;
	uint8_t bytes[];
};

struct looker {
	pthread_mutex_t mutex; /* guards all but the loop's */
	struct server *server; /* NULL: no machine is there */
	bool is_attached;      /* the server's peer has a process that looks */
	bool is_crowded;
	struct message *first, **last;
	size_t count, bytes;
	void (*wake)(void *owner);
	void *wake_owner;

	/* The loop's. */
	struct stream *stream; /* NULL: nobody looks */
	size_t sent;	       /* of the first message */
};

struct looker *looker_new(void)
{
	struct looker *looker = calloc(1, sizeof(*looker));

	if (!looker)
		return NULL;
	pthread_mutex_init(&looker->mutex, NULL);
	looker->last = &looker->first;
	return looker;
}

/* With the mutex, as all that do not say otherwise. */
static void drop_first(struct looker *looker)
{
	struct message *message = looker->first;

	looker->first = message->next;
	if (!looker->first)
		looker->last = &looker->first;
	looker->count--;
	looker->bytes -= message->length;
	free(message);
}

static void detach(struct looker *looker)
{
	if (looker->is_attached && looker->server)
		server_set_looker(looker->server, 0);
	looker->is_attached = false;
	while (looker->first)
		drop_first(looker);
}

static void wake(const struct looker *looker)
{
	if (looker->wake)
		looker->wake(looker->wake_owner);
}

void looker_free(struct looker *looker)
{
	if (!looker)
		return;
	detach(looker);
	pthread_mutex_destroy(&looker->mutex);
	free(looker);
}

/* --- From any thread ------------------------------------------------------------------------- */

static int add(struct looker *looker, const struct iovec *iov, size_t count, size_t length)
{
	struct message *message;

	if (!looker->is_attached || looker->count >= SHARE_NOTIFY_MAX ||
	    length > LOOKER_MAX_BYTES - looker->bytes)
		return -ENOBUFS;
	message = malloc(sizeof(*message) + length);
	if (!message)
		return -ENOBUFS;
	message->next = NULL;
	message->length = iov_read(iov, count, 0, message->bytes, length);
	*looker->last = message;
	looker->last = &message->next;
	looker->count++;
	looker->bytes += message->length;
	wake(looker);
	return 0;
}

int looker_notify(void *owner, const struct iovec *message, size_t count)
{
	struct looker *looker = owner;
	size_t length = 0;
	int error;

	for (size_t i = 0; i < count; i++)
		length += message[i].iov_len;
	pthread_mutex_lock(&looker->mutex);
	error = add(looker, message, count, length);
	pthread_mutex_unlock(&looker->mutex);
	return error;
}

void looker_serve(struct looker *looker, struct server *server)
{
	pthread_mutex_lock(&looker->mutex);
	detach(looker);
	looker->server = server;
	if (server && looker->is_crowded)
		server_set_crowded(server);
	/* Who looked at what the last one served comes again. */
	wake(looker);
	pthread_mutex_unlock(&looker->mutex);
}

bool looker_set_crowded(struct looker *looker)
{
	bool has_server;

	pthread_mutex_lock(&looker->mutex);
	looker->is_crowded = true;
	has_server = looker->server;
	if (has_server)
		server_set_crowded(looker->server);
	pthread_mutex_unlock(&looker->mutex);
	return has_server;
}

/* --- On the loop, without the mutex ---------------------------------------------------------- */

void looker_set_wake(struct looker *looker, void (*to_wake)(void *owner), void *owner)
{
	pthread_mutex_lock(&looker->mutex);
	looker->wake = to_wake;
	looker->wake_owner = owner;
	pthread_mutex_unlock(&looker->mutex);
}

/* The stream is no more. */
static void lose(struct looker *looker)
{
	looker->stream = NULL;
	looker->sent = 0;
	pthread_mutex_lock(&looker->mutex);
	detach(looker);
	pthread_mutex_unlock(&looker->mutex);
}

static void fail(struct looker *looker, int error, const char *text)
{
	struct stream *stream = looker->stream;

	if (!stream)
		return;
	lose(looker);
	stream_fail(stream, error, text);
}

/* Return: whether there may be more to send. */
static bool send_first(struct looker *looker)
{
	const struct message *first = looker->first;
	ssize_t sent;

	if (!first)
		return false;
	sent = stream_send(looker->stream, 0, first->bytes + looker->sent,
			   first->length - looker->sent);
	if (sent <= 0)
		return false;
	looker->sent += (size_t)sent;
	if (looker->sent == first->length) {
		looker->sent = 0;
		drop_first(looker);
	}
	return true;
}

void looker_go_on(struct looker *looker)
{
	bool is_attached;

	if (!looker->stream)
		return;
	pthread_mutex_lock(&looker->mutex);
	is_attached = looker->is_attached;
	while (is_attached && send_first(looker))
		;
	pthread_mutex_unlock(&looker->mutex);
	if (!is_attached)
		fail(looker, EAGAIN, "the machine that had the share is gone");
}

static void on_message(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct looker *looker = owner;
	struct share_watched watched;

	(void)stream;
	if (!slice_is(name, "watched"))
		return;
	if (message_decode(&message_share_watched, params, &watched) < 0) {
		fail(looker, EBADMSG, NULL);
		return;
	}
	pthread_mutex_lock(&looker->mutex);
	if (looker->is_attached && looker->server)
		server_looker_done(looker->server, watched.id);
	pthread_mutex_unlock(&looker->mutex);
}

/* It has nothing to say that way. */
static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	fail(owner, EBADMSG, NULL);
}

static void on_credit(struct stream *stream, void *owner, unsigned int channel, size_t bytes)
{
	(void)stream;
	(void)channel;
	(void)bytes;
	looker_go_on(owner);
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	if (channel != 0)
		return;
	lose(owner);
	stream_reply(stream, (struct slice){0});
}

static void on_cancelled(struct stream *stream, void *owner)
{
	(void)stream;
	fail(owner, ECANCELED, NULL);
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)result;
	lose(owner);
}

static const struct stream_handlers handlers = {
	.message = on_message,
	.data = on_data,
	.credit = on_credit,
	.end = on_end,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

void looker_open(struct looker *looker, struct stream *stream, struct slice params)
{
	struct share_watch watch;
	int error;

	if (message_decode(&message_share_watch, params, &watch) < 0 || watch.pid == 0) {
		stream_fail(stream, EBADMSG, NULL);
		return;
	}
	if (looker->stream) {
		stream_fail(stream, EBUSY, "somebody does it already");
		return;
	}
	pthread_mutex_lock(&looker->mutex);
	error = looker->server ? server_set_looker(looker->server, (uint32_t)watch.pid) : -EAGAIN;
	looker->is_attached = error == 0;
	pthread_mutex_unlock(&looker->mutex);
	if (error) {
		stream_fail(stream, error, "no machine has this share by virtio-fs");
		return;
	}
	looker->stream = stream;
	stream_set_handlers(stream, &handlers, looker);
	looker_go_on(looker);
}

void looker_close(struct looker *looker)
{
	fail(looker, ECONNABORTED, NULL);
}
