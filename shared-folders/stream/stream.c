/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/stream/stream_internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "shared-folders/stream/looker.h"

#include <errno.h>

#define THREADS 8

static void look_if_unused(const struct stream_server *server)
{
	const struct stream_server_options *options = &server->options;

	for (size_t i = 0; i < STREAM_SERVER_CONNECTIONS; i++) {
		if (server->connections[i].pumped)
			return;
	}
	if (options->unused && !stream_server_is_in_use(server))
		options->unused(options->owner);
}

void stream_server_wake(void *owner)
{
	struct stream_server *server = owner;

	uv_async_send(&server->wake);
}

static void on_wake(uv_async_t *async)
{
	struct stream_server *server = async->data;

	if (server->options.looker)
		looker_go_on(server->options.looker);
	if (places_collect(server))
		look_if_unused(server);
}

/* --- Connections ---------------------------------------------------------------------------- */

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct connection *connection = owner;
	struct share_open open;
	int error;

	if (slice_is(method, "share.watch") && connection->server->options.looker) {
		looker_open(connection->server->options.looker, stream, params);
		return;
	}
	if (!slice_is(method, "share.open")) {
		stream_fail(stream, ENOSYS, NULL);
		return;
	}
	if (message_decode(&message_share_open, params, &open) < 0 ||
	    open.session.length != SHARE_SESSION_SIZE) {
		stream_fail(stream, EBADMSG, NULL);
		return;
	}
	error = place_open(connection->server, stream, &open);
	if (error)
		stream_fail(stream, error, "the folder cannot be served");
}

static void on_closed(void *owner, int error)
{
	struct connection *connection = owner;
	const struct stream_server_options *options = &connection->server->options;

	(void)error;
	pumped_session_free(take_ptr(connection->pumped));
	if (connection->is_given && options->disconnected)
		options->disconnected(options->owner);
	look_if_unused(connection->server);
}

static const struct pumped_session_handlers session_handlers = {.request = on_request,
								.closed = on_closed};

static int connect_fd(struct stream_server *server, int fd, bool is_given)
{
	static const char *const capabilities[] = {SHARE_CAPABILITY, NULL};
	_cleanup_close_ int owned = fd;
	struct connection *connection = NULL;
	struct pumped_session_options options;

	for (size_t i = 0; i < STREAM_SERVER_CONNECTIONS && !connection; i++) {
		if (!server->connections[i].pumped)
			connection = &server->connections[i];
	}
	if (!connection)
		return -EMFILE;
	*connection = (struct connection){.server = server, .is_given = is_given};
	options = (struct pumped_session_options){
		.loop = server->loop,
		.role = SESSION_GUEST,
		.software = "lodge-fsd " LODGE_VERSION,
		.capabilities = capabilities,
		.handlers = &session_handlers,
		.owner = connection,
	};
	return pumped_session_new(&options, take_fd(&owned), &connection->pumped);
}

int stream_server_connect(struct stream_server *server, int fd)
{
	return connect_fd(server, fd, true);
}

static void on_accepted(void *owner, int fd, const char *peer)
{
	int error = connect_fd(owner, fd, false);

	(void)peer;
	if (error)
		log_warning("a connection was turned away: %s", error_text(error));
}

int stream_server_listen(struct stream_server *server, int fd)
{
	_cleanup_close_ int owned = fd;

	if (server->listener)
		return -EBUSY;
	return listener_new(server->loop, take_fd(&owned), on_accepted, server, &server->listener);
}

/* --- All of it ------------------------------------------------------------------------------ */

int stream_server_new(uv_loop_t *loop, const struct stream_server_options *options,
		      struct stream_server **result)
{
	_cleanup_free_ struct stream_server *server = calloc(1, sizeof(*server));
	int error;

	if (!server)
		return -ENOMEM;
	server->loop = loop;
	server->options = *options;
	server->server_options = *options->server;
	if (!server->options.keep_ms)
		server->options.keep_ms = SHARE_KEEP_SECONDS * 1000;
	error = pool_new(options->threads ? options->threads : THREADS, &server->pool);
	if (error)
		return error;
	error = uv_async_init(loop, &server->wake, on_wake);
	if (error) {
		pool_free(server->pool);
		return error;
	}
	uv_timer_init(loop, &server->expire);
	server->wake.data = server;
	server->expire.data = server;
	server->handles = 2;
	if (server->options.looker)
		looker_set_wake(server->options.looker, stream_server_wake, server);
	*result = take_ptr(server);
	return 0;
}

bool stream_server_is_in_use(const struct stream_server *server)
{
	for (size_t i = 0; i < STREAM_SERVER_SESSIONS; i++) {
		if (server->places[i].session)
			return true;
	}
	return false;
}

static void on_released(uv_handle_t *handle)
{
	struct stream_server *server = handle->data;

	if (--server->handles == 0)
		free(server);
}

void stream_server_free(struct stream_server *server)
{
	if (!server)
		return;
	server->options.unused = NULL;
	if (server->options.looker) {
		looker_close(server->options.looker);
		looker_set_wake(server->options.looker, NULL, NULL);
	}
	for (size_t i = 0; i < STREAM_SERVER_CONNECTIONS; i++) {
		pumped_session_free(take_ptr(server->connections[i].pumped));
	}
	listener_free(server->listener);
	for (size_t i = 0; i < STREAM_SERVER_SESSIONS; i++) {
		if (server->places[i].session)
			place_end(&server->places[i]);
	}
	/* Twice: when what ran has been waited for, the servers are freed there, too. */
	pool_finish(server->pool);
	on_wake(&server->wake);
	pool_free(server->pool);
	on_wake(&server->wake);
	uv_close((uv_handle_t *)&server->wake, on_released);
	uv_close((uv_handle_t *)&server->expire, on_released);
}
