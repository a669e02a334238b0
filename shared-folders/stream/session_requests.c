/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the peer asks for: in line or on the pool, as far as there is room. */
#include "shared-folders/stream/share_session_internal.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

/* Requests under way with the room for their replies, and replies that are kept. */
#define HELD_MAX_BYTES (16U << 20)

/* With so many more behind it, also what is done in no time is worth another thread; so is what
 * carries so much, if there is anything behind it. */
#define DEEP	    4
#define LARGE_BYTES 16384
/* A request that took so long says that the next ones may, too (a cold disk, a network). */
#define LONG_NS	 2000000
#define DISTRUST 64

void session_free_job(struct job *job)
{
	free(job->request);
	free(job);
}

static void on_done(struct server_call *call, size_t length)
{
	struct job *job = call->owner;
	struct share_session *session = job->session;
	void (*wake)(void *owner) = session->wake;
	void *owner = session->owner;
	/* Then it looks by itself when it is through. */
	const bool is_loop = pthread_equal(session->loop, pthread_self()) && session->in_line;

	job->reply.length = MIN(length, job->out.iov_len);
	pthread_mutex_lock(&session->mutex);
	list_append(&session->done, &job->reply);
	pthread_mutex_unlock(&session->mutex);
	if (is_loop)
		return;
	/* The session may be gone by now, its owner is not. */
	wake(owner);
}

static void run_job(struct pool_work *work)
{
	struct job *job = CONTAINER_OF(work, struct job, work);
	struct share_session *session = job->session;
	void (*wake)(void *owner) = session->wake;
	void *owner = session->owner;
	bool is_awaited;

	server_call(session->server, &job->call);
	/* The job may be gone by now; the session is not, thanks to in_call. */
	pthread_mutex_lock(&session->mutex);
	session->in_call--;
	is_awaited = session->ending;
	pthread_mutex_unlock(&session->mutex);
	if (is_awaited)
		wake(owner);
}

/* What may wait for a disk, or goes on for long: nobody else should have to wait for it. */
static bool is_slow(const struct job *job)
{
	struct fuse_in_header header;

	memcpy(&header, job->request, sizeof(header));
	switch (header.opcode) {
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR:
	case FUSE_SYNCFS:
	case FUSE_FALLOCATE:
	case FUSE_COPY_FILE_RANGE:
	case FUSE_INIT: /* begins to watch */
	case FUSE_DESTROY:
		return true;
	}
	return false;
}

/* To hand a request to another thread and back costs more than most requests do. */
static bool is_for_pool(const struct share_session *session, const struct job *job)
{
	const size_t behind = session->wait_count - 1;

	return session->distrust > 0 || is_slow(job) || behind >= DEEP ||
	       (behind > 0 && job->cost >= LARGE_BYTES);
}

static void serve_in_line(struct share_session *session, struct job *job)
{
	const uint64_t begun_ns = session->now_ns();

	session->in_line = true;
	server_call(session->server, &job->call);
	session->in_line = false;
	if (session->now_ns() - begun_ns > LONG_NS)
		session->distrust = DISTRUST;
	else if (session->ahead && session->wait_count == 1)
		session_look_ahead(session, job);
}

static int hand_over(struct share_session *session, struct job *job)
{
	int error;

	pthread_mutex_lock(&session->mutex);
	session->in_call++;
	pthread_mutex_unlock(&session->mutex);
	error = pool_submit(session->pool, &job->work);
	if (!error)
		return 0;
	pthread_mutex_lock(&session->mutex);
	session->in_call--;
	pthread_mutex_unlock(&session->mutex);
	return error;
}

/* Return: 0; -EAGAIN: it has to wait; -ENOMEM. */
static int begin(struct share_session *session, struct job *job)
{
	if (session->held_bytes > 0 && session->held_bytes + job->cost > HELD_MAX_BYTES)
		return -EAGAIN;
	if (job->out.iov_len > 0) {
		job->reply.bytes = malloc(job->out.iov_len);
		if (!job->reply.bytes)
			return -ENOMEM;
		job->out.iov_base = job->reply.bytes;
	}
	session->held_bytes += job->cost;
	session->under_way++;
	if (is_for_pool(session, job) && hand_over(session, job) == 0)
		session->distrust -= session->distrust > 0;
	else
		serve_in_line(session, job);
	return 0;
}

void session_begin_waiting(struct share_session *session)
{
	while (session->waiting && !session->ending) {
		struct job *job = session->waiting, *next = job->next;
		int error = begin(session, job);

		/* What has to wait is begun when something else is done: is there anything? */
		if (error && error != -EAGAIN && session->under_way == 0)
			share_session_end(session);
		if (error)
			return;
		session->waiting = next;
		session->wait_count--;
		if (!session->waiting)
			session->last_waiting = &session->waiting;
		session_take_done(session);
	}
}

static int add_job(struct share_session *session, uint8_t *message, size_t length)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job) {
		free(message);
		return -ENOMEM;
	}
	*job = (struct job){
		.work.run = run_job,
		.in = {message, length},
		.out = {NULL, MIN(server_reply_room(message, length), (size_t)SERVER_MAX_MESSAGE)},
		.session = session,
		.reply.job = job,
		.request = message,
	};
	job->cost = sizeof(*job) + length + job->out.iov_len;
	job->call = (struct server_call){
		.in = &job->in,
		.in_count = 1,
		.out = &job->out,
		.out_count = job->out.iov_len > 0,
		.done = on_done,
		.owner = job,
	};
	*session->last_waiting = job;
	session->last_waiting = &job->next;
	session->wait_count++;
	return 0;
}

int share_session_message(struct share_session *session, uint8_t *message, size_t length)
{
	if (length < sizeof(struct fuse_in_header) || length > SERVER_MAX_MESSAGE ||
	    session->ending) {
		free(message);
		return -EPROTO;
	}
	session->received++;
	return add_job(session, message, length);
}

bool share_session_is_hungry(const struct share_session *session)
{
	return !session->waiting && !session->ending;
}

void share_session_collect(struct share_session *session)
{
	session_take_done(session);
	session_begin_waiting(session);
	if (session->ending)
		share_session_end(session);
}

void session_free_waiting(struct share_session *session)
{
	struct job *next;

	for (struct job *job = session->waiting; job; job = next) {
		next = job->next;
		session_free_job(job);
	}
}
