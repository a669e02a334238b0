/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of coherence: coherence.c has the folders that are watched and the thread,
 * coherence_event.c makes notices and echoes of what the watch finds, coherence_tell.c hands them
 * over.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_COHERENCE_INTERNAL_H
#define LODGE_SHARED_FOLDERS_SERVER_COHERENCE_INTERNAL_H

#include "shared-folders/server/absent.h"
#include "shared-folders/server/changes.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/notice_queue.h"
#include "shared-folders/server/own.h"
#include "shared-folders/watch/watch.h"

/* Echoes that wait; and those among them that are on their way. */
#define COHERENCE_ECHO_MAX    8192
#define COHERENCE_ECHO_WINDOW 256
/* Changes that may be the peer's own and are told later. */
#define COHERENCE_DOUBT_MAX 1024
#define COHERENCE_DOUBT_MS  100

/* A change for the echo. */
struct waiting_echo {
	struct waiting_echo *next;
	struct change change;
	size_t length; /* of both paths, with their zero bytes */
	char paths[];
};

/* An event to be looked at again. */
struct doubt {
	uint64_t due_ms;
	struct watch_event event; /* its names are the two below */
	char name[NAME_MAX + 1], to_name[NAME_MAX + 1];
};

struct coherence {
	struct server *server;
	struct watch *watch;
	struct changes *changes;
	struct absent *absent;
	struct absent *acted; /* names that the echo moved something to */
	struct own own;
	int wake;
	_Atomic(bool) ending, anew;
	_Atomic(bool) has_looker, look_anew; /* with `looks`; and it has changed */
	_Atomic(uint32_t) leaked;	     /* marks of folders that could not be taken back */
	pthread_t thread;

	/* The thread's. */
	struct notice_queue notices;
	bool forgetting; /* all inodes are gone through: */
	uint32_t all_at;
	bool has_untold; /* an absent name that was taken and could not be told: */
	uint64_t untold_folder;
	char untold[NAME_MAX + 1];
	struct waiting_echo *first_echo, **last_echo;
	size_t echo_count;
	struct doubt *doubts[COHERENCE_DOUBT_MAX];
	size_t first_doubt, doubt_count;
};

/* coherence_event.c: what watch_read() calls; and what is due of that. */
void coherence_event(void *owner, const struct watch_event *event);
void coherence_doubts(struct coherence *coherence, uint64_t now_ms);
/* Notices of what the echo did. */
void coherence_note_acted(struct coherence *coherence);
void coherence_drop_waiting(struct coherence *coherence);

/* Of a name in a folder that the peer knows. @path: PATH_MAX bytes. Return: its length with the
 * zero byte; 0: there is none. */
size_t coherence_path(struct server *server, uint64_t directory, const char *name, char *path);

/* coherence_tell.c: as much as can be told now. Return: whether something is left. */
bool coherence_tell(struct coherence *coherence);
/* Whether anybody is told: with `looks` there may be nobody. */
static inline bool coherence_has_listener(const struct coherence *coherence)
{
	return !coherence->server->options.looks || atomic_load(&coherence->has_looker);
}
/* The peer is to forget everything. */
void coherence_forget_all(struct coherence *coherence);

#endif
