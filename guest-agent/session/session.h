/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session - what the parts of lodge-session share
 *
 * A service is one entry in the table of services.c, as in the agent: a name, which is told to the
 * agent as a capability and by which it can be switched off, and the methods it answers there. The
 * agent asks (it is the session's host), this program answers. All entry points run on one loop.
 */
#ifndef LODGE_SESSION_SESSION_H
#define LODGE_SESSION_SESSION_H

#include "guest-agent/session/environment.h"
#include "protocol/session.h"

#include <dbus/dbus.h>
#include <uv.h>

/* What a service may use while it runs. */
struct session_context {
	uv_loop_t *loop;
	const struct environment *environment;
	DBusConnection *bus; /* the session's, on the loop; NULL if there is none */
	/* The desktop is gone: the program ends when the loop comes round. Safe in any handler. */
	void (*over)(void *owner);
	void *owner;
};

struct session_method {
	const char *name;
	/* Answer the request now or later: see protocol/session.h. @state: of start. */
	void (*call)(void *state, struct stream *stream, struct slice params);
};

struct session_service {
	const char *name;
	const char *summary; /* for --help */
	/* @context outlives the service. Return: 0 and *state; -ENOTSUP: not on this desktop;
	 * another negative errno. */
	int (*start)(const struct session_context *context, void **state);
	/* All streams have been closed before. Handles are closed and memory is freed as the loop
	 * runs on. */
	void (*stop)(void *state);
	const struct session_method *methods; /* ends with a NULL name */
};

/* All services there are, NULL-terminated. */
extern const struct session_service *const session_services[];

#endif
