/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/share/share_socket.h"

#include "guest-agent/common/unix_socket.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/listener.h"
#include "protocol/pump/pumped_session.h"
#include "protocol/relay/relay.h"
#include "protocol/share.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTIONS 64
#define BACKLOG	    16

struct connection {
	struct share_socket *socket;
	struct pumped_session *pumped; /* NULL: the place is free */
};

struct share_socket {
	const struct service_context *context;
	char path[PATH_MAX];
	struct listener *listener;
	struct connection connections[CONNECTIONS];
};

/* Where there is no host the mounter waits, and asks again. */
static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct connection *connection = owner;
	struct session *host = connection->socket->context->host;
	int error = -ENOSYS;

	if (slice_is(method, "share.open") || slice_is(method, "share.watch"))
		error = host ? relay_request(stream, host, method, params, NULL, NULL) : -ENOTCONN;
	if (error)
		stream_fail(stream, error == -ENOSYS ? ENOSYS : EAGAIN, NULL);
}

static void on_closed(void *owner, int error)
{
	struct connection *connection = owner;

	(void)error;
	pumped_session_free(take_ptr(connection->pumped));
}

static const struct pumped_session_handlers session_handlers = {.request = on_request,
								.closed = on_closed};

static int welcome(struct share_socket *socket, int fd)
{
	static const char *const capabilities[] = {SHARE_CAPABILITY, NULL};
	_cleanup_close_ int owned = fd;
	struct connection *connection = NULL;
	struct ucred peer;
	socklen_t length = sizeof(peer);
	struct pumped_session_options options;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -errno;
	if (peer.uid != geteuid())
		return -EPERM;
	for (size_t i = 0; i < CONNECTIONS && !connection; i++) {
		if (!socket->connections[i].pumped)
			connection = &socket->connections[i];
	}
	if (!connection)
		return -EUSERS;
	*connection = (struct connection){.socket = socket};
	options = (struct pumped_session_options){
		.loop = socket->context->loop,
		.role = SESSION_GUEST,
		.software = "lodge-agent " LODGE_VERSION,
		.capabilities = capabilities,
		.handlers = &session_handlers,
		.owner = connection,
	};
	return pumped_session_new(&options, take_fd(&owned), &connection->pumped);
}

static void on_accepted(void *owner, int fd, const char *peer)
{
	int error = welcome(owner, fd);

	(void)peer;
	if (error)
		log_debug("somebody who wants a share was turned away: %s", error_text(error));
}

int share_socket_new(const struct service_context *context, const char *path,
		     struct share_socket **result)
{
	_cleanup_free_ struct share_socket *socket = calloc(1, sizeof(*socket));
	int listener, error;

	if (!socket)
		return -ENOMEM;
	listener = unix_socket_listen_in_folder(path, 0600, BACKLOG);
	if (listener < 0)
		return listener;
	socket->context = context;
	snprintf(socket->path, sizeof(socket->path), "%s", path);
	error = listener_new(context->loop, listener, on_accepted, socket, &socket->listener);
	if (!error)
		*result = take_ptr(socket);
	return error;
}

void share_socket_free(struct share_socket *socket)
{
	if (!socket)
		return;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		pumped_session_free(take_ptr(socket->connections[i].pumped));
	}
	unlink(socket->path);
	listener_free(socket->listener);
	free(socket);
}
