/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/internal.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_SECONDS	  60
#define CONNECTION_MEMORY 16384 /* the request's head must fit */
/* Of requests; none of ours has a body. */
#define MAX_BODY 1024

/* What keeps a page to itself. Pictures of screens are made from bytes by the page: blob. */
static const struct {
	const char *name, *value;
} headers[] = {
	{"Cache-Control", "no-store"},
	{"Content-Security-Policy",
	 "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
	 "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Referrer-Policy", "no-referrer"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
};

/* --- libmicrohttpd's turn --------------------------------------------------------------------- */

static void run(struct server *server);

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

static void run(struct server *server)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (MHD_run(server->daemon) != MHD_YES)
		log_warning("the web server has trouble");
	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES)
		uv_timer_start(&server->timer, on_timer, wait_ms, 0);
	else
		uv_timer_stop(&server->timer);
}

/* --- Requests --------------------------------------------------------------------------------- */

void request_wait(struct request *request)
{
	request->state = REQUEST_WAITS;
	MHD_suspend_connection(request->connection);
}

void request_finish(struct request *request)
{
	struct server *server = request->server;
	bool waited = request->state == REQUEST_WAITS;

	request->state = REQUEST_ANSWERED;
	if (!waited)
		return;
	MHD_resume_connection(request->connection);
	/* Not now: this may be one of many. */
	if (!server->ending)
		uv_timer_start(&server->timer, on_timer, 0, 0);
}

void request_refuse(struct request *request, unsigned int status, const char *text)
{
	struct answer *answer = &request->answer;
	char *copy = strdup(text);

	*answer = (struct answer){
		.status = status,
		.type = "text/plain; charset=utf-8",
		.more_name = answer->more_name,
		.more = answer->more,
		.body = copy,
		.length = copy ? strlen(copy) : 0,
		.allocated = copy != NULL,
	};
	request_finish(request);
}

/* The answer's body becomes libmicrohttpd's. */
static enum MHD_Result send_answer(struct request *request)
{
	struct answer *answer = &request->answer;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		answer->length, (void *)answer->body,
		answer->allocated ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	answer->allocated = false;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		MHD_add_response_header(response, headers[i].name, headers[i].value);
	MHD_add_response_header(response, "Content-Type", answer->type);
	if (answer->more)
		MHD_add_response_header(response, answer->more_name, answer->more);
	result = MHD_queue_response(request->connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static struct request *request_new(struct server *server, struct MHD_Connection *connection)
{
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->server = server;
	request->connection = connection;
	request->next = server->requests;
	if (request->next)
		request->next->previous = request;
	server->requests = request;
	return request;
}

/* Called once when the head is there, once for each piece of a body, once at its end, and again
 * when a request that waited goes on. */
static enum MHD_Result on_request(void *owner, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *body,
				  size_t *body_length, void **context)
{
	struct request *request = *context;

	(void)version;
	(void)body;
	if (!request) {
		*context = request_new(owner, connection);
		return *context ? MHD_YES : MHD_NO;
	}
	if (*body_length > MAX_BODY)
		return MHD_NO;
	if (*body_length > 0) {
		*body_length = 0;
		return MHD_YES;
	}
	if (request->state == REQUEST_NEW && request->server->ending)
		request_refuse(request, 503, "lodged has ended.");
	else if (request->state == REQUEST_NEW)
		answers_find(request, path, method);
	return request->state == REQUEST_ANSWERED ? send_answer(request) : MHD_YES;
}

static void on_completed(void *owner, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode why)
{
	struct server *server = owner;
	struct request *request = *context;

	(void)connection;
	(void)why;
	if (!request)
		return;
	*context = NULL;
	if (request->next)
		request->next->previous = request->previous;
	if (request->previous)
		request->previous->next = request->next;
	else
		server->requests = request->next;
	if (request->answer.allocated)
		free((void *)request->answer.body);
	free(request);
}

static void on_panic(void *owner, const char *file, unsigned int line, const char *reason)
{
	(void)owner;
	log_error("libmicrohttpd, %s:%u: %s", file, line, reason ? reason : "it gives up");
	abort();
}

/* --- The server ------------------------------------------------------------------------------- */

static int start_daemon(struct server *server, int fd)
{
	const union MHD_DaemonInfo *info;
	int poll_fd;

	MHD_set_panic_func(on_panic, NULL);
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, server,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)SERVER_MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	if (!server->daemon) {
		close(fd);
		return -EIO;
	}
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	poll_fd = info ? info->epoll_fd : -1;
	return poll_fd < 0 ? -EIO : uv_poll_init(server->loop, &server->poll, poll_fd);
}

int server_new(uv_loop_t *loop, int fd, struct source *source, const char *token,
	       struct server **server)
{
	struct server *made = calloc(1, sizeof(*made));
	int result = made ? access_init(&made->access, token, NULL, 0) : -ENOMEM;

	if (result < 0) {
		close(fd);
		free(made);
		return result;
	}
	made->loop = loop;
	made->source = source;
	uv_timer_init(loop, &made->timer);
	made->timer.data = made;
	made->poll.data = made;
	result = figures_begin(made);
	if (result < 0)
		close(fd);
	else
		result = start_daemon(made, fd);
	if (result == 0)
		result = uv_poll_start(&made->poll, UV_READABLE, on_poll);
	if (result < 0)
		server_free(made);
	else
		*server = made;
	return result;
}

static void handle_closed(uv_handle_t *handle)
{
	struct server *server = handle->data;

	if (--server->closing == 0)
		free(server);
}

static void close_handle(struct server *server, uv_handle_t *handle)
{
	if (handle->type == UV_UNKNOWN_HANDLE)
		return;
	server->closing++;
	uv_close(handle, handle_closed);
}

void server_free(struct server *server)
{
	if (!server)
		return;
	server->ending = true;
	/* Connections that wait cannot be closed. */
	for (struct request *request = server->requests; request; request = request->next) {
		if (request->state == REQUEST_WAITS)
			request_refuse(request, 503, "lodged has ended.");
	}
	close_handle(server, (uv_handle_t *)&server->poll);
	close_handle(server, (uv_handle_t *)&server->timer);
	close_handle(server, (uv_handle_t *)&server->kept.timer);
	if (server->daemon) {
		MHD_run(server->daemon);
		MHD_stop_daemon(server->daemon);
	}
	figures_end(server);
	access_destroy(&server->access);
}
