/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coherence - what the peer believes is so
 *
 * With cache=auto the peer believes what it has seen of a folder for long only while the folder is
 * watched (shared-folders/watch), and it was watched before it was read. A thread takes what the
 * watch finds and tells the peer's kernel what to forget: first the name (its kernel takes the
 * folder's lock for that, and so waits for lookups that are under way with older answers), then the
 * file. Then, where there is an echo (echo.h), what happened.
 *
 * What the server did itself for the peer is not told: fanotify says whose a change is. Where
 * inotify has to do, or the process has several servers, own changes are remembered (own.h), and
 * told a little later all the same, but not echoed, since somebody else may have changed the same.
 *
 * Nothing is lost: while the peer cannot be told, it is given nothing to believe, and notices
 * are kept, merged; where they are too many, the kernel lost events, or the marks of forgotten
 * folders cannot be taken back, the peer is told to forget all that it knows.
 *
 * Not seen, and so believed for a second only: files with several names; folders beyond
 * WATCH_LIMIT. Not seen at all: writes through a mapping until the file is closed.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_COHERENCE_H
#define LODGE_SHARED_FOLDERS_SERVER_COHERENCE_H

#include "shared-folders/server/internal.h"

struct change;

/* Folders watched at once: each is an inode that the kernel keeps in memory. */
#define COHERENCE_WATCH_LIMIT 32768

/* How long the peer believes what it is told changes of; not for ever, since a few are not seen. */
#define TOLD_SECONDS 60
/* With `looks`, whose looker may die and leave what was believed behind. */
#define LOOKED_SECONDS 10
/* For so long what the last looker asks for changes nothing, even if it is not attached any more:
 * it may still have something to act out. Not for ever, since pids come again. */
#define LOOKER_KEPT_MS (10 * 60 * 1000)

/* A session begins. Where the folder cannot be watched, or nobody listens, the server is not
 * coherent, and the rest of this does nothing. */
void coherence_begin(struct server *server);
/* It ends: nothing more is to be told. */
void coherence_end(struct server *server);
/* With the server. */
void coherence_free(struct server *server);

/* What is read of the folder from now on may be believed, if it can be watched.
 * @descriptor: of it */
void coherence_watch(struct server *server, struct inode *folder, int descriptor);
/* The folder @node is not known any more. @descriptor: of it, or negative */
void coherence_forget(struct server *server, uint64_t node, int descriptor);

/* The peer is to be told that there is no @name in the folder, for @seconds; or believes in it
 * though there is none. Return: whether it is remembered, and may be believed. */
bool coherence_absent(struct server *server, uint64_t folder, const char *name, uint64_t seconds);

/* Around an operation of the peer that changes something. */
void coherence_note(struct task *task);

/* The process @pid of the peer is its echo (0: nobody is), and is done with changes up to @id. */
void coherence_set_echo(struct server *server, uint32_t pid, uint64_t id);
/* Whether it is this one. */
bool coherence_is_echo(struct server *server, uint32_t pid);
/* The echo is about to move something to this name: its kernel takes what it had under the old name
 * along, which may be another file by now, and is to look again. Return: false: there is no room.
 */
bool coherence_acted(struct server *server, uint64_t folder, const char *name);
struct changes *coherence_changes(struct server *server);

uint64_t coherence_now_ms(void);

#endif
