/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/share/share_socket.h"

#include "guest-agent/common/unix_socket.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/pump.h"
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
	struct pump *pump; /* NULL: the place is free */
	struct session *session;
};

struct share_socket {
	const struct service_context *context;
	char path[PATH_MAX];
	uv_poll_t listener;
	int listener_fd;
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

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)owner;
	(void)peer;
}

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_wake(void *owner)
{
	const struct connection *connection = owner;

	pump_wake(connection->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established,
	.lost = on_lost,
	.request = on_request,
	.wake = on_wake,
};

static void hang_up(struct connection *connection)
{
	pump_free(take_ptr(connection->pump));
	session_free(take_ptr(connection->session));
}

static void on_closed(void *owner, int error)
{
	(void)error;
	hang_up(owner);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

static int welcome(struct share_socket *socket, int fd)
{
	static const char *const capabilities[] = {SHARE_CAPABILITY, NULL};
	_cleanup_close_ int owned = fd;
	struct connection *connection = NULL;
	struct ucred peer;
	socklen_t length = sizeof(peer);
	int error;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return -errno;
	if (peer.uid != geteuid())
		return -EPERM;
	for (size_t i = 0; i < CONNECTIONS && !connection; i++) {
		if (!socket->connections[i].pump)
			connection = &socket->connections[i];
	}
	if (!connection)
		return -EUSERS;
	*connection = (struct connection){.socket = socket};
	connection->session = session_new(SESSION_GUEST, "lodge-agent " LODGE_VERSION, capabilities,
					  &session_handlers, connection);
	if (!connection->session)
		return -ENOMEM;
	error = pump_new(socket->context->loop, take_fd(&owned), false, connection->session,
			 &pump_handlers, connection, &connection->pump);
	if (error) {
		session_free(take_ptr(connection->session));
		return error;
	}
	session_start(connection->session);
	return 0;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct share_socket *socket = poll->data;
	int fd = accept4(socket->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int error = fd < 0 ? 0 : welcome(socket, fd);

	(void)status;
	(void)events;
	if (error)
		log_debug("somebody who wants a share was turned away: %s", error_text(error));
}

int share_socket_new(const struct service_context *context, const char *path,
		     struct share_socket **result)
{
	_cleanup_free_ struct share_socket *socket = calloc(1, sizeof(*socket));
	_cleanup_close_ int listener = -EBADF;
	int error;

	if (!socket)
		return -ENOMEM;
	listener = unix_socket_listen_in_folder(path, 0600, BACKLOG);
	if (listener < 0)
		return listener;
	socket->context = context;
	snprintf(socket->path, sizeof(socket->path), "%s", path);
	error = uv_poll_init(context->loop, &socket->listener, listener);
	if (error)
		return error;
	socket->listener.data = socket;
	socket->listener_fd = take_fd(&listener);
	uv_poll_start(&socket->listener, UV_READABLE, on_listener);
	*result = take_ptr(socket);
	return 0;
}

static void on_released(uv_handle_t *handle)
{
	free(handle->data);
}

void share_socket_free(struct share_socket *socket)
{
	if (!socket)
		return;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (socket->connections[i].pump)
			hang_up(&socket->connections[i]);
	}
	unlink(socket->path);
	uv_close((uv_handle_t *)&socket->listener, on_released);
	close(socket->listener_fd);
}
