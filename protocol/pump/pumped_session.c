/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/pump/pumped_session.h"

#include "protocol/base/cleanup.h"
#include "protocol/pump/pump.h"

#include <errno.h>
#include <stdlib.h>

struct pumped_session {
	struct session *session;
	struct pump *pump;
	const struct pumped_session_handlers *handlers;
	void *owner;
};

static void on_established(void *owner, const struct session_peer *peer)
{
	const struct pumped_session *pumped = owner;

	if (pumped->handlers->established)
		pumped->handlers->established(pumped->owner, peer);
}

static void on_lost(void *owner, int reason)
{
	const struct pumped_session *pumped = owner;

	if (pumped->handlers->lost)
		pumped->handlers->lost(pumped->owner, reason);
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct pumped_session *pumped = owner;

	if (pumped->handlers->request)
		pumped->handlers->request(pumped->owner, stream, method, params);
	else
		stream_fail(stream, ENOSYS, NULL);
}

static void on_wake(void *owner)
{
	const struct pumped_session *pumped = owner;

	pump_wake(pumped->pump);
}

static void on_closed(void *owner, int error)
{
	const struct pumped_session *pumped = owner;

	if (pumped->handlers->closed)
		pumped->handlers->closed(pumped->owner, error);
}

static const struct session_handlers session_handlers = {
	.established = on_established, .lost = on_lost, .request = on_request, .wake = on_wake};
static const struct pump_handlers pump_handlers = {.closed = on_closed};

int pumped_session_new(const struct pumped_session_options *options, int fd,
		       struct pumped_session **result)
{
	_cleanup_close_ int owned = fd;
	struct pumped_session *pumped = calloc(1, sizeof(*pumped));
	int error = -ENOMEM;

	if (!pumped)
		return error;
	pumped->handlers = options->handlers;
	pumped->owner = options->owner;
	pumped->session = session_new(options->role, options->software, options->capabilities,
				      &session_handlers, pumped);
	if (pumped->session)
		error = pump_new(options->loop, take_fd(&owned), false, pumped->session,
				 &pump_handlers, pumped, &pumped->pump);
	if (error) {
		pumped_session_free(pumped);
		return error;
	}
	*result = pumped;
	session_start(pumped->session);
	return 0;
}

struct session *pumped_session_session(const struct pumped_session *pumped)
{
	return pumped->session;
}

void pumped_session_free(struct pumped_session *pumped)
{
	if (!pumped)
		return;
	/* What is closed now may want to write. */
	pump_free(take_ptr(pumped->pump));
	session_free(pumped->session);
	free(pumped);
}
