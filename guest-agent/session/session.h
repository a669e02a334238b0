/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session - what the services of lodge-session share (guest-agent/common/service.h)
 *
 * The agent asks (it is the session's host), this program answers.
 */
#ifndef LODGE_SESSION_SESSION_H
#define LODGE_SESSION_SESSION_H

#include "guest-agent/common/service.h"
#include "guest-agent/session/environment.h"

#include <dbus/dbus.h>
#include <uv.h>

/* What a service may use while it runs. */
struct service_context {
	uv_loop_t *loop;
	const struct environment *environment;
	DBusConnection *bus; /* the session's, on the loop; NULL if there is none */
	/* The desktop is gone: the program ends when the loop comes round. Safe in any handler. */
	void (*over)(void *owner);
	void *owner;
};

/* All services there are, NULL-terminated. */
extern const struct service *const session_services[];

#endif
