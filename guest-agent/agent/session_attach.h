/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session_attach - a stream of the host's that goes on to whichever session has the screen
 *
 * The host attaches once, by a request that lasts; its stream is the near one. The session that has
 * the screen is asked the same, on the far stream, and messages are passed on both ways, unread.
 * Sessions come and go meanwhile.
 */
#ifndef LODGE_AGENT_SESSION_ATTACH_H
#define LODGE_AGENT_SESSION_ATTACH_H

#include "guest-agent/agent/session_link.h"

#define SESSION_ATTACH_MAX 4 /* streams at once, of each method */

struct session_attach_kind {
	const char *method;
	const char *capability; /* that a session must have */
	/* Another session gets the near stream when it has the screen, and `alone` is called when
	 * none has; else the near stream is ended then with EAGAIN, for the host to begin anew. */
	bool keep;
	/* No session has the screen: at the beginning, or from now on. May be NULL. */
	void (*alone)(void *owner, struct stream *near);
	/* What the host says while none has. May be NULL: then it is ignored. */
	void (*message)(void *owner, struct stream *near, struct slice name, struct slice params);
};

struct session_attach;

/* @kind: constant. @link may be NULL: nobody ever comes. Return: NULL without memory. */
struct session_attach *session_attach_new(struct session_link *link,
					  const struct session_attach_kind *kind, void *owner);

/* All near streams must have been closed. NULL is fine. */
void session_attach_free(struct session_attach *attach);

/* Answer a request of that method: to be called in the `request` handler. */
void session_attach_request(struct session_attach *attach, struct stream *near);

/* Call @tell for each near stream that has no session. */
void session_attach_alone(struct session_attach *attach,
			  void (*tell)(void *owner, struct stream *near));

#endif
