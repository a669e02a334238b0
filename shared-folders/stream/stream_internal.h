/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream_internal - what the parts of a stream server have in common; nobody else includes this
 *
 * stream.c has the connections and its life, place.c the sessions and their streams.
 */
#ifndef LODGE_SHARED_FOLDERS_STREAM_INTERNAL_H
#define LODGE_SHARED_FOLDERS_STREAM_INTERNAL_H

#include "protocol/pump/listener.h"
#include "protocol/pump/pumped_session.h"
#include "protocol/share.h"
#include "shared-folders/fuse/cutter.h"
#include "shared-folders/stream/share_session.h"
#include "shared-folders/stream/stream.h"

struct connection {
	struct stream_server *server;
	struct pumped_session *pumped; /* NULL: the place is free */
	bool is_given;		       /* by stream_server_connect() */
};

/* A session and the stream that it has just now. */
struct place {
	struct stream_server *server;
	struct share_session *session; /* NULL: free */
	struct stream *stream;	       /* NULL: it is kept, or ends */
	struct cutter cutter;
	size_t owed; /* bytes that the peer may send again */
	uint64_t until_ms;
	bool is_ending;
};

struct stream_server {
	uv_loop_t *loop;
	struct stream_server_options options;
	struct server_options server_options;
	struct pool *pool;
	uv_async_t wake;
	uv_timer_t expire;
	struct listener *listener; /* NULL: nobody can come */
	struct connection connections[STREAM_SERVER_CONNECTIONS];
	struct place places[STREAM_SERVER_SESSIONS];
	unsigned int handles;
};

/* Look soon at what is done. From any thread. @owner: struct stream_server */
void stream_server_wake(void *owner);

/* --- place.c --------------------------------------------------------------------------------- */

/* The request share.open. Return: 0, and the stream is the session's; negative errno. */
int place_open(struct stream_server *server, struct stream *stream, const struct share_open *open);
/* Begin nothing more in it; it is free once what runs has ended. */
void place_end(struct place *place);
/* Those that nobody came for in time end: the timer of server->expire. */
void place_on_expire(uv_timer_t *timer);
/* Something is done: answers go out, what waits begins. Return: has a session ended? */
bool places_collect(struct stream_server *server);

#endif
