/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/agent.h"
#include "guest-agent/agent/memory.h"
#include "guest-agent/agent/service.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/pump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So long after the last request its memory is given back. */
#define QUIET_MS 1000

/* A host that is a part of this program. */
struct local {
	struct agent *agent;
	struct session *session; /* NULL: there is none */
	struct pump *pump;
};

struct agent {
	struct agent_options options;
	uv_timer_t quiet; /* runs from a request until all is quiet */
	bool active;	  /* requests came since it was started */
	struct service_context context;
	struct session *session;
	struct pump *pump;
	bool is_port;
	struct local local;
	struct service_set services;
};

static void on_quiet(uv_timer_t *timer)
{
	struct agent *agent = timer->data;

	if (agent->active)
		uv_timer_start(timer, on_quiet, QUIET_MS, 0);
	else
		memory_release();
	agent->active = false;
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct agent *agent = owner;

	agent->active = true;
	if (!uv_is_active((const uv_handle_t *)&agent->quiet))
		uv_timer_start(&agent->quiet, on_quiet, QUIET_MS, 0);
	service_set_call(&agent->services, stream, method, params);
}

static void tell_connected(const struct agent *agent, bool connected)
{
	if (agent->options.connected)
		agent->options.connected(agent->options.owner, connected);
}

static void on_established(void *owner, const struct session_peer *peer)
{
	struct agent *agent = owner;

	uv_timer_start(&agent->quiet, on_quiet, QUIET_MS, 0);
	tell_connected(owner, true);
	log_debug("connected to %.*s", (int)peer->software.length,
		  (const char *)peer->software.bytes);
}

static void on_lost(void *owner, int reason)
{
	tell_connected(owner, false);
	log_debug("connection lost: %s", error_text(reason));
}

static void on_wake(void *owner)
{
	struct agent *agent = owner;

	pump_wake(agent->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.wake = on_wake,
};

static void on_closed(void *owner, int error)
{
	struct agent *agent = owner;

	if (agent->options.disconnected)
		agent->options.disconnected(agent->options.owner, agent->is_port, error);
}

static void on_opened(void *owner)
{
	struct agent *agent = owner;

	session_start(agent->session);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed, .opened = on_opened};

/* Without desktops the agent is still worth having. */
static void listen_for_sessions(struct agent *agent)
{
	const char *path = agent->options.session_socket;
	int error = path ? session_link_new(agent->context.loop, path, agent->context.root,
					    &agent->context.sessions)
			 : 0;

	if (error)
		log_warning("desktop sessions cannot come to %s: %s", path, error_text(error));
}

int agent_new(uv_loop_t *loop, const struct agent_options *options, struct agent **result)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	int error;

	if (!agent)
		return -ENOMEM;
	agent->options = *options;
	agent->context.loop = loop;
	agent->context.share_socket = options->share_socket;
	agent->context.share_list = options->share_list;
	agent->context.export_right = options->export_right;
	agent->context.root = options->root ? options->root : "";
	error = workers_new(loop, &agent->context.workers);
	if (error) {
		free(agent);
		return error;
	}
	listen_for_sessions(agent);
	uv_timer_init(loop, &agent->quiet);
	agent->quiet.data = agent;
	service_set_start(&agent->services, services, options->disabled, &agent->context);
	agent->session = session_new(SESSION_GUEST, "lodge-agent " LODGE_VERSION,
				     agent->services.capabilities, &session_handlers, agent);
	if (!agent->session) {
		agent_free(agent);
		return -ENOMEM;
	}
	agent->context.host = agent->session;
	*result = agent;
	return 0;
}

int agent_attach(struct agent *agent, int fd, bool is_port)
{
	int error;

	agent_detach(agent);
	agent->is_port = is_port;
	error = pump_new(agent->context.loop, fd, is_port, agent->session, &pump_handlers, agent,
			 &agent->pump);
	if (error)
		return error;
	/* A port's host may not be there yet: on_opened() tells. */
	if (!is_port)
		session_start(agent->session);
	return 0;
}

void agent_detach(struct agent *agent)
{
	struct pump *pump = agent->pump;

	agent->pump = NULL;
	pump_free(pump);
	if (agent->session)
		session_disconnected(agent->session);
}

/* --- A part of this program as a host ------------------------------------------------------- */

static void local_request(void *owner, struct stream *stream, struct slice method,
			  struct slice params)
{
	const struct local *local = owner;

	on_request(local->agent, stream, method, params);
}

static void local_wake(void *owner)
{
	const struct local *local = owner;

	pump_wake(local->pump);
}

static const struct session_handlers local_handlers = {
	.request = local_request,
	.wake = local_wake,
};

static void local_drop(struct local *local)
{
	struct session *session = local->session;
	struct pump *pump = local->pump;

	local->pump = NULL;
	local->session = NULL;
	pump_free(pump);
	session_free(session);
}

static void local_closed(void *owner, int error)
{
	(void)error;
	local_drop(owner);
}

static const struct pump_handlers local_pump_handlers = {.closed = local_closed};

int agent_serve(struct agent *agent, int fd)
{
	struct local *local = &agent->local;
	int error = local->session ? -EBUSY : 0;

	local->agent = agent;
	if (!error)
		local->session = session_new(SESSION_GUEST, "lodge-agent " LODGE_VERSION,
					     agent->services.capabilities, &local_handlers, local);
	if (!error && !local->session)
		error = -ENOMEM;
	if (error) {
		close(fd);
		return error;
	}
	error = pump_new(agent->context.loop, fd, false, local->session, &local_pump_handlers,
			 local, &local->pump);
	if (error)
		local_drop(local);
	return error;
}

static void on_released(uv_handle_t *timer)
{
	free(timer->data);
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	agent_detach(agent);
	local_drop(&agent->local);
	session_free(take_ptr(agent->session));
	agent->context.host = NULL;
	service_set_stop(&agent->services);
	session_link_free(agent->context.sessions);
	workers_free(agent->context.workers);
	uv_close((uv_handle_t *)&agent->quiet, on_released);
}

bool agent_is_busy(const struct agent *agent)
{
	return workers_pending(agent->context.workers);
}
