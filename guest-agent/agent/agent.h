/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent - the session with the host and the services behind it
 *
 * One loop, one connection. Requests find their service in a table; whatever may block runs
 * elsewhere (work.h), so that `agent.ping` is answered at once, always.
 */
#ifndef LODGE_AGENT_AGENT_H
#define LODGE_AGENT_AGENT_H

#include "guest-agent/agent/service.h"

#include <stdbool.h>
#include <uv.h>

struct agent;

struct agent_options {
	const char *const *disabled; /* names of services, NULL-terminated; NULL: none */
	/* Where desktop sessions are awaited (session_link.h); NULL: nowhere. */
	const char *session_socket;
	const char *root; /* of the system; NULL: "" */
	/* Where mount.lodge is awaited, and what is shared is written down (share_list.h); NULL:
	 * nowhere. */
	const char *share_socket, *share_list;
	enum share_export_right export_right;
	/* The connection has ended: see pump_handlers. May be NULL. */
	void (*disconnected)(void *owner, bool is_port, int error);
	/* The host has been met, or lost. May be NULL. */
	void (*connected)(void *owner, bool connected);
	void *owner;
};

/**
 * agent_new() - start the services
 *
 * Return: 0 or negative errno.
 */
int agent_new(uv_loop_t *loop, const struct agent_options *options, struct agent **agent);

/**
 * agent_attach() - speak to the host over @fd
 * @fd:		becomes the agent's, also on failure
 * @is_port:	a virtio-serial port: it stays attached when the host side closes
 *
 * An earlier connection is dropped.
 *
 * Return: 0 or negative errno.
 */
int agent_attach(struct agent *agent, int fd, bool is_port);

/* Drop the connection, ending all that went over it. */
void agent_detach(struct agent *agent);

/**
 * agent_serve() - let another host in, beside the one of agent_attach(): a part of this program
 * @fd:		becomes the agent's, also on failure; it ends with the other side, or the agent
 *
 * Return: 0; -EBUSY: there is one; another negative errno.
 */
int agent_serve(struct agent *agent, int fd);

/* Drop the connection and stop the services; memory goes as the loop runs on. NULL is fine. */
void agent_free(struct agent *agent);

/* Is there work on threads that has not ended (a transfer being cleaned up)? */
bool agent_is_busy(const struct agent *agent);

#endif
