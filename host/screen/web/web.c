/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection is one of the listener's while it asks for pages, and leaves it when it becomes a
 * WebSocket, which is the viewer's. Requests are answered one after the other, and none is looked
 * at while much of the answers before it has not been taken yet.
 *
 * One timer watches over all connections, and only while there are any.
 */
#include "host/screen/web/web.h"

#include "host/screen/link_listener.h"
#include "host/screen/tls.h"
#include "host/screen/web/access.h"
#include "host/screen/web/files.h"
#include "host/screen/web/http.h"
#include "host/screen/websocket.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/base/utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#define TICK_MS	   1000
#define REQUEST_MS 10000 /* for TLS, and for a request to come */
#define IDLE_MS	   30000 /* between requests */
#define ANSWER_MS  60000 /* for an answer to be taken */
#define MAX_QUEUED (1U << 20)
#define MAX_NAME   256	/* of a VM, in UTF-8 */
#define TLS_FIRST  0x16 /* a record with a handshake (RFC 8446, section 5.1) */

struct connection {
	struct web *web;
	struct connection *next;
	struct link *link;
	char peer[LINK_PEER_SIZE];
	char local[INET6_ADDRSTRLEN]; /* our end's address; "" for unix sockets */
	uint64_t deadline_ms;
	bool started, tls;
	bool ending; /* after the answer, which is on its way */
};

struct web {
	struct screen *screen;
	struct link_listener *listener;
	const struct web_files *files;
	struct web_options options;
	struct access access;
	struct connection *connections;
	unsigned int count;
	uv_timer_t timer;
};

/* --- Connections ------------------------------------------------------------------------------ */

static void set_limit(struct connection *connection, uint64_t milliseconds)
{
	connection->deadline_ms = uv_now(screen_loop(connection->web->screen)) + milliseconds;
}

/* Of the struct; the link is somebody else's from now on, or freed by the caller. */
static void forget(struct connection *connection)
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

static void drop(struct connection *connection)
{
	link_free(connection->link);
	forget(connection);
}

static void on_tick(uv_timer_t *timer)
{
	struct web *web = timer->data;
	uint64_t now = uv_now(timer->loop);
	struct connection *next;

	for (struct connection *connection = web->connections; connection; connection = next) {
		next = connection->next;
		if (connection->deadline_ms <= now)
			drop(connection);
	}
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* Whether the request's connection lives on is for received() to see: @keep_alive. */
static void answer_with(struct connection *connection, const struct http_request *request,
			struct http_answer *answer, const void *body)
{
	char head[HTTP_HEAD_SIZE];

	answer->keep_alive = request->keep_alive && answer->status < 400;
	connection->ending = !answer->keep_alive;
	link_send(connection->link, head, http_head(answer, head));
	if (answer->length && request->method != HTTP_HEAD)
		link_send(connection->link, body, answer->length);
	set_limit(connection, ANSWER_MS);
}

/* A page for people who came to the wrong place. @text is ours, and no HTML in it. */
static void refuse(struct connection *connection, const struct http_request *request,
		   unsigned int status, const char *text, const char *more)
{
	struct http_answer answer = {
		.status = status,
		.type = "text/html; charset=utf-8",
		.more = more,
	};
	char page[1024];

	answer.length = (size_t)snprintf(
		page, sizeof(page),
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<title>%s – Lodge</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n</head>\n"
		"<body class=\"message\">\n<main>\n<h1>%s</h1>\n<p>%s</p>\n</main>\n</body>\n"
		"</html>\n",
		http_reason(status), http_reason(status), text);
	log_debug("web: %s: %u, %s", connection->peer, status, text);
	answer_with(connection, request, &answer, page);
}

static void answer_file(struct connection *connection, const struct http_request *request,
			const char *path)
{
	char socket[300] = "";
	struct http_answer answer = {.status = 200, .socket = socket};
	struct file file;

	if (!files_find(connection->web->files, slice_of(path), &file)) {
		refuse(connection, request, 404, "There is nothing at this address.", NULL);
		return;
	}
	/* Not every browser takes 'self' to include a page's own WebSocket. The Host has been
	 * checked: there is nothing in it that would end a line or a directive. */
	if (request->host.length < 256)
		snprintf(socket, sizeof(socket), "%s://%.*s", connection->tls ? "wss" : "ws",
			 (int)request->host.length, (const char *)request->host.bytes);
	answer.type = file.type;
	answer.length = file.content.length;
	answer_with(connection, request, &answer, file.content.bytes);
}

/* @name as the inside of a JSON string; what is no UTF-8 becomes '?'. */
static void put_json(const char *name, char *json, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)name;
	size_t length = strlen(name), at = 0, out = 0;

	while (at < length && out + 8 < size) {
		uint32_t character = 0;
		size_t taken = utf8_character(bytes + at, length - at, &character);

		if (taken == 0)
			json[out++] = '?';
		else if (character < ' ' || character == '"' || character == '\\' ||
			 character == 0x7f)
			out += (size_t)snprintf(json + out, size - out, "\\u%04x", character);
		else
			for (size_t i = 0; i < taken; i++)
				json[out++] = (char)bytes[at + i];
		at += MAX(taken, 1U);
	}
	json[out] = '\0';
}

