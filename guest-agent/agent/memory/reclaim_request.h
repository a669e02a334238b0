/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reclaim_request - answers memory.reclaim, on a thread: one at a time
 */
#ifndef LODGE_AGENT_MEMORY_RECLAIM_REQUEST_H
#define LODGE_AGENT_MEMORY_RECLAIM_REQUEST_H

#include "guest-agent/agent/service.h"

struct reclaim_request;

/* *@current: the one under way, NULL: none; it is set back when that has ended. */
void reclaim_request(const struct service_context *context, struct reclaim_request **current,
		     struct stream *stream, struct slice params);

/* Let it end soon, and answer nobody. NULL is fine. */
void reclaim_request_drop(struct reclaim_request *request);

#endif
