/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * operation - a file.* request under way
 *
 * Every step that touches a file system runs on a thread (work.h); between steps the operation is
 * on the loop. The request may go away at any moment (cancel, connection lost): then `stream` is
 * NULL, a step under way is waited for, and the operation ends by its `release`.
 */
#ifndef LODGE_AGENT_FILE_OPERATION_H
#define LODGE_AGENT_FILE_OPERATION_H

#include "guest-agent/agent/work.h"
#include "protocol/message.h"
#include "protocol/session.h"

#include <stdbool.h>
#include <sys/stat.h>

struct operation;

struct operation_kind {
	const char *verb; /* for errors: "cannot VERB PATH: reason" */
	/* On a thread: one step. Sets operation->error on failure. */
	void (*step)(struct operation *operation);
	/* On the loop: after a step that did not fail. Starts another, or replies. */
	void (*stepped)(struct operation *operation);
	/* On the loop: the request has gone while a step is under way, which should end soon. NULL:
	 * it ends when it ends. */
	void (*interrupt)(struct operation *operation);
	/* On a thread: undo what is unfinished, close what is open. NULL: nothing to do. */
	void (*cleanup)(struct operation *operation);
	/* On the loop: free what the operation points to, not the operation. NULL: nothing. */
	void (*release)(struct operation *operation);
	/* For a stream with DATA; may be NULL. */
	void (*data)(struct operation *operation, struct slice bytes);
	void (*end)(struct operation *operation);
	void (*credit)(struct operation *operation);
};

/* First member of each operation's struct. */
struct operation {
	struct work work;
	const struct operation_kind *kind;
	struct workers *workers;
	struct stream *stream; /* NULL: the requester is no longer interested */
	char *path;
	int error; /* negative errno of the last step */
	bool working;
	bool cleaning;
};

/**
 * operation_new() - take up a request
 * @size:	of the operation's whole struct, zeroed
 * @path:	of the request: must be absolute
 *
 * Return: the operation, which now answers @stream; NULL: @stream was failed.
 */
void *operation_new(size_t size, const struct operation_kind *kind, struct workers *workers,
		    struct stream *stream, struct slice path);

/* Run the next step; nothing may be under way. */
void operation_step(struct operation *operation);

/* Answer, then clean up and free. Nothing may be under way. */
void operation_reply(struct operation *operation, const struct message_type *type,
		     const void *message);
void operation_fail(struct operation *operation, int error);

/* The same, while a step may be under way. */
void operation_abandon(struct operation *operation, int error);

/* What stat(2) says, as the wire has it; name and target are left alone. */
void file_stat_fill(struct file_stat *message, const struct stat *st);

#endif
