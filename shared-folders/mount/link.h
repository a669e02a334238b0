/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * link - the connection to the agent (or a lodge-fsd), which comes and goes
 */
#ifndef LODGE_SHARED_FOLDERS_MOUNT_LINK_H
#define LODGE_SHARED_FOLDERS_MOUNT_LINK_H

#include "protocol/session.h"

#include <uv.h>

struct link;

struct link_handlers {
	void (*connected)(void *owner, struct session *session);
	void (*lost)(void *owner);
};

/* @path: outlives the link. @handlers: constant. Return: 0 or negative errno. */
int link_new(uv_loop_t *loop, const char *path, const struct link_handlers *handlers, void *owner,
	     struct link **link);

/* Why there is no connection: 0, or the negative errno of the last try. */
int link_error(const struct link *link);

/* `lost` is not called. Memory goes as the loop runs on. NULL is fine. */
void link_free(struct link *link);

#endif
