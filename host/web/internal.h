/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* internal - what the files of the server share */
#ifndef LODGE_WEB_INTERNAL_H
#define LODGE_WEB_INTERNAL_H

#include "host/http/access.h"
#include "host/web/history.h"
#include "host/web/server.h"

#include <microhttpd.h>

/* A picture of a large desktop that shows noise. */
#define PICTURE_MAX_BYTES (48U << 20)

struct answer {
	unsigned int status;
	const char *type, *more_name, *more; /* a further header; NULL: none */
	const void *body;
	size_t length;
	bool allocated; /* the body is freed with the answer */
};

enum request_state {
	REQUEST_NEW,
	REQUEST_WAITS,
	REQUEST_ANSWERED, /* `answer` is to go out */
};

enum request_wants {
	WANTS_NOTHING,
	WANTS_POINTS,
	WANTS_METRICS,
};

/* One request on its way. It lives until libmicrohttpd says that it is over, which it does not of
 * one that waits. */
struct request {
	struct server *server;
	struct request *next, *previous; /* of all there are */
	struct MHD_Connection *connection;
	enum request_state state;
	enum request_wants wants; /* what the next snapshot answers */
	uint64_t since;
	struct answer answer;
};

/* figures.c: what is known, and when it is asked for. */
struct figures_kept {
	struct history *history;
	uint8_t *snapshot; /* the last */
	size_t snapshot_length;
	uint64_t when_ms, looked_ms; /* of the loop's clock */
	uv_timer_t timer;	     /* runs while somebody looks */
	bool asking;
};

struct server {
	uv_loop_t *loop;
	struct source *source;
	struct access access;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timer; /* what libmicrohttpd waits for */
	struct request *requests;
	struct figures_kept kept;
	unsigned int closing;
	bool ending;
};

/* server.c */
/* The request waits: for request_finish(). */
void request_wait(struct request *request);
/* It is answered with request->answer, soon. */
void request_finish(struct request *request);
void request_refuse(struct request *request, unsigned int status, const char *text);

/* answers.c: sets the answer, or lets the request wait. */
void answers_find(struct request *request, const char *path, const char *method);

/* figures.c */
int figures_begin(struct server *server);
/* The timer is to be closed besides. */
void figures_end(struct server *server);
/* Answers, or lets the request wait for a snapshot. */
void figures_answer_points(struct request *request, uint64_t since);
void figures_answer_metrics(struct request *request);

#endif
