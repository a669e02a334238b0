/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/stream/share_session.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <string.h>
#include <uv.h>

/* Requests under way with the room for their replies, and replies that are kept. */
#define HELD_MAX_BYTES (16U << 20)

/* With so many more behind it, also what is done in no time is worth another thread; so is what
 * carries so much, if there is anything behind it. */
#define DEEP	    4
#define LARGE_BYTES 16384
/* A request that took so long says that the next ones may, too (a cold disk, a network). */
#define LONG_NS	 2000000
#define DISTRUST 64

/* A message on its way to the peer. */
struct outgoing {
	struct outgoing *next;
	uint8_t *bytes;
	size_t length; /* 0: there is none */
	struct job *job;
	bool is_notification;
};

struct list {
	struct outgoing *first, **last;
};

struct job {
	struct pool_work work;
	struct server_call call;
	struct iovec in, out;
	struct share_session *session;
	struct outgoing reply;
	struct job *next;
	uint8_t *request;
	size_t cost; /* bytes held */
};

struct share_session {
	uint8_t id[SHARE_SESSION_SIZE];
	struct pool *pool;
	void (*wake)(void *owner);
	void *owner;
	struct server *server;
	struct pool_work free_server;
	bool freeing;

	uint64_t (*now_ns)(void);
	pthread_t loop;
	bool in_line;	       /* the loop's thread is inside server_call() */
	unsigned int distrust; /* so many requests are not for the loop's thread */
	struct job *waiting, **last_waiting;
	size_t wait_count;
	uint64_t received;
	size_t held_bytes, under_way;

	struct list kept;	/* not acknowledged; the first has number acknowledged + 1 */
	struct outgoing *next;	/* of these the one to be sent */
	size_t next_offset;	/* so much of it has been */
	uint64_t acknowledged;	/* messages the peer has */
	uint64_t sent;		/* messages sent, the last one perhaps in part */
	uint64_t notes_sent;	/* notifications among all that was ever made a message */
	uint64_t notes_carried; /* by the peer */

	pthread_mutex_t mutex; /* guards what follows */
	struct list done;
	size_t in_call; /* threads inside server_call() */
	size_t notes;	/* notifications that the peer has not carried out */
	bool freed;	/* the server */
	bool ending;	/* set by the loop's thread, which reads it without */
};

static void list_init(struct list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_append(struct list *list, struct outgoing *outgoing)
{
	outgoing->next = NULL;
	*list->last = outgoing;
	list->last = &outgoing->next;
}

static struct outgoing *list_take_first(struct list *list)
{
	struct outgoing *first = list->first;

	if (!first)
		return NULL;
	list->first = first->next;
	if (!list->first)
		list->last = &list->first;
	return first;
}

int share_session_new(const uint8_t id[SHARE_SESSION_SIZE], struct pool *pool,
		      void (*wake)(void *owner), void *owner, struct share_session **result)
{
	struct share_session *session = calloc(1, sizeof(*session));

	if (!session)
		return -ENOMEM;
	memcpy(session->id, id, SHARE_SESSION_SIZE);
	session->pool = pool;
	session->wake = wake;
	session->owner = owner;
	session->now_ns = uv_hrtime;
	session->loop = pthread_self();
	session->last_waiting = &session->waiting;
	list_init(&session->kept);
	list_init(&session->done);
	pthread_mutex_init(&session->mutex, NULL);
	*result = session;
	return 0;
}

void share_session_use_clock(struct share_session *session, uint64_t (*now_ns)(void))
{
	session->now_ns = now_ns;
}

const uint8_t *share_session_id(const struct share_session *session)
{
	return session->id;
}

void share_session_serve(struct share_session *session, struct server *server)
{
	session->server = server;
}

struct server *share_session_server(const struct share_session *session)
{
	return session->server;
}

uint64_t share_session_received(const struct share_session *session)
{
	return session->received;
}

/* --- Requests ------------------------------------------------------------------------------- */

static void free_job(struct job *job)
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

static void take_all_done(struct share_session *session);

static void begin_waiting(struct share_session *session)
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
		take_all_done(session);
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
	begin_waiting(session);
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

/* --- Messages for the peer ------------------------------------------------------------------ */

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
		free_job(job);
	else
		free(done);
}

static void take_all_done(struct share_session *session)
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

void share_session_collect(struct share_session *session)
{
	take_all_done(session);
	begin_waiting(session);
	if (session->ending)
		share_session_end(session);
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

/* --- The end -------------------------------------------------------------------------------- */

static void free_server(struct pool_work *work)
{
	struct share_session *session = CONTAINER_OF(work, struct share_session, free_server);
	void (*wake)(void *owner) = session->wake;
	void *owner = session->owner;

	server_free(session->server); /* what waits in it is done with EINTR */
	pthread_mutex_lock(&session->mutex);
	session->freed = true;
	pthread_mutex_unlock(&session->mutex);
	wake(owner);
}

void share_session_end(struct share_session *session)
{
	bool is_quiet;

	if (session->freeing)
		return;
	pthread_mutex_lock(&session->mutex);
	session->ending = true;
	is_quiet = session->in_call == 0;
	session->freed = session->freed || !session->server;
	pthread_mutex_unlock(&session->mutex);
	if (!is_quiet || !session->server)
		return;
	session->free_server.run = free_server;
	session->freeing = pool_submit(session->pool, &session->free_server) == 0;
}

bool share_session_is_ending(const struct share_session *session)
{
	return session->ending;
}

bool share_session_has_ended(struct share_session *session)
{
	bool freed;

	pthread_mutex_lock(&session->mutex);
	freed = session->freed && !session->done.first;
	pthread_mutex_unlock(&session->mutex);
	return session->ending && freed && session->under_way == 0;
}

void share_session_free(struct share_session *session)
{
	struct job *next;

	while (session->kept.first)
		let_go(session);
	for (struct job *job = session->waiting; job; job = next) {
		next = job->next;
		free_job(job);
	}
	pthread_mutex_destroy(&session->mutex);
	free(session);
}