static unsigned int heads_on(const struct desktop *desktop)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		count += desktop->head[i].enabled;
	return count;
}

static void answer_about(struct connection *connection, const struct http_request *request)
{
	struct web *web = connection->web;
	struct http_answer answer = {.status = 200, .type = "application/json"};
	char name[MAX_NAME + 8], body[MAX_NAME + 96];

	put_json(screen_name(web->screen), name, sizeof(name));
	answer.length =
		(size_t)snprintf(body, sizeof(body),
				 "{\"name\":\"%s\",\"view_only\":%s,\"novnc\":%s,\"heads\":%u}\n",
				 name, web->options.view_only ? "true" : "false",
				 files_have_novnc(web->files) ? "true" : "false",
				 heads_on(screen_desktop(web->screen)));
	answer_with(connection, request, &answer, body);
}

/* The token for a cookie. */
static void answer_session(struct connection *connection, const struct http_request *request)
{
	const struct access *access = &connection->web->access;
	struct http_answer answer = {.status = 204};
	char cookie[256];

	if (request->method != HTTP_POST) {
		refuse(connection, request, 405, "This address takes a token.", "Allow: POST\r\n");
		return;
	}
	if (!access_is_same_origin(request, connection->tls)) {
		refuse(connection, request, 403, "This request came from another site's page.",
		       NULL);
		return;
	}
	if (!access_has_token(access, request->body)) {
		refuse(connection, request, 403, "This token is not the one of this screen.", NULL);
		return;
	}
	snprintf(cookie, sizeof(cookie),
		 "Set-Cookie: %s=%s; Path=/; HttpOnly; SameSite=Strict%s\r\n", access->cookie_name,
		 access->cookie, connection->tls ? "; Secure" : "");
	answer.more = cookie;
	answer_with(connection, request, &answer, NULL);
}

/* --- The socket ------------------------------------------------------------------------------- */

