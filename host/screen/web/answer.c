/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is at which address, and who may have it. */
#include "host/http/json.h"
#include "host/screen/web/files.h"
#include "host/screen/web/internal.h"
#include "host/screen/websocket.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <stdio.h>

#define ANSWER_MS 60000 /* for an answer to be taken */
#define MAX_NAME  256	/* of a VM, in UTF-8 */

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
	web_set_limit(connection, ANSWER_MS);
}

void web_refuse(struct connection *connection, const struct http_request *request,
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
		web_refuse(connection, request, 404, "There is nothing at this address.", NULL);
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

	json_put(slice_of(screen_name(web->screen)), name, sizeof(name));
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
		web_refuse(connection, request, 405, "This address takes a token.",
			   "Allow: POST\r\n");
		return;
	}
	if (!access_is_same_origin(request, connection->tls)) {
		web_refuse(connection, request, 403, "This request came from another site's page.",
			   NULL);
		return;
	}
	if (!access_has_token(access, request->body)) {
		web_refuse(connection, request, 403, "This token is not the one of this screen.",
			   NULL);
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
	char peer[LISTENER_PEER_SIZE];
	bool binary;
	int result;

	if (request->method != HTTP_GET || !request->upgrade ||
	    !slice_is(request->websocket_version, "13")) {
		web_refuse(connection, request, 426,
			   "This address is for WebSockets of version 13.",
			   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
		return false;
	}
	if (!access_is_same_origin(request, connection->tls)) {
		web_refuse(connection, request, 403, "This request came from another site's page.",
			   NULL);
		return false;
	}
	if (!access_has_protocol(&web->access, request->websocket_protocol, &binary)) {
		web_refuse(connection, request, 403, "This token is not the one of this screen.",
			   NULL);
		return false;
	}
	snprintf(key, sizeof(key), "%.*s", (int)MIN(sent_key.length, sizeof(key)),
		 (const char *)sent_key.bytes);
	if (sent_key.length == 0 || sent_key.length > WEBSOCKET_MAX_KEY ||
	    websocket_accept(key, accept) < 0) {
		web_refuse(connection, request, 400, "This is no key of a WebSocket.", NULL);
		return false;
	}
	snprintf(more, sizeof(more),
		 "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s",
		 accept, binary ? "Sec-WebSocket-Protocol: binary\r\n" : "");
	result = link_send(link, head, http_head(&answer, head));
	if (result == 0)
		result = link_start_websocket(link);
	if (result < 0) {
		web_drop(connection);
		return true;
	}
	memcpy(peer, connection->peer, sizeof(peer));
	web_forget(connection);
	result = web->options.viewer(web->options.owner, link, peer);
	if (result < 0)
		log_warning("a browser (%s) is not shown the screen: %s", peer, error_text(result));
	return true;
}

/* --- Requests --------------------------------------------------------------------------------- */

bool web_answer(struct connection *connection, const struct http_request *request)
{
	struct web *web = connection->web;
	bool known = access_has_cookie(&web->access, request->cookie);
	struct file file;

	if (!access_host_is_ours(&web->access, request->host, connection->local)) {
		web_refuse(connection, request, 421,
			   "This is not a name that this server is known by. Use 127.0.0.1 or "
			   "localhost.",
			   NULL);
	} else if (slice_is(request->path, "/session")) {
		answer_session(connection, request);
	} else if (request->method == HTTP_POST) {
		web_refuse(connection, request, 405, "Nothing can be sent to this address.",
			   "Allow: GET, HEAD\r\n");
	} else if (slice_is(request->path, "/")) {
		answer_file(connection, request, known ? FILES_PAGE : FILES_DOOR);
	} else if (files_find(NULL, request->path, &file) && file.open) {
		answer_file(connection, request, file.path);
	} else if (!known) {
		web_refuse(connection, request, 403,
			   "To see the screen, open the whole address that “lodge view” prints.",
			   NULL);
	} else if (slice_is(request->path, "/socket")) {
		return answer_socket(connection, request);
	} else if (slice_is(request->path, "/about.json")) {
		answer_about(connection, request);
	} else if (files_find(web->files, request->path, &file)) {
		answer_file(connection, request, file.path);
	} else {
		web_refuse(connection, request, 404, "There is nothing at this address.", NULL);
	}
	return false;
}
