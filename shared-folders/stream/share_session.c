/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/stream/share_session_internal.h"

#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

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

void share_session_set_ahead(struct share_session *session, bool wanted)
{
	session->ahead = wanted;
}

struct server *share_session_server(const struct share_session *session)
{
	return session->server;
}

uint64_t share_session_received(const struct share_session *session)
{
	return session->received;
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
	session_free_kept(session);
	session_free_waiting(session);
	pthread_mutex_destroy(&session->mutex);
	free(session);
}
