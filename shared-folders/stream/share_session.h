/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_session - a server and its peer, across the streams that come and go (protocol/share.h)
 *
 * Requests wait, run, and become messages for the peer, which are numbered in the order in which
 * they were done and kept until they are acknowledged. They run in line, in the loop's thread,
 * where few come at once, and on the pool if they may take long, or the last ones did. What one
 * session holds is bounded: requests are begun only while what runs and what is kept is below a
 * limit, and more are not asked for while any wait (share_session_is_hungry()).
 *
 * All calls are for one thread, the loop's, except share_session_notify().
 */
#ifndef LODGE_SHARED_FOLDERS_SHARE_SESSION_H
#define LODGE_SHARED_FOLDERS_SHARE_SESSION_H

#include "protocol/cbor.h"
#include "protocol/share.h"
#include "shared-folders/server/server.h"
#include "shared-folders/stream/pool.h"

struct share_session;

/**
 * share_session_new() - a session without a server
 * @pool:	outlives it
 * @wake:	call share_session_collect() soon; from any thread, @owner outlives @pool
 *
 * Return: 0; -ENOMEM.
 */
int share_session_new(const uint8_t id[SHARE_SESSION_SIZE], struct pool *pool,
		      void (*wake)(void *owner), void *owner, struct share_session **session);

/* How long requests take is measured by another clock than libuv's (by default), in nanoseconds. */
void share_session_use_clock(struct share_session *session, uint64_t (*now_ns)(void));

const uint8_t *share_session_id(const struct share_session *session);

/* The server, from now on the session's. Until then nothing but notifications may come. */
void share_session_serve(struct share_session *session, struct server *server);
struct server *share_session_server(const struct share_session *session);

/* The peer wants messages ahead (fuse/ahead.h). */
void share_session_set_ahead(struct share_session *session, bool wanted);

/* server_options.notify with the session as its owner. */
int share_session_notify(void *session, const struct iovec *message, size_t count);

/* How many messages of the peer have come. */
uint64_t share_session_received(const struct share_session *session);

/**
 * share_session_message() - a whole message of the peer
 * @message:	becomes the session's; is begun by share_session_collect()
 *
 * Return: 0; -EPROTO: it broke the rules; -ENOMEM. After an error the session is to be ended.
 */
int share_session_message(struct share_session *session, uint8_t *message, size_t length);

/* What the peer has. Return: 0; -EPROTO: that cannot be, and the session is to be ended. */
int share_session_acknowledge(struct share_session *session, const struct share_received *has);

/* Take what is done, and begin what waits. */
void share_session_collect(struct share_session *session);

/* May the peer send more? */
bool share_session_is_hungry(const struct share_session *session);

/* The next bytes for the peer; an empty slice: none now. */
struct slice share_session_output(const struct share_session *session);
void share_session_sent(struct share_session *session, size_t length);

/**
 * share_session_resume() - another stream, whose peer has @received messages
 *
 * Return: false: that cannot be; the session is to be ended.
 */
bool share_session_resume(struct share_session *session, uint64_t received);

/* Begin nothing more; the server is freed (on the pool) when nothing runs. */
void share_session_end(struct share_session *session);
/* As share_session_end() left it, or because there was no memory left. */
bool share_session_is_ending(const struct share_session *session);
/* It has ended, the server is gone: share_session_free() may be called. */
bool share_session_has_ended(struct share_session *session);
/* @session: has ended, or was never served. */
void share_session_free(struct share_session *session);

#endif
