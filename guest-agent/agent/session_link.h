/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session_link - the desktop sessions of this guest, and which of them has the screen
 *
 * Each desktop session has a lodge-session, which says HELLO on a unix socket. Anybody in the guest
 * may; who he is says the kernel (SO_PEERCRED), and only a process of the session that has the
 * screen (seat.h) is ever asked anything. The agent asks, sessions answer: what they ask is
 * refused. A user may have a few connections, and no user keeps the one who has the screen out.
 */
#ifndef LODGE_AGENT_SESSION_LINK_H
#define LODGE_AGENT_SESSION_LINK_H

#include "guest-agent/agent/seat.h"
#include "protocol/session.h"

#include <uv.h>

struct session_link;

/* Somebody who wants to know. Part of a struct of his. */
struct session_link_watcher {
	/* Another session has the screen, or none, or it has come or gone. From the loop. */
	void (*changed)(void *owner);
	void *owner;
	struct session_link_watcher *next; /* used inside */
};

/**
 * session_link_new() - listen for sessions
 * @path:	of the socket, which is made anew; its folder too, if it is not there
 * @root:	for seat_read()
 *
 * Return: 0 or negative errno.
 */
int session_link_new(uv_loop_t *loop, const char *path, const char *root,
		     struct session_link **link);

/* All sessions are hung up on. Memory goes as the loop runs on. NULL is fine. */
void session_link_free(struct session_link *link);

/* The calls below take NULL for a link on which nobody ever comes. */

void session_link_watch(struct session_link *link, struct session_link_watcher *watcher);
void session_link_unwatch(struct session_link *link, struct session_link_watcher *watcher);

/* Look again who has the screen: what tells of that may be seen elsewhere first. */
void session_link_refresh(struct session_link *link);

/* Who has the screen, as it was last looked at; NULL without a link. */
const struct seat *session_link_seat(const struct session_link *link);

/**
 * session_link_current() - the session that has the screen
 * @capability:	what it must be able to do
 *
 * Return: NULL if it has no lodge-session that can; else it is valid until the next `changed`.
 */
struct session *session_link_current(const struct session_link *link, const char *capability);

#endif
