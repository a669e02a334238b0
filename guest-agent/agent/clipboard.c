/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard: passes clipboard.attach, clipboard.read and clipboard.write on to the session that has
 * the screen. It alone has a clipboard: while there is none, an attach waits for one, and ends when
 * another session has the screen, so that nothing of one user's is taken for another's.
 */
#include "guest-agent/agent/service.h"
#include "guest-agent/agent/session_attach.h"
#include "protocol/relay/relay.h"

#include <errno.h>
#include <stdlib.h>

#define CAPABILITY "clipboard"

struct clipboard {
	struct session_link *sessions;
	struct session_attach *attach;
};

static const struct session_attach_kind kind = {
	.method = "clipboard.attach",
	.capability = CAPABILITY,
};

static void clipboard_attach(void *state, struct stream *stream, struct slice params)
{
	const struct clipboard *clipboard = state;

	(void)params;
	session_attach_request(clipboard->attach, stream);
}

static void pass_on(const struct clipboard *clipboard, struct stream *stream, const char *method,
		    struct slice params)
{
	struct session *session = session_link_current(clipboard->sessions, CAPABILITY);
	int error = session ? relay_request(stream, session, slice_of(method), params, NULL, NULL)
			    : -ENOTCONN;

	if (error)
		stream_fail(stream, error == -EMFILE ? EAGAIN : error,
			    error == -ENOTCONN ? "no desktop session has the screen" : NULL);
}

static void clipboard_read(void *state, struct stream *stream, struct slice params)
{
	pass_on(state, stream, "clipboard.read", params);
}

static void clipboard_write(void *state, struct stream *stream, struct slice params)
{
	pass_on(state, stream, "clipboard.write", params);
}

static int clipboard_start(const struct service_context *context, void **state)
{
	struct clipboard *clipboard = calloc(1, sizeof(*clipboard));

	if (!clipboard)
		return -ENOMEM;
	clipboard->sessions = context->sessions;
	clipboard->attach = session_attach_new(context->sessions, &kind, clipboard);
	if (!clipboard->attach) {
		free(clipboard);
		return -ENOMEM;
	}
	*state = clipboard;
	return 0;
}

static void clipboard_stop(void *state)
{
	struct clipboard *clipboard = state;

	session_attach_free(clipboard->attach);
	free(clipboard);
}

const struct service service_clipboard = {
	.name = CAPABILITY,
	.summary = "the desktop's clipboard, shared as the host allows (clipboard.*)",
	.start = clipboard_start,
	.stop = clipboard_stop,
	.methods = (const struct service_method[]){{"clipboard.attach", clipboard_attach},
						   {"clipboard.read", clipboard_read},
						   {"clipboard.write", clipboard_write},
						   {NULL, NULL}},
};
