/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream - a folder for those who come by a socket: road 3, the serving end
 *
 * Connections speak the protocol's frames (role guest) and ask for `share.open` (protocol/share.h);
 * its name is not looked at, there is one folder. Each session has a server of its own, which
 * survives its stream SHARE_KEEP_SECONDS. They may ask for `share.watch`, too, where a looker
 * (looker.h) is there for the machine that has the folder by another road. Connections, sessions,
 * and what each holds are bounded.
 */
#ifndef LODGE_SHARED_FOLDERS_STREAM_H
#define LODGE_SHARED_FOLDERS_STREAM_H

#include "shared-folders/server/server.h"

#include <uv.h>

#define STREAM_SERVER_CONNECTIONS 16
#define STREAM_SERVER_SESSIONS	  16

struct looker;
struct stream_server;

struct stream_server_options {
	/* What each session's server is like; `notify` and `notify_owner` are set by us. */
	const struct server_options *server;
	unsigned int threads;  /* 0: a sensible number */
	uint64_t keep_ms;      /* 0: SHARE_KEEP_SECONDS */
	struct looker *looker; /* stays the caller's; NULL: there is no other road */
	/* All may be NULL, and are called on the loop. */
	/* A connection of stream_server_connect() has ended. */
	void (*disconnected)(void *owner);
	/* The last connection has ended, and the last session. */
	void (*unused)(void *owner);
	void *owner;
};

/**
 * stream_server_new() - serve nobody yet
 * @loop:	the loop
 * @options:	copied; so is options->server
 *
 * Return: 0 or negative errno.
 */
int stream_server_new(uv_loop_t *loop, const struct stream_server_options *options,
		      struct stream_server **server);

/* Await connections. @fd: listens, non-blocking; becomes the server's, also on failure. Once. */
int stream_server_listen(struct stream_server *server, int fd);

/* Serve a connection. @fd: becomes the server's, also on failure. -EMFILE: there are too many. */
int stream_server_connect(struct stream_server *server, int fd);

/* Is a session under way (connected or kept)? */
bool stream_server_is_in_use(const struct stream_server *server);

/* Waits for what runs; memory goes as the loop runs on. NULL is fine. */
void stream_server_free(struct stream_server *server);

#endif
