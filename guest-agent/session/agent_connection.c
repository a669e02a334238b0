/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/agent_connection.h"

#include "guest-agent/common/unix_socket.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/pump/pump.h"

#include <limits.h>
#include <string.h>
#include <sys/inotify.h>

#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS  60000

struct agent_connection {
	uv_loop_t *loop;
	const char *path;
	struct session *session;
	struct pump *pump;
	uv_timer_t retry;
	uint64_t retry_ms;
	uv_poll_t poll; /* on the folders */
	int folders;	/* inotify */
	int watch;	/* on the deepest folder of the path that there is; -1: none */
	unsigned int closing;
};

static void try_to_connect(struct agent_connection *connection);

static void on_retry(uv_timer_t *timer)
{
	try_to_connect(timer->data);
}

static void call_again_later(struct agent_connection *connection)
{
	uv_timer_start(&connection->retry, on_retry, connection->retry_ms, 0);
	connection->retry_ms *= 2;
	if (connection->retry_ms > RETRY_LAST_MS)
		connection->retry_ms = RETRY_LAST_MS;
}

static void on_closed(void *owner, int error)
{
	struct agent_connection *connection = owner;
	struct pump *pump = connection->pump;

	(void)error;
	connection->pump = NULL;
	pump_free(pump);
	call_again_later(connection);
}

static const struct pump_handlers pump_handlers = {.closed = on_closed};

static void use(struct agent_connection *connection, int fd)
{
	int error = pump_new(connection->loop, fd, false, connection->session, &pump_handlers,
			     connection, &connection->pump);

	if (error) {
		log_warning("cannot speak to the agent: %s", error_text(error));
		call_again_later(connection);
		return;
	}
	session_start(connection->session);
}

/* Watch the deepest folder that there is: what is missing will appear in it. */
static void watch_folders(struct agent_connection *connection)
{
	char folder[PATH_MAX];
	char *slash;

	if (connection->watch >= 0)
		inotify_rm_watch(connection->folders, connection->watch);
	connection->watch = -1;
	snprintf(folder, sizeof(folder), "%s", connection->path);
	while (connection->watch < 0 && (slash = strrchr(folder, '/')) && slash != folder) {
		*slash = '\0';
		connection->watch =
			inotify_add_watch(connection->folders, folder,
					  IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF);
	}
}

static void try_to_connect(struct agent_connection *connection)
{
	int fd = unix_socket_connect(connection->path);

	if (fd < 0) {
		/* Looked at once more: it may have come before the folders were watched. */
		watch_folders(connection);
		fd = unix_socket_connect(connection->path);
	}
	if (fd == -EAGAIN) {
		call_again_later(connection); /* its queue is full */
		return;
	}
	if (fd < 0) {
		log_debug("no agent at %s yet: %s", connection->path, error_text(fd));
		return;
	}
	uv_timer_stop(&connection->retry);
	use(connection, fd);
}

static void on_folder(uv_poll_t *poll, int status, int events)
{
	struct agent_connection *connection = poll->data;
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)status;
	(void)events;
	while (read(connection->folders, bytes, sizeof(bytes)) > 0)
		;
	if (connection->pump)
		return;
	connection->retry_ms = RETRY_FIRST_MS;
	try_to_connect(connection);
}

int agent_connection_new(uv_loop_t *loop, const char *path, struct session *session,
			 struct agent_connection **result)
{
	_cleanup_free_ struct agent_connection *connection = calloc(1, sizeof(*connection));
	_cleanup_close_ int folders = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int error;

	if (!connection)
		return -ENOMEM;
	if (folders < 0)
		return -errno;
	*connection = (struct agent_connection){
		.loop = loop,
		.path = path,
		.session = session,
		.watch = -1,
		.retry_ms = RETRY_FIRST_MS,
		.closing = 2,
	};
	error = uv_poll_init(loop, &connection->poll, folders);
	if (error)
		return error;
	connection->folders = take_fd(&folders);
	connection->poll.data = connection;
	uv_timer_init(loop, &connection->retry);
	connection->retry.data = connection;
	uv_poll_start(&connection->poll, UV_READABLE, on_folder);
	*result = connection;
	try_to_connect(take_ptr(connection));
	return 0;
}

void agent_connection_wake(struct agent_connection *connection)
{
	if (connection)
		pump_wake(connection->pump);
}

static void on_released(uv_handle_t *handle)
{
	struct agent_connection *connection = handle->data;

	if (--connection->closing == 0)
		free(connection);
}

void agent_connection_free(struct agent_connection *connection)
{
	if (!connection)
		return;
	pump_free(connection->pump);
	session_disconnected(connection->session);
	uv_close((uv_handle_t *)&connection->retry, on_released);
	uv_close((uv_handle_t *)&connection->poll, on_released);
	close(connection->folders);
}
