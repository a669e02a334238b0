/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * source - lodged, of which lodge-web has a socket: questions and whole answers
 * (host/statistics/channel.h)
 */
#ifndef LODGE_WEB_SOURCE_H
#define LODGE_WEB_SOURCE_H

#include "protocol/session.h"

#include <uv.h>

struct source;

/* Slices live during the call only. */
struct source_answer {
	int error;	    /* 0; negative errno: lodged's, -EFBIG, -ECONNRESET */
	struct slice text;  /* of an error: lodged's words */
	struct slice reply; /* error 0: the encoded map */
	struct slice data;  /* and the bytes that came before it */
};

typedef void (*source_done)(void *owner, const struct source_answer *answer);

/**
 * source_new() - speak to lodged
 * @fd:		becomes the source's, also on failure
 * @gone:	lodged is no more; free the source later
 *
 * Return: 0 or negative errno.
 */
int source_new(uv_loop_t *loop, int fd, void (*gone)(void *owner), void *owner,
	       struct source **source);
/* What is under way is answered with -ECONNRESET. NULL is fine. */
void source_free(struct source *source);

/* true: it can be asked. */
bool source_is_ready(const struct source *source);

/**
 * source_ask() - have @done called, later, once
 * @max_bytes:	of data
 *
 * Return: 0; -ENOTCONN; -EMFILE: many questions are under way; -ENOMEM.
 */
int source_ask(struct source *source, const char *method, struct slice params, size_t max_bytes,
	       source_done done, void *owner);

#endif
