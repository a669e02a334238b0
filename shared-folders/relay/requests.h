/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * requests - a kernel's requests on their way to a server
 *
 * Each gets a number, in the order in which it was read and is sent. It is kept, with its bytes,
 * until it is answered; one that has no answer, until a later one is, for then the server has it.
 * Of those a bounded amount is kept: the oldest are dropped, which costs the server a little memory
 * if the stream is lost just then.
 */
#ifndef LODGE_SHARED_FOLDERS_REQUESTS_H
#define LODGE_SHARED_FOLDERS_REQUESTS_H

#include "protocol/cbor.h"
#include "shared-folders/fuse/check_reply.h"

#include <stdbool.h>

struct request {
	struct fuse_expectation expectation;
	bool is_silent;	  /* has no reply */
	bool is_answered; /* by us: what the server says is for nobody */
	bool is_ours;	  /* the kernel knows nothing of it */
	bool is_change;	  /* it may change something (known.h) */
	uint64_t turn;	  /* known_asked()'s */
	uint8_t *bytes;
	size_t length;
	uint64_t number;
	struct request *next, *previous; /* in order */
	struct request *next_silent;
	struct request *next_same; /* of those with the same hash */
};

#define REQUESTS_BUCKETS 1024

struct requests {
	struct request *first, *last;
	struct request *silent, **last_silent;
	struct request *buckets[REQUESTS_BUCKETS];
	struct request *unsent;	 /* the next to be sent; NULL: all are */
	size_t unsent_offset;	 /* so much of it is */
	uint64_t count;		 /* numbers given */
	uint64_t sent;		 /* the last number that was sent, in whole */
	size_t held, held_bytes; /* requests with an answer to come, and bytes of all */
	size_t silent_bytes;
	size_t changing; /* of those held, the ones that may change something */
};

void requests_init(struct requests *requests);
/* All are forgotten, and numbers start again. */
void requests_clear(struct requests *requests);

/**
 * requests_add() - one more, to be sent
 * @bytes:	a whole FUSE request; becomes the requests', also on failure
 *
 * Return: 0; -ENOMEM.
 */
int requests_add(struct requests *requests, uint8_t *bytes, size_t length, bool is_ours);
/* The one added last. */
struct request *requests_last(const struct requests *requests);

/* The one with that unique that waits for an answer; NULL: there is none. */
struct request *requests_find(const struct requests *requests, uint64_t unique);

/* It is answered. */
void requests_remove(struct requests *requests, struct request *request);

/* Bytes to be sent, without an end of message inside; empty: there are none. */
struct slice requests_output(const struct requests *requests);
void requests_sent(struct requests *requests, size_t length);

/**
 * requests_resume() - the server has the first @received of them: send the others
 *
 * Return: false: that cannot be.
 */
bool requests_resume(struct requests *requests, uint64_t received);

#endif
