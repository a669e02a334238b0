/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ping - the service "agent": is anybody there?
 */
#include "guest-agent/agent/service.h"

static int ping_start(const struct service_context *context, void **state)
{
	(void)context;
	*state = NULL;
	return 0;
}

static void ping_stop(void *state)
{
	(void)state;
}

static void ping(void *state, struct stream *stream, struct slice params)
{
	(void)state;
	(void)params;
	stream_reply(stream, (struct slice){0});
}

const struct service service_agent = {
	.name = "agent",
	.summary = "answers agent.ping",
	.start = ping_start,
	.stop = ping_stop,
	.methods = (const struct service_method[]){{"agent.ping", ping}, {NULL, NULL}},
};
