/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent_link - the one connection to a VM's agent, shared by many clients
 *
 * lodged is the host end of agent.sock. A client gets one end of a socket pair and speaks the same
 * protocol on it; each request of it becomes a request to the agent with the same method and
 * parameters, and everything on the stream is passed on, credit included, so that a client that
 * stops reading stops its own stream in the guest and nothing else.
 *
 * The guest is not trusted: what breaks the protocol ends the session with it, and with that its
 * streams, and touches nothing else.
 */
#ifndef LODGE_DAEMON_AGENT_LINK_H
#define LODGE_DAEMON_AGENT_LINK_H

#include "protocol/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct agent_link;

/* Called once with the round trip, or with 0 when there will be no answer. */
struct agent_ping {
	struct agent_ping *next;
	uint64_t cookie, sent_ns;
	void (*done)(struct agent_ping *ping, uint64_t round_trip_ns);
};

struct agent_link_handlers {
	/* The agent is there, or gone. */
	void (*changed)(void *owner, bool available);
	/* Of a link without a path: it wants a connection. agent_link_give() follows. */
	void (*connect)(void *owner);
	/* The guest asks, as session_handlers.request; NULL: everything is refused. */
	void (*request)(void *owner, struct stream *stream, struct slice method,
			struct slice params);
};

/**
 * agent_link_new() - connect to the agent behind a socket, and stay connected
 * @path:	the unix socket; tried again, slower each time up to 1 s, until it is there. NULL:
 *		`connect` is asked instead, each time
 *
 * Return: 0; -ENOMEM.
 */
int agent_link_new(uv_loop_t *loop, const char *path, const struct agent_link_handlers *handlers,
		   void *owner, struct agent_link **link);
/* What `connect` was asked for: a socket, which becomes the link's, or -errno: asked again later.
 */
void agent_link_give(struct agent_link *link, int fd);
/* Clients lose their connections. NULL is fine. */
void agent_link_free(struct agent_link *link);

bool agent_link_is_available(const struct agent_link *link);
/* "lodge-agent 0.1.0", or "" while there is none; untrusted text, at most 127 bytes. */
const char *agent_link_software(const struct agent_link *link);
/* NULL-terminated; empty while there is none. */
const char *const *agent_link_capabilities(const struct agent_link *link);

/* A new client: its end of the socket pair in @fd. -ENOTCONN without an agent, -EMFILE. */
int agent_link_open(struct agent_link *link, int *fd);
/* The same for a client that may ask only for what is of these services ("display" stands for every
 * "display.…"), and is told of no others; NULL-terminated, outlives the link. */
int agent_link_open_limited(struct agent_link *link, const char *const *services, int *fd);

/* A request of lodged itself, as session_request(); NULL for @link is -ENOTCONN. */
int agent_link_request(struct agent_link *link, const char *method, struct slice params,
		       const struct stream_handlers *handlers, void *owner, struct stream **stream);
/* One whose answer nobody waits for. */
int agent_link_tell(struct agent_link *link, const char *method, struct slice params);

/* -ENOTCONN. @ping stays the caller's until `done`. */
int agent_link_ping(struct agent_link *link, struct agent_ping *ping);
/* Takes it back: `done` is not called. */
void agent_link_forget_ping(struct agent_link *link, struct agent_ping *ping);

#endif
