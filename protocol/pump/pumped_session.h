/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pumped_session - a session and the pump that moves its bytes: what somebody becomes who has
 * connected to a socket, or to whom one has connected
 */
#ifndef LODGE_PROTOCOL_PUMPED_SESSION_H
#define LODGE_PROTOCOL_PUMPED_SESSION_H

#include "protocol/session.h"

#include <uv.h>

struct pumped_session;

/* As of session_handlers and pump_handlers. Any may be NULL. */
struct pumped_session_handlers {
	void (*established)(void *owner, const struct session_peer *peer);
	void (*lost)(void *owner, int reason);
	void (*request)(void *owner, struct stream *stream, struct slice method,
			struct slice params);
	/* The other side has hung up: call pumped_session_free(). */
	void (*closed)(void *owner, int error);
};

struct pumped_session_options {
	uv_loop_t *loop;
	enum session_role role; /* ours */
	const char *software;	/* as of session_new() */
	const char *const *capabilities;
	const struct pumped_session_handlers *handlers; /* constant */
	void *owner;
};

/**
 * pumped_session_new() - say HELLO, and go on from there
 * @options:	copied
 * @fd:		a connected socket; becomes the session's, also on failure
 *
 * Return: 0 or negative errno.
 */
int pumped_session_new(const struct pumped_session_options *options, int fd,
		       struct pumped_session **pumped);

struct session *pumped_session_session(const struct pumped_session *pumped);

/* Hangs up: all streams are `closed`, none of the handlers is called. NULL is fine. */
void pumped_session_free(struct pumped_session *pumped);

#endif
