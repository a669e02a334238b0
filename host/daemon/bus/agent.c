/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.lodge1.VM: the agent. In a VM that Lodge did not start its link is made when it is first
 * asked for, and so are the console and the screen.
 */
#include "host/daemon/bus/internal.h"

#include "host/daemon/broker/agent_link.h"
#include "host/daemon/console.h"
#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* An agent answers pings whatever else it does; only its guest may be slow. */
#define PING_LIMIT_MS 10000
/* A link that was just made is up in this time, if there is an agent. */
#define GREETING_MS 3000
/* The agent of a guest that Lodge did not start, and that must have booted long ago, is there in
 * this time or not installed. */
#define BOOTED_NS	60000000000LL
#define BOOTED_LIMIT_MS 10000

/* --- What is made on demand ----------------------------------------------------------------- */

struct attending {
	struct call *call;
	void (*go)(struct call *call);
};

static void attended(void *owner, int error, const char *text)
{
	struct attending *attending = owner;
	struct attending copy = *attending;

	free(attending);
	if (error)
		call_done(copy.call, error, text);
	else
		copy.go(copy.call);
}

static bool is_there(const struct vm *vm, enum backend_port port)
{
	switch (port) {
	case BACKEND_PORT_AGENT:
		return vm->agent;
	case BACKEND_PORT_CONSOLE:
		return vm->console && console_is_connected(vm->console);
	case BACKEND_PORT_SCREEN:
		return vm->screen;
	}
	return false;
}

void call_with_port(struct call *call, enum backend_port port, void (*go)(struct call *call))
{
	struct vm *vm = call->vm;
	struct attending *attending;

	if (!vm->backend->attend || vm->state == VM_STOPPED || is_there(vm, port)) {
		go(call);
		return;
	}
	attending = malloc(sizeof(*attending));
	if (!attending) {
		call_fail(call, BUS_ERROR(Failed), "out of memory");
		return;
	}
	*attending = (struct attending){call, go};
	vm->backend->attend(vm, port, attended, attending);
}

struct greeting {
	struct call *call;
	void (*go)(struct call *call, bool happened);
};

static void link_made(void *owner, int error, const char *text)
{
	struct greeting *greeting = owner;
	struct greeting copy = *greeting;

	free(greeting);
	if (error)
		call_done(copy.call, error, text);
	else if (agent_link_is_available(copy.call->vm->agent))
		copy.go(copy.call, true);
	else
		call_wait(copy.call, &copy.call->vm->agent_waiters, GREETING_MS, copy.go);
}

void call_with_agent(struct call *call, void (*go)(struct call *call, bool happened))
{
	struct vm *vm = call->vm;
	struct greeting *greeting;

	if (!call_guest_runs(call))
		return;
	if (!vm->backend->attend || vm->state == VM_STOPPED || agent_link_is_available(vm->agent)) {
		go(call, true);
		return;
	}
	greeting = malloc(sizeof(*greeting));
	if (!greeting) {
		call_fail(call, BUS_ERROR(Failed), "out of memory");
		return;
	}
	*greeting = (struct greeting){call, go};
	vm->backend->attend(vm, BACKEND_PORT_AGENT, link_made, greeting);
}

/* --- The agent ------------------------------------------------------------------------------ */

static void wait_agent_answer(struct call *call, bool happened)
{
	DBusMessage *reply = call_new_reply(call);
	dbus_bool_t available = happened && call->vm->state != VM_STOPPED &&
				agent_link_is_available(call->vm->agent);

	dbus_message_append_args(reply, DBUS_TYPE_BOOLEAN, &available, DBUS_TYPE_INVALID);
	call_reply(call, reply);
}

static bool has_booted(const struct vm *vm)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return vm->source && vm->started_ns > 0 &&
	       now.tv_sec * 1000000000LL - vm->started_ns > BOOTED_NS;
}

