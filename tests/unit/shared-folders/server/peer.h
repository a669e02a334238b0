/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A server on a temporary folder, and hand-made messages for it. */
#ifndef LODGE_UNIT_SHARED_FOLDERS_SERVER_PEER_H
#define LODGE_UNIT_SHARED_FOLDERS_SERVER_PEER_H

#include "shared-folders/server/server.h"

#include <linux/fuse.h>
#include <stdbool.h>

#define PEER_ROOM (256 * 1024)

struct peer {
	char path[64]; /* of the folder that is served */
	struct server_options options;
	struct server *server;
	uint32_t uid, gid; /* who asks */
	uint32_t pid;
	uint64_t unique;
	size_t room; /* for replies */
	/* Of the last reply. */
	bool answered;
	size_t length; /* of the body */
	char reply[PEER_ROOM];
};

/* The body of the last reply, as @type. */
#define PEER_BODY(peer, type) ((const type *)(const void *)((peer)->reply + 16))

/* What follows the header of a request. */
struct peer_request {
	uint32_t opcode;
	uint64_t node;
	const void *arguments;
	size_t arguments_bytes;
	const char *name, *second;
	const void *payload;
	size_t payload_bytes;
};

/* A folder, and options for a server of it: owners are passed. */
void peer_begin(struct peer *peer);
/* Start the server as peer->options say; with INIT, of @flags. */
void peer_start(struct peer *peer, uint64_t flags);
/* The folder goes too. */
void peer_end(struct peer *peer);

/* Return: the reply's error, 0 or negative; 1: there was no reply. */
int peer_call(struct peer *peer, const struct peer_request *request);
#define PEER_CALL(peer, ...) peer_call((peer), &(struct peer_request){__VA_ARGS__})

/* Look @name up. Return: node id (never 0); negative errno. */
int64_t peer_lookup(struct peer *peer, uint64_t parent, const char *name);
/* Make a file with @text in the folder behind the server's back; a path with slashes will do. */
void peer_write(struct peer *peer, const char *name, const char *text);
/* A path in the folder, good until the next call. */
const char *peer_path(struct peer *peer, const char *name);

#endif
