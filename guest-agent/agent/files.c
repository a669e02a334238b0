/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * files: passes files.receive on to the session that has the screen: it writes with its user's
 * rights, which the agent's are far above.
 */
#include "guest-agent/agent/service.h"
#include "protocol/relay/relay.h"

#include <errno.h>

#define CAPABILITY "files"

static void files_receive(void *state, struct stream *stream, struct slice params)
{
	struct session *session = session_link_current(state, CAPABILITY);
	int error = session ? relay_request(stream, session, SLICE_LITERAL("files.receive"), params,
					    NULL, NULL)
			    : -ENOTCONN;

	if (error)
		stream_fail(stream, error == -EMFILE ? EAGAIN : error,
			    error == -ENOTCONN ? "no desktop session has the screen" : NULL);
}

static int files_start(const struct service_context *context, void **state)
{
	*state = context->sessions;
	return 0;
}

static void files_stop(void *state)
{
	(void)state;
}

const struct service service_files = {
	.name = CAPABILITY,
	.summary = "files that are dropped on the desktop from outside (files.*)",
	.start = files_start,
	.stop = files_stop,
	.methods = (const struct service_method[]){{"files.receive", files_receive}, {NULL, NULL}},
};