static void wait_longer(struct call *call)
{
	dbus_uint32_t timeout_ms;

	dbus_message_get_args(call->message, NULL, DBUS_TYPE_UINT32, &timeout_ms,
			      DBUS_TYPE_INVALID);
	if (has_booted(call->vm))
		timeout_ms = timeout_ms ? MIN(timeout_ms, (dbus_uint32_t)BOOTED_LIMIT_MS)
					: BOOTED_LIMIT_MS;
	if (agent_link_is_available(call->vm->agent) || call->vm->state == VM_STOPPED)
		wait_agent_answer(call, true);
	else
		call_wait(call, &call->vm->agent_waiters, timeout_ms, wait_agent_answer);
}

void wait_agent(struct call *call)
{
	if (call_guest_runs(call))
		call_with_port(call, BACKEND_PORT_AGENT, wait_longer);
}

static void open_agent_now(struct call *call, bool happened)
{
	int fd, r;

	(void)happened;
	r = call->vm->agent ? agent_link_open(call->vm->agent, &fd) : -ENOTCONN;
	if (r == 0)
		call_reply_fd(call, fd);
	else if (r == -ENOTCONN)
		call_fail(call, BUS_ERROR(AgentUnavailable),
			  "no agent answers in '%s': it may still be booting, or "
			  "lodge-agent is not "
			  "installed in it",
			  call->vm->name);
	else
		call_fail(call, BUS_ERROR(Failed), "cannot connect to the agent: %s",
			  error_text(r));
}

void open_agent(struct call *call)
{
	call_with_agent(call, open_agent_now);
}

struct ping_call {
	struct agent_ping ping;
	struct call *call;
	uv_timer_t timer;
};

static void ping_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void ping_timeout(uv_timer_t *timer)
{
	struct ping_call *entry = timer->data;

	agent_link_forget_ping(entry->call->vm->agent, &entry->ping);
	call_fail(entry->call, BUS_ERROR(AgentUnavailable),
		  "the agent did not answer within %d s; is the guest stuck?",
		  PING_LIMIT_MS / 1000);
	uv_close((uv_handle_t *)timer, ping_closed);
}

static void ping_done(struct agent_ping *ping, uint64_t round_trip_ns)
{
	struct ping_call *entry = CONTAINER_OF(ping, struct ping_call, ping);
	DBusMessage *reply;

	if (round_trip_ns == 0) {
		call_fail(entry->call, BUS_ERROR(AgentUnavailable), "the agent went away");
	} else {
		reply = call_new_reply(entry->call);
		dbus_message_append_args(reply, DBUS_TYPE_UINT64, &round_trip_ns,
					 DBUS_TYPE_INVALID);
		call_reply(entry->call, reply);
	}
	uv_close((uv_handle_t *)&entry->timer, ping_closed);
}

static void ping_now(struct call *call, bool happened)
{
	struct ping_call *entry;
	int r = -ENOTCONN;

	(void)happened;
	entry = calloc(1, sizeof(*entry));
	if (entry) {
		entry->call = call;
		entry->ping.done = ping_done;
		if (call->vm->agent)
			r = agent_link_ping(call->vm->agent, &entry->ping);
	}
	if (r == 0) {
		uv_timer_init(&call->lodged->loop, &entry->timer);
		entry->timer.data = entry;
		uv_timer_start(&entry->timer, ping_timeout, PING_LIMIT_MS, 0);
		return;
	}
	free(entry);
	call_fail(call, BUS_ERROR(AgentUnavailable), "no agent answers in '%s'", call->vm->name);
}

void ping_agent(struct call *call)
{
	call_with_agent(call, ping_now);
}

static void attached(void *owner, int error, const char *text)
{
	call_done(owner, error, text);
}

void attach_agent(struct call *call)
{
	struct vm *vm = call->vm;

	if (!vm->backend->attach)
		call_fail(call, BUS_ERROR(AlreadyExists),
			  "'%s' was started by lodge run, and has its agent's channel", vm->name);
	else
		vm->backend->attach(vm, attached, call);
}
