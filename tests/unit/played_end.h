/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * played_end - an end of a session that a test plays, over a socket
 */
#ifndef LODGE_UNIT_PLAYED_END_H
#define LODGE_UNIT_PLAYED_END_H

#include "protocol/pump/pump.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

struct played_end {
	/* The test's. */
	void (*request)(void *owner, struct stream *stream, struct slice method,
			struct slice params);			   /* NULL: all are refused */
	void (*met)(void *owner, const struct session_peer *peer); /* or NULL */
	void *owner;
	/* To be looked at. */
	struct session *session;
	struct pump *pump;
	bool established, closed;
};

static inline void played_end_request(void *owner, struct stream *stream, struct slice method,
				      struct slice params)
{
	const struct played_end *end = owner;

	if (end->request)
		end->request(end->owner, stream, method, params);
	else
		stream_fail(stream, ENOSYS, NULL);
}

static inline void played_end_established(void *owner, const struct session_peer *peer)
{
	struct played_end *end = owner;

	end->established = true;
	if (end->met)
		end->met(end->owner, peer);
}

static inline void played_end_lost(void *owner, int reason)
{
	(void)reason;
	((struct played_end *)owner)->established = false;
}

static inline void played_end_wake(void *owner)
{
	pump_wake(((struct played_end *)owner)->pump);
}

static inline uint64_t played_end_random(void *owner)
{
	uint64_t value;

	(void)owner;
	ck_assert_int_eq(getrandom(&value, sizeof(value), 0), sizeof(value));
	return value;
}

static inline void played_end_closed(void *owner, int error)
{
	(void)error;
	((struct played_end *)owner)->closed = true;
}

/* Begins on @fd, which becomes its own; the host's has yet to session_start(). @capabilities ends
 * with NULL, and stays. */
static inline void played_end_start(struct played_end *end, uv_loop_t *loop, int fd,
				    enum session_role role, const char *const capabilities[])
{
	static const struct session_handlers handlers = {
		.established = played_end_established,
		.lost = played_end_lost,
		.request = played_end_request,
		.wake = played_end_wake,
		.random = played_end_random,
	};
	static const struct pump_handlers pump_handlers = {.closed = played_end_closed};

	end->established = end->closed = false;
	end->session = session_new(role, "test", capabilities, &handlers, end);
	ck_assert_ptr_nonnull(end->session);
	ck_assert_int_eq(pump_new(loop, fd, false, end->session, &pump_handlers, end, &end->pump),
			 0);
}

/* Two of them, one for each role, that know each other. */
static inline void played_ends_start(struct played_end *host, struct played_end *guest,
				     uv_loop_t *loop, const char *const capabilities[])
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	played_end_start(host, loop, fds[0], SESSION_HOST, capabilities);
	played_end_start(guest, loop, fds[1], SESSION_GUEST, capabilities);
	session_start(host->session);
}

/* Its streams are closed, as when a process dies. */
static inline void played_end_stop(struct played_end *end)
{
	struct pump *pump = end->pump;

	end->pump = NULL;
	pump_free(pump);
	session_free(end->session);
	end->session = NULL;
}

/* A socket that is connected to @path. */
static inline int played_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

#endif
