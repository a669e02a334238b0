/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pair - two sessions and the pipes between them, for tests
 *
 * Each pipe is a byte array that the test moves along as it likes: all at once, byte by byte, or
 * not at all. An end can be restarted, as when its process dies: its session is replaced, and what
 * is in the pipes stays.
 */
#ifndef LODGE_TESTS_PAIR_H
#define LODGE_TESTS_PAIR_H

#include "protocol/session.h"

#define PIPE_CAPACITY (8 * 1024 * 1024)

struct end {
	struct session *session;
	enum session_role role;
	unsigned int established, lost, events, pongs, closed, requests;
	int last_lost, last_error;
	uint64_t last_pong;
	uint8_t *pipe; /* bytes for the other end */
	size_t length;
	struct stream *asked; /* the latest request of the other end */
	char method[64];      /* of it */
	size_t received[3];   /* DATA bytes */
	uint8_t *data;	      /* of channel 1, kept if not NULL */
	bool ended[3], cancelled;
	bool keep_credit; /* do not consume what arrives */
	size_t credited;
};

struct pair {
	struct end host, guest;
};

void pair_new(struct pair *pair);
void pair_free(struct pair *pair);
/* The process behind @end dies and is started again. */
void pair_restart(struct end *end);
/* What @end has to say goes into its pipe. */
void pair_collect(struct end *end);
/* The first @length bytes of @from's pipe reach @to. */
int pair_deliver(struct end *from, struct end *to, size_t length);
/* Everything goes both ways until there is silence; at most so many rounds (asserted). */
void pair_settle(struct pair *pair);
/* Handlers that count into the end whose stream it is. */
extern const struct stream_handlers pair_stream_handlers;

#endif
