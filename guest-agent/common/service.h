/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * service - one ability of a program of the guest's, and the set of those that run
 *
 * A service is one entry in its program's table (services.c): a name, by which it can be switched
 * off (--disable NAME) and which the peer is told as a capability, and the methods it answers. All
 * entry points run on the program's loop and must not block.
 */
#ifndef LODGE_GUEST_COMMON_SERVICE_H
#define LODGE_GUEST_COMMON_SERVICE_H

#include "protocol/session.h"

#define SERVICES_MAX 16

/* What a service may use while it runs: each program has its own. */
struct service_context;

struct service_method {
	const char *name;
	/* Answer the request now or later: see protocol/session.h. @state: of start. */
	void (*call)(void *state, struct stream *stream, struct slice params);
};

struct service {
	const char *name;
	const char *summary; /* for --help */
	/* @context outlives the service. Return: 0 and *state; -ENOTSUP: not on this system;
	 * another negative errno. */
	int (*start)(const struct service_context *context, void **state);
	/* All streams have been closed before. What is still under way (a worker, a child) is let
	 * go; handles are closed and memory is freed as the loop runs on. */
	void (*stop)(void *state);
	const struct service_method *methods; /* ends with a NULL name */
};

/* Those that run; zeroed at first. */
struct service_set {
	struct {
		const struct service *service;
		void *state;
	} running[SERVICES_MAX];
	size_t count;
	const char *capabilities[SERVICES_MAX + 1]; /* their names, NULL-terminated */
};

/* The service of that name in @table (NULL-terminated); NULL if there is none. */
const struct service *service_find(const struct service *const *table, const char *name);

/**
 * service_set_start() - start the services of @table
 * @disabled:	names of those that shall not run, NULL-terminated; NULL: none
 *
 * One that cannot start is left out, with a warning: the others are still worth having.
 */
void service_set_start(struct service_set *set, const struct service *const *table,
		       const char *const *disabled, const struct service_context *context);

/* Hand a request to the service that has the method, or refuse it with ENOSYS. To be called in the
 * session's `request` handler. */
void service_set_call(const struct service_set *set, struct stream *stream, struct slice method,
		      struct slice params);

void service_set_stop(struct service_set *set);

#endif