/* true: the link is the viewer's, and the connection is no more. */
static bool answer_socket(struct connection *connection, const struct http_request *request)
{
	struct web *web = connection->web;
	char head[HTTP_HEAD_SIZE], more[192], accept[WEBSOCKET_ACCEPT_SIZE],
		key[WEBSOCKET_MAX_KEY + 1];
	struct http_answer answer = {.status = 101, .more = more};
	struct slice sent_key = request->websocket_key;
	struct link *link = connection->link;
	char peer[LINK_PEER_SIZE];
	bool binary;
	int result;

	if (request->method != HTTP_GET || !request->upgrade ||
	    !slice_is(request->websocket_version, "13")) {
		refuse(connection, request, 426, "This address is for WebSockets of version 13.",
		       "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
		return false;
	}
	if (!access_is_same_origin(request, connection->tls)) {
		refuse(connection, request, 403, "This request came from another site's page.",
		       NULL);
		return false;
	}
	if (!access_has_protocol(&web->access, request->websocket_protocol, &binary)) {
		refuse(connection, request, 403, "This token is not the one of this screen.", NULL);
		return false;
	}
	snprintf(key, sizeof(key), "%.*s", (int)MIN(sent_key.length, sizeof(key)),
		 (const char *)sent_key.bytes);
	if (sent_key.length == 0 || sent_key.length > WEBSOCKET_MAX_KEY ||
	    websocket_accept(key, accept) < 0) {
		refuse(connection, request, 400, "This is no key of a WebSocket.", NULL);
		return false;
	}
	snprintf(more, sizeof(more),
		 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s",
		 accept, binary ? "Sec-WebSocket-Protocol: binary\r\n" : "");
	result = link_send(link, head, http_head(&answer, head));
	if (result == 0)
		result = link_start_websocket(link);
	if (result < 0) {
		drop(connection);
		return true;
	}
	memcpy(peer, connection->peer, sizeof(peer));
	forget(connection);
	result = web->options.viewer(web->options.owner, link, peer);
	if (result < 0)
		log_warning("a browser (%s) is not shown the screen: %s", peer, error_text(result));
	return true;
}

/* --- Requests --------------------------------------------------------------------------------- */

/* true: there is no connection any more. */
static bool answer(struct connection *connection, const struct http_request *request)
{
	struct web *web = connection->web;
	bool known = access_has_cookie(&web->access, request->cookie);
	struct file file;

	if (!access_host_is_ours(&web->access, request->host, connection->local)) {
		refuse(connection, request, 421,
		       "This is not a name that this server is known by. Use 127.0.0.1 or "
		       "localhost.",
		       NULL);
	} else if (slice_is(request->path, "/session")) {
		answer_session(connection, request);
	} else if (request->method == HTTP_POST) {
		refuse(connection, request, 405, "Nothing can be sent to this address.",
		       "Allow: GET, HEAD\r\n");
	} else if (slice_is(request->path, "/")) {
		answer_file(connection, request, known ? FILES_PAGE : FILES_DOOR);
	} else if (files_find(NULL, request->path, &file) && file.open) {
		answer_file(connection, request, file.path);
	} else if (!known) {
		refuse(connection, request, 403,
		       "To see the screen, open the whole address that “lodge view” prints.", NULL);
	} else if (slice_is(request->path, "/socket")) {
		return answer_socket(connection, request);
	} else if (slice_is(request->path, "/about.json")) {
		answer_about(connection, request);
	} else if (files_find(web->files, request->path, &file)) {
		answer_file(connection, request, file.path);
	} else {
		refuse(connection, request, 404, "There is nothing at this address.", NULL);
	}
	return false;
}

/* After the last answer was taken. */
static void finish(struct connection *connection)
{
	link_finish(connection->link);
	forget(connection);
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
			drop(connection);
		return true;
	}
	if (options->tls == WEB_TLS_REQUIRED) {
		refuse(connection, &request, 426, "This screen is shown by https:// only.",
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
			refuse(connection, &request, http_status(result),
			       "This is not a request that this server understands.", NULL);
			return length;
		}
		if (answer(connection, &request))
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
	set_limit(connection, IDLE_MS);
	/* Requests may have been left for later. */
	link_set_handlers(connection->link, &handlers, connection);
}

static void closed(void *owner, int error)
{
	(void)error;
	drop(owner);
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

	if (web->count < WEB_MAX_CONNECTIONS)
		return;
	for (struct connection *other = first; other; other = other->next) {
		if (other->deadline_ms <= first->deadline_ms)
			first = other;
	}
	drop(first);
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
	set_limit(connection, REQUEST_MS);
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
	return link_listener_new(screen_loop(web->screen), fd, accepted, web, &web->listener);
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
	link_listener_free(web->listener);
	while (web->connections)
		drop(web->connections);
	access_destroy(&web->access);
	uv_close((uv_handle_t *)&web->timer, timer_closed);
}
