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

#include "protocol/frame.h"
#include "protocol/session.h"

#define PIPE_CAPACITY (8 * 1024 * 1024)

struct end {
	struct session *session;
	enum session_role role;
	unsigned int established, lost, events, pongs, closed, requests, wakes;
	int last_lost, last_error;
	uint64_t last_pong;
	uint8_t *pipe; /* PIPE_CAPACITY bytes for the other end, @length of them used */
	size_t length;
	struct stream *asked; /* the latest request of the other end */
	char method[64];      /* of it */
	size_t received[3];   /* DATA bytes */
	uint8_t *data;	      /* of channel 1, kept if not NULL */
	unsigned int messages;
	bool ended[3], cancelled;
	size_t credited;
	/* How it behaves. */
	bool keep_credit;    /* do not consume what arrives */
	bool eager;	     /* collect as soon as there is output, wherever that comes up */
	uint64_t next_epoch; /* the next random number, if not 0 */
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
/* Everything goes both ways until there is silence, which is soon (asserted). */
void pair_settle(struct pair *pair);
/* The host says HELLO, and all is well. */
void pair_establish(struct pair *pair);
/* The host asks for a method that the guest keeps open (pair->guest.asked). */
struct stream *pair_open_stream(struct pair *pair);
/* A conversation with everything in it: a request, DATA both ways, an event, a ping, a sync word in
 * the DATA. Nothing is delivered yet. */
void pair_converse(struct pair *pair);
/* Both ends agree, as a request and its reply prove. */
void pair_expect_works(struct pair *pair);
/* A frame that no session made reaches @to. Return: of session_receive(). */
int pair_forge(struct end *to, enum frame_type type, uint32_t stream, struct slice payload);
/* The same for a sync word and a HELLO of the other role. */
int pair_forge_hello(struct end *to, uint64_t epoch, uint64_t peer, unsigned int version);
/* Handlers that count into the end whose stream it is. */
extern const struct stream_handlers pair_stream_handlers;

#endif
