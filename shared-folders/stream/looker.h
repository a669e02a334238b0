/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * looker - notifications of a server whose peer's kernel takes none (road 1 and 2), for a process
 * of that peer which carries them out: share.watch (protocol/share.h)
 *
 * Between two threads: the one that has the server, and the loop where the stream is. Bounded:
 * what does not fit is refused (-ENOBUFS), and the server keeps it.
 */
#ifndef LODGE_SHARED_FOLDERS_STREAM_LOOKER_H
#define LODGE_SHARED_FOLDERS_STREAM_LOOKER_H

#include "protocol/session.h"
#include "shared-folders/server/server.h"

/* Bytes that wait. */
#define LOOKER_MAX_BYTES (1U << 20)

struct looker;

/* Return: NULL if there is no memory. */
struct looker *looker_new(void);
/* The stream has been closed (looker_close()), and no server is served. NULL is fine. */
void looker_free(struct looker *looker);

/* --- From any thread ------------------------------------------------------------------------- */

/* For server_options.notify. @looker: struct looker */
int looker_notify(void *looker, const struct iovec *message, size_t count);

/* Whose notifications these are; NULL: nobody's any more, to be said before server_free(). */
void looker_serve(struct looker *looker, struct server *server);

/* --- On the loop ----------------------------------------------------------------------------- */

/* @wake: from any thread: looker_go_on() is to be called on the loop. NULL: no more */
void looker_set_wake(struct looker *looker, void (*wake)(void *owner), void *owner);
void looker_go_on(struct looker *looker);

/* A request `share.watch`: the stream becomes the looker's. One at a time. */
void looker_open(struct looker *looker, struct stream *stream, struct slice params);
void looker_close(struct looker *looker);

/* Other servers of this process change the folder, too. Return: whether there is one of ours. */
bool looker_set_crowded(struct looker *looker);

#endif
