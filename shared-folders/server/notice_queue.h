/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notice_queue - what the peer's kernel has yet to be told to forget
 *
 * A queue in which equal notices are one, with a limit: beyond it, the rest become one, that the
 * peer forgets everything (`all`). So nothing is lost, however much happens. For one thread.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_NOTICE_QUEUE_H
#define LODGE_SHARED_FOLDERS_SERVER_NOTICE_QUEUE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTICE_QUEUE_MAX 4096

enum notice_kind {
	NOTICE_NAME,	   /* what a name stands for */
	NOTICE_ATTRIBUTES, /* of a file or folder */
	NOTICE_DATA,	   /* its contents, and its attributes */
};

struct notice {
	struct notice *next, *next_in_bucket;
	enum notice_kind kind;
	uint64_t node; /* NAME: the folder */
	size_t length; /* of the name */
	char name[];   /* ended by a zero byte; empty unless NAME */
};

struct notice_queue {
	struct notice *first, **last;
	size_t count;
	bool all; /* more were to be added than there is room for, since this was false */
	struct notice *buckets[1024];
};

void notice_queue_init(struct notice_queue *notices);
/* The queue is empty again, and not `all`. */
void notice_queue_clear(struct notice_queue *notices);

/* @name: NULL unless NAME. Nothing, once it is `all`. */
void notice_queue_add(struct notice_queue *notices, enum notice_kind kind, uint64_t node,
		      const char *name);

/* The first one was told. */
void notice_queue_drop_first(struct notice_queue *notices);

#endif
