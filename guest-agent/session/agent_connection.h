/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent_connection - keeps a session with the agent of this guest
 *
 * Connects to the agent's socket and waits for the socket where there is none yet: the folders on
 * its path are watched, nothing is polled. An agent that hangs up is called again after a second,
 * then after two, and so on up to a minute.
 */
#ifndef LODGE_SESSION_AGENT_CONNECTION_H
#define LODGE_SESSION_AGENT_CONNECTION_H

#include "protocol/session.h"

#include <uv.h>

struct agent_connection;

/**
 * agent_connection_new() - begin to connect
 * @path:	of the agent's socket; outlives the connection
 * @session:	in the guest's role, outlives the connection; its `wake` handler must call
 *		agent_connection_wake()
 *
 * Return: 0 or negative errno.
 */
int agent_connection_new(uv_loop_t *loop, const char *path, struct session *session,
			 struct agent_connection **connection);

/* NULL is fine. */
void agent_connection_wake(struct agent_connection *connection);

/* Hangs up; memory goes as the loop runs on. NULL is fine. */
void agent_connection_free(struct agent_connection *connection);

#endif
