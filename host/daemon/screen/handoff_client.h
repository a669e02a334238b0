/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * handoff_client - gives descriptors to a lodge-screen, over its handoff socket
 *
 * The other end and the format are in host/screen/handoff.h. One packet is under way at a time;
 * those behind it wait. A lodge-screen that does not answer within HANDOFF_LIMIT_MS counts as dead.
 * The end of the connection is how its end is noticed, whoever its parent is.
 */
#ifndef LODGE_DAEMON_HANDOFF_CLIENT_H
#define LODGE_DAEMON_HANDOFF_CLIENT_H

#include <sys/types.h>
#include <uv.h>

#define HANDOFF_LIMIT_MS    5000
#define HANDOFF_MAX_WAITING 64

struct handoff_client;

struct handoff_client_handlers {
	/* It has ended, or does not answer (-ETIMEDOUT): free the client. */
	void (*closed)(void *owner, int error);
	/* To one who watches: the lines after "kind=news". NULL: that breaks the protocol. */
	void (*told)(void *owner, const char *lines);
};

/* @error: 0; negative errno with @text, one line for people. */
typedef void (*handoff_done)(void *owner, int error, const char *text);

/**
 * handoff_client_new() - connect
 *
 * Return: 0; -ENOENT or -ECONNREFUSED while nobody listens; -errno.
 */
int handoff_client_new(uv_loop_t *loop, const char *path,
		       const struct handoff_client_handlers *handlers, void *owner,
		       struct handoff_client **client);

/* The process that listens there. */
pid_t handoff_client_pid(const struct handoff_client *client);

/**
 * handoff_client_send() - hand one over
 * @text:	"kind=…\n…", copied
 * @fd:		becomes the client's, also on failure; -1: none
 * @done:	called once when this has returned 0, also by handoff_client_free() (-ECONNRESET);
 *		NULL: a failure is logged
 *
 * Return: 0; -EMSGSIZE, -EAGAIN (too many wait), -ENOMEM.
 */
int handoff_client_send(struct handoff_client *client, const char *text, int fd, handoff_done done,
			void *owner);

/* Safe in any handler. NULL is fine. */
void handoff_client_free(struct handoff_client *client);

#endif
