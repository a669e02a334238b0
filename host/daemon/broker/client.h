/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client - one client of an agent link: its session, and its streams relayed to the agent's
 */
#ifndef LODGE_DAEMON_CLIENT_H
#define LODGE_DAEMON_CLIENT_H

#include "protocol/session.h"

#include <uv.h>

/* Streams that one client may have open, so that several fit beside it. */
#define CLIENT_MAX_STREAMS 48

struct client;

/**
 * client_new() - serve a connected socket
 * @fd:		becomes the client's, also on failure
 * @agent:	established session, to which requests go; outlives the client
 * @capabilities: the agent's; outlive the client
 * @services:	of what it may ask: "display" lets "display.attach" pass; NULL-terminated, outlives
 *		the client; NULL: everything
 * @gone:	the client hung up; free it
 */
int client_new(uv_loop_t *loop, int fd, struct session *agent, const char *const *capabilities,
	       const char *const *services, void (*gone)(void *owner, struct client *client),
	       void *owner, struct client **client);
/* Its streams are cancelled. */
void client_free(struct client *client);

#endif
