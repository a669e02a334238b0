/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the peer is told: replies and notifications, kept until it has them. */
#include "shared-folders/stream/share_session_internal.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The peer has the first message that is kept. */
static void let_go(struct share_session *session)
{
	struct outgoing *outgoing = list_take_first(&session->kept);

	session->acknowledged++;
	session->held_bytes -= outgoing->length;
	free(outgoing->bytes);
	free(outgoing);
}

int share_session_acknowledge(struct share_session *session, const struct share_received *has)
{
	const uint64_t whole = session->next_offset > 0 ? session->sent - 1 : session->sent;

	if (has->received > whole || has->received < session->acknowledged ||
	    has->carried < session->notes_carried || has->carried > session->notes_sent)
		return -EPROTO;
	while (session->acknowledged < has->received)
		let_go(session);
	pthread_mutex_lock(&session->mutex);
	session->notes -= has->carried - session->notes_carried;
	pthread_mutex_unlock(&session->mutex);
	session->notes_carried = has->carried;
	session_begin_waiting(session);
	return 0;
}

static void keep(struct share_session *session, struct outgoing *outgoing)
{
	session->held_bytes += outgoing->length;
	session->notes_sent += outgoing->is_notification;
	list_append(&session->kept, outgoing);
	if (!session->next)
		session->next = outgoing;
}

static void take_done(struct share_session *session, struct outgoing *done)
{
	struct job *job = done->job;

	if (job) {
		session->held_bytes -= job->cost;
		session->under_way--;
	}
	if (done->length > 0 && !session->ending) {
		/* The room was for the longest reply, and the job is not needed any more. */
		struct outgoing *outgoing = malloc(sizeof(*outgoing));
		uint8_t *bytes = outgoing ? realloc(done->bytes, done->length) : NULL;

		if (bytes) {
			*outgoing = (struct outgoing){.bytes = bytes,
						      .length = done->length,
						      .is_notification = done->is_notification};
			done->bytes = NULL;
			keep(session, outgoing);
		} else {
			/* Without this message the peer would wait for ever. */
			free(outgoing);
			share_session_end(session);
		}
	}
	free(done->bytes);
	if (job)
		session_free_job(job);
	else
		free(done);
}

void session_take_done(struct share_session *session)
{
	struct list done;
	struct outgoing *outgoing;

	pthread_mutex_lock(&session->mutex);
	done = session->done;
	if (!done.first)
		list_init(&done);
	list_init(&session->done);
	pthread_mutex_unlock(&session->mutex);
	while ((outgoing = list_take_first(&done)))
		take_done(session, outgoing);
}

struct slice share_session_output(const struct share_session *session)
{
	const struct outgoing *next = session->next;

	if (!next || session->ending)
		return (struct slice){0};
	return (struct slice){next->bytes + session->next_offset,
			      next->length - session->next_offset};
}

void share_session_sent(struct share_session *session, size_t length)
{
	if (length == 0)
		return;
	if (session->next_offset == 0)
		session->sent++;
	session->next_offset += length;
	if (session->next_offset < session->next->length)
		return;
	session->next = session->next->next;
	session->next_offset = 0;
}

bool share_session_resume(struct share_session *session, uint64_t received)
{
	const uint64_t whole = session->next_offset > 0 ? session->sent - 1 : session->sent;

	if (received < session->acknowledged || received > whole || session->ending)
		return false;
	while (session->acknowledged < received)
		let_go(session);
	session->sent = received;
	session->next = session->kept.first;
	session->next_offset = 0;
	return true;
}

int share_session_notify(void *owner, const struct iovec *message, size_t count)
{
	struct share_session *session = owner;
	void (*wake)(void *owner) = session->wake;
	void *wake_owner = session->owner;
	struct outgoing *outgoing;
	size_t length = 0, at = 0;
	bool is_full;

	for (size_t i = 0; i < count; i++)
		length += message[i].iov_len;
	if (length == 0 || length > SERVER_MAX_MESSAGE)
		return -ENOBUFS;
	outgoing = calloc(1, sizeof(*outgoing));
	if (outgoing)
		outgoing->bytes = malloc(length);
	if (!outgoing || !outgoing->bytes) {
		free(outgoing);
		return -ENOBUFS;
	}
	for (size_t i = 0; i < count; i++) {
		memcpy(outgoing->bytes + at, message[i].iov_base, message[i].iov_len);
		at += message[i].iov_len;
	}
	outgoing->length = length;
	outgoing->is_notification = true;
	pthread_mutex_lock(&session->mutex);
	is_full = session->notes >= SHARE_NOTIFY_MAX;
	if (!is_full) {
		session->notes++;
		list_append(&session->done, outgoing);
	}
	pthread_mutex_unlock(&session->mutex);
	if (is_full) {
		free(outgoing->bytes);
		free(outgoing);
		return -ENOBUFS;
	}
	wake(wake_owner);
	return 0;
}

void session_free_kept(struct share_session *session)
{
	while (session->kept.first)
		let_go(session);
}
