/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * server - the page, its figures, and the metrics, by libmicrohttpd on a libuv loop
 *
 * The address that a person opens is http://127.0.0.1:PORT/#TOKEN. The page itself is no secret and
 * anybody's; what it shows needs the token, as "Authorization: Bearer TOKEN", which no other page
 * can send us. Prometheus sends it likewise, or as /metrics?token=TOKEN.
 *
 *	/history?since=N   points in time after number N (render.h); waits for one if there is none
 *	/picture?vm=ID	   the VM's screen, PNG
 *	/screen?vm=ID	   (POST) where the screen is shown and worked at
 *	/metrics	   for Prometheus
 *
 * Only requests are answered whose Host is a name of this machine. lodged is asked for a snapshot
 * once a second while somebody looks, and not otherwise.
 *
 *	server.c	connections, and who waits
 *	answers.c	what is at which address
 *	figures.c	snapshots: when they are asked for, and kept
 */
#ifndef LODGE_WEB_SERVER_H
#define LODGE_WEB_SERVER_H

#include "host/web/source.h"

#include <uv.h>

#define SERVER_MAX_CONNECTIONS 64

struct server;

/**
 * server_new() - serve on a listening socket
 * @fd:		becomes the server's, also on failure
 * @source:	freed before the server, so that nobody waits
 * @token:	copied
 *
 * Return: 0; -EINVAL: the token is no good; negative errno.
 */
int server_new(uv_loop_t *loop, int fd, struct source *source, const char *token,
	       struct server **server);
/* NULL is fine. Its memory goes when the loop has let go. */
void server_free(struct server *server);

#endif
