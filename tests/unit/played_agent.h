/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_agent - a guest's agent at a socket, as lodged finds it
 *
 * One session, over whatever connection is there.
 */
#ifndef LODGE_UNIT_PLAYED_AGENT_H
#define LODGE_UNIT_PLAYED_AGENT_H

#include "protocol/pump/pump.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

struct played_agent {
	int listener;
	uv_poll_t poll; /* on it */
	struct session *session;
	struct pump *pump; /* NULL: nobody is connected */
	void (*request)(void *owner, struct stream *stream, struct slice method,
			struct slice params);
};

static inline void played_agent_request(void *owner, struct stream *stream, struct slice method,
					struct slice params)
{
	((struct played_agent *)owner)->request(owner, stream, method, params);
}

static inline void played_agent_wake(void *owner)
{
	pump_wake(((struct played_agent *)owner)->pump);
}

static inline void played_agent_closed(void *owner, int error)
{
	struct played_agent *agent = owner;

	(void)error;
	pump_free(agent->pump);
	agent->pump = NULL;
}

static inline void played_agent_accepts(uv_poll_t *poll, int status, int events)
{
	static const struct pump_handlers handlers = {.closed = played_agent_closed};
	struct played_agent *agent = poll->data;
	int fd = accept(agent->listener, NULL, NULL);

	(void)status;
	(void)events;
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
		pump_new(poll->loop, fd, false, agent->session, &handlers, agent, &agent->pump), 0);
	session_start(agent->session);
}

/* Listens at @path, where there may be none. @request has the agent as its owner. @capabilities
 * ends with NULL, and stays. */
static inline void played_agent_start(struct played_agent *agent, uv_loop_t *loop, const char *path,
				      const char *const *capabilities,
				      void (*request)(void *owner, struct stream *stream,
						      struct slice method, struct slice params))
{
	static const struct session_handlers handlers = {.request = played_agent_request,
							 .wake = played_agent_wake};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*agent = (struct played_agent){.request = request};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	agent->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(agent->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(agent->listener, 4), 0);
	uv_poll_init(loop, &agent->poll, agent->listener);
	agent->poll.data = agent;
	uv_poll_start(&agent->poll, UV_READABLE, played_agent_accepts);
	agent->session = session_new(SESSION_GUEST, "test-agent 1", capabilities, &handlers, agent);
	ck_assert_ptr_nonnull(agent->session);
}

/* As when its process dies; it can be connected to again. */
static inline void played_agent_hang_up(struct played_agent *agent)
{
	pump_free(agent->pump);
	agent->pump = NULL;
	session_disconnected(agent->session);
}

/* The loop lets go of it when it runs next; then the listener may be closed. */
static inline void played_agent_stop(struct played_agent *agent)
{
	pump_free(agent->pump);
	agent->pump = NULL;
	session_free(agent->session);
	uv_close((uv_handle_t *)&agent->poll, NULL);
}

#endif
