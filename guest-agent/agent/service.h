/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * service - one ability of the agent
 *
 * A service is one entry in the table of services.c: a name, by which it can be switched off
 * (`lodge-agent --disable exec`) and which is announced to the host as a capability, and the
 * methods it answers. All entry points run on the agent's loop and must not block: what may block
 * goes through work.h.
 */
#ifndef LODGE_AGENT_SERVICE_H
#define LODGE_AGENT_SERVICE_H

#include "guest-agent/agent/session_link.h"
#include "guest-agent/agent/work.h"
#include "protocol/session.h"

#include <uv.h>

/* What a service may use while it runs. */
struct service_context {
	uv_loop_t *loop;
	struct workers *workers;
	struct session_link *sessions; /* of desktops; NULL: there are none */
};

struct service_method {
	const char *name;
	/* Answer the request now or later: see session.h. @state: of start. */
	void (*call)(void *state, struct stream *stream, struct slice params);
};

struct service {
	const char *name;
	const char *summary; /* for --help */
	/* @context outlives the service. Return: 0 and *state, or negative errno. */
	int (*start)(const struct service_context *context, void **state);
	/* All streams have been closed before. What is still under way (a worker, a child) is let
	 * go; handles are closed and memory is freed as the loop runs on. */
	void (*stop)(void *state);
	const struct service_method *methods; /* ends with a NULL name */
};

/* All services there are, NULL-terminated. */
extern const struct service *const services[];

extern const struct service service_agent;
extern const struct service service_clipboard;
extern const struct service service_display;
extern const struct service service_exec;
extern const struct service service_file;
extern const struct service service_files;
extern const struct service service_info;
extern const struct service service_power;
extern const struct service service_time;
extern const struct service service_watch;

#endif
