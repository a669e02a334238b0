/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share_session_internal - what the parts of a share_session have in common; nobody else includes
 * this
 *
 * share_session.c (its life) stands on session_requests.c (what the peer asks for, and who carries
 * it out), session_ahead.c (what it will ask next) and session_messages.c (what it is told, and
 * what is kept until it has it).
 */
#ifndef LODGE_SHARED_FOLDERS_SHARE_SESSION_INTERNAL_H
#define LODGE_SHARED_FOLDERS_SHARE_SESSION_INTERNAL_H

#include "shared-folders/stream/share_session.h"

#include <pthread.h>

/* A message on its way to the peer. */
struct outgoing {
	struct outgoing *next;
	uint8_t *bytes;
	size_t length; /* 0: there is none */
	struct job *job;
	bool is_notification;
};

struct list {
	struct outgoing *first, **last;
};

struct job {
	struct pool_work work;
	struct server_call call;
	struct iovec in, out;
	struct share_session *session;
	struct outgoing reply;
	struct job *next;
	uint8_t *request;
	size_t cost; /* bytes held */
};

struct share_session {
	uint8_t id[SHARE_SESSION_SIZE];
	struct pool *pool;
	void (*wake)(void *owner);
	void *owner;
	struct server *server;
	struct pool_work free_server;
	bool freeing;

	uint64_t (*now_ns)(void);
	pthread_t loop;
	bool ahead;	       /* the peer wants to be told what it asks next */
	bool in_line;	       /* the loop's thread is inside server_call() */
	unsigned int distrust; /* so many requests are not for the loop's thread */
	struct job *waiting, **last_waiting;
	size_t wait_count;
	uint64_t received;
	size_t held_bytes, under_way;

	struct list kept;	/* not acknowledged; the first has number acknowledged + 1 */
	struct outgoing *next;	/* of these the one to be sent */
	size_t next_offset;	/* so much of it has been */
	uint64_t acknowledged;	/* messages the peer has */
	uint64_t sent;		/* messages sent, the last one perhaps in part */
	uint64_t notes_sent;	/* notifications among all that was ever made a message */
	uint64_t notes_carried; /* by the peer */

	pthread_mutex_t mutex; /* guards what follows */
	struct list done;
	size_t in_call; /* threads inside server_call() */
	size_t notes;	/* notifications that the peer has not carried out */
	bool freed;	/* the server */
	bool ending;	/* set by the loop's thread, which reads it without */
};

static inline void list_init(struct list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static inline void list_append(struct list *list, struct outgoing *outgoing)
{
	outgoing->next = NULL;
	*list->last = outgoing;
	list->last = &outgoing->next;
}

static inline struct outgoing *list_take_first(struct list *list)
{
	struct outgoing *first = list->first;

	if (!first)
		return NULL;
	list->first = first->next;
	if (!list->first)
		list->last = &list->first;
	return first;
}

/* --- session_requests.c ---------------------------------------------------------------------- */

/* What waits, as far as there is room. */
void session_begin_waiting(struct share_session *session);
void session_free_waiting(struct share_session *session);
void session_free_job(struct job *job);

/* --- session_ahead.c ------------------------------------------------------------------------- */

/* After @job was served in line: what the peer asks next. */
void session_look_ahead(struct share_session *session, const struct job *job);

/* --- session_messages.c ---------------------------------------------------------------------- */

/* What is done becomes messages. */
void session_take_done(struct share_session *session);
void session_free_kept(struct share_session *session);

#endif
