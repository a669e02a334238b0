/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection is one of the listener's while it asks for pages, and leaves it when it becomes a
 * WebSocket, which is the viewer's. Requests are answered one after the other, and none is looked
 * at while much of the answers before it has not been taken yet.
 *
 * One timer watches over all connections, and only while there are any.
 */
#include "host/screen/tls.h"
#include "host/screen/web/internal.h"
#include "protocol/base/cleanup.h"

#include <sys/socket.h>

#define TICK_MS	   1000
#define REQUEST_MS 10000 /* for TLS, and for a request to come */
#define IDLE_MS	   30000 /* between requests */
#define MAX_QUEUED (1U << 20)
#define TLS_FIRST  0x16 /* a record with a handshake (RFC 8446, section 5.1) */

/* --- Connections ------------------------------------------------------------------------------ */

void web_set_limit(struct connection *connection, uint64_t milliseconds)
{
	connection->deadline_ms = uv_now(screen_loop(connection->web->screen)) + milliseconds;
}

void web_forget(struct connection *connection)
{
	struct web *web = connection->web;
	struct connection **place = &web->connections;

	while (*place != connection)
		place = &(*place)->next;
	*place = connection->next;
	web->count--;
	if (web->count == 0)
		uv_timer_stop(&web->timer);
	free(connection);
}

void web_drop(struct connection *connection)
{
	link_free(connection->link);
	web_forget(connection);
}

static void on_tick(uv_timer_t *timer)
{
	struct web *web = timer->data;
	uint64_t now = uv_now(timer->loop);
	struct connection *next;

	for (struct connection *connection = web->connections; connection; connection = next) {
		next = connection->next;
		if (connection->deadline_ms <= now)
			web_drop(connection);
	}
}

/* --- Requests --------------------------------------------------------------------------------- */

/* After the last answer was taken. */
static void finish(struct connection *connection)
{
	link_finish(connection->link);
	web_forget(connection);
}

/* The connection's first byte. true: it is TLS from now on, or refused. */
static bool start(struct connection *connection, uint8_t first)
{
	const struct web_options *options = &connection->web->options;
	struct http_request request = {0};

	connection->started = true;
	if (first == TLS_FIRST && options->tls != WEB_TLS_NO) {
		connection->tls = true;
		if (link_start_tls(connection->link, options->credentials) < 0)
			web_drop(connection);
		return true;
	}
	if (options->tls == WEB_TLS_REQUIRED) {
		web_refuse(connection, &request, 426, "This screen is shown by https:// only.",
			   "Upgrade: TLS/1.2\r\n");
		return true;
	}
	return false;
}

static size_t received(void *owner, const uint8_t *bytes, size_t length)
{
	struct connection *connection = owner;
	size_t at = 0;

	if (!connection->started && start(connection, bytes[0]))
		return 0;
	if (connection->ending)
		return length;
	while (at < length && !connection->ending && link_queued(connection->link) < MAX_QUEUED) {
		struct http_request request;
		size_t used = 0;
		int result = http_parse(bytes + at, length - at, &request, &used);

		if (result == -EAGAIN)
			break;
		at += used;
		if (result < 0) {
			request = (struct http_request){0};
			web_refuse(connection, &request, http_status(result),
				   "This is not a request that this server understands.", NULL);
			return length;
		}
		if (web_answer(connection, &request))
			return at;
	}
	return at;
}

static const struct link_handlers handlers;

static void drained(void *owner)
{
	struct connection *connection = owner;

	if (connection->ending) {
		finish(connection);
		return;
	}
	web_set_limit(connection, IDLE_MS);
	/* Requests may have been left for later. */
	link_set_handlers(connection->link, &handlers, connection);
}

static void closed(void *owner, int error)
{
	(void)error;
	web_drop(owner);
}

static const struct link_handlers handlers = {received, drained, closed};

/* --- The listener ----------------------------------------------------------------------------- */

/* The port is 0 where there is none. */
static unsigned int local_address(int fd, char text[INET6_ADDRSTRLEN])
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);

	text[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return 0;
	if (address.ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;

		inet_ntop(AF_INET, &v4->sin_addr, text, INET6_ADDRSTRLEN);
		return ntohs(v4->sin_port);
	}
	if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;

		inet_ntop(AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN);
		return ntohs(v6->sin6_port);
	}
	return 0;
}

/* Somebody who comes is more likely to want something than who has been there longest. */
static void make_room(struct web *web)
{
	struct connection *first = web->connections;

	if (!first || web->count < WEB_MAX_CONNECTIONS)
		return;
	for (struct connection *other = first; other; other = other->next) {
		if (other->deadline_ms <= first->deadline_ms)
			first = other;
	}
	web_drop(first);
}

static void accepted(void *owner, int fd, const char *peer)
{
	struct web *web = owner;
	_cleanup_close_ int mine = fd;
	struct connection *connection;

	make_room(web);
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return;
	local_address(fd, connection->local);
	snprintf(connection->peer, sizeof(connection->peer), "%s", peer);
	connection->link = link_new(screen_loop(web->screen), take_fd(&mine));
	if (!connection->link) {
		free(connection);
		return;
	}
	connection->web = web;
	connection->next = web->connections;
	web->connections = connection;
	web->count++;
	web_set_limit(connection, REQUEST_MS);
	if (!uv_is_active((uv_handle_t *)&web->timer))
		uv_timer_start(&web->timer, on_tick, TICK_MS, TICK_MS);
	link_set_handlers(connection->link, &handlers, connection);
}

static int init(struct web *web, int fd, const struct web_options *options)
{
	char local[INET6_ADDRSTRLEN];
	int result;

	if (options->tls != WEB_TLS_NO && !options->credentials) {
		close(fd);
		return -EINVAL;
	}
	result = access_init(&web->access, options->token, options->host, local_address(fd, local));
	if (result < 0) {
		close(fd);
		return result;
	}
	web->options = *options;
	web->options.token = web->options.host = NULL;
	return listener_new(screen_loop(web->screen), fd, accepted, web, &web->listener);
}

int web_listen(struct screen *screen, int fd, const struct web_files *files,
	       const struct web_options *options, struct web **web)
{
	struct web *made = calloc(1, sizeof(*made));
	int result;

	if (!made) {
		close(fd);
		return -ENOMEM;
	}
	made->screen = screen;
	made->files = files;
	result = init(made, fd, options);
	if (result < 0) {
		access_destroy(&made->access);
		free(made);
		return result;
	}
	uv_timer_init(screen_loop(screen), &made->timer);
	made->timer.data = made;
	*web = made;
	return 0;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void web_close(struct web *web)
{
	if (!web)
		return;
	listener_free(web->listener);
	while (web->connections)
		web_drop(web->connections);
	access_destroy(&web->access);
	uv_close((uv_handle_t *)&web->timer, timer_closed);
}
