/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* internal - what web.c and answer.c share; nobody else includes this */
#ifndef LODGE_SCREEN_WEB_INTERNAL_H
#define LODGE_SCREEN_WEB_INTERNAL_H

#include "host/http/access.h"
#include "host/http/http.h"
#include "host/screen/web/web.h"
#include "protocol/pump/listener.h"

#include <arpa/inet.h>

struct connection {
	struct web *web;
	struct connection *next;
	struct link *link;
	char peer[LISTENER_PEER_SIZE];
	char local[INET6_ADDRSTRLEN]; /* our end's address; "" for unix sockets */
	uint64_t deadline_ms;
	bool started, tls;
	bool ending; /* after the answer, which is on its way */
};

struct web {
	struct screen *screen;
	struct listener *listener;
	const struct web_files *files;
	struct web_options options;
	struct access access;
	struct connection *connections;
	unsigned int count;
	uv_timer_t timer;
};

/* It is hung up unless this is called again before. */
void web_set_limit(struct connection *connection, uint64_t milliseconds);
/* Of the struct; the link is somebody else's from now on, or freed by the caller. */
void web_forget(struct connection *connection);
void web_drop(struct connection *connection);

/* A page for people who came to the wrong place, and the connection's end. @text is ours, and no
 * HTML in it; @more: further lines of the head, or NULL. */
void web_refuse(struct connection *connection, const struct http_request *request,
		unsigned int status, const char *text, const char *more);
/* true: there is no connection any more, its link is the viewer's. */
bool web_answer(struct connection *connection, const struct http_request *request);

#endif
