/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest_link - a connection to a guest's agent that is made again when it is lost
 *
 * Asking lodged may take seconds, so a thread does it.
 */
#ifndef LODGE_CLI_GUEST_LINK_H
#define LODGE_CLI_GUEST_LINK_H

#include "protocol/session.h"

#include <uv.h>

struct guest_link;

struct guest_link_handlers {
	/* The agent is there; @session until `lost`. */
	void (*established)(void *owner, struct session *session, const struct session_peer *peer);
	void (*lost)(void *owner);
	/* There is no such VM any more: nothing more is tried. */
	void (*gone)(void *owner);
};

/**
 * guest_link_new() - begin with a connection that is there
 * @fd:		of agent_connect(); becomes the link's, also on failure
 * @vm:		outlives the link
 *
 * Return: 0; -ENOMEM, -errno.
 */
int guest_link_new(uv_loop_t *loop, int fd, const char *vm,
		   const struct guest_link_handlers *handlers, void *owner,
		   struct guest_link **link);

/* No handler is called any more; memory goes as the loop runs on. NULL is fine. */
void guest_link_free(struct guest_link *link);

#endif
