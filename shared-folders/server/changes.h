/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * changes - names that came, went or moved in the folder, and that the peer's echo has yet to act
 * out
 *
 * The peer was told of a change (SERVER_NOTIFY_CHANGE); its echo process now does the same to the
 * mount, so that its kernel raises the events. Nothing of that may reach the folder: what the
 * echo asks for is compared with the changes that are kept here, the oldest of a name first, and
 * each is used up by the one request that acts it out. Bounded in number and in time; what does not
 * fit costs an event and nothing else.
 *
 * No I/O, and a clock that is passed in. Has a lock of its own.
 */
#ifndef LODGE_SHARED_FOLDERS_SERVER_CHANGES_H
#define LODGE_SHARED_FOLDERS_SERVER_CHANGES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared-folders/server/server.h"

#define CHANGES_MAX	1024
#define CHANGES_KEEP_MS 10000

struct changes;

struct change {
	uint64_t id;		      /* changes_add() gives it one */
	enum server_change_kind kind; /* those of names (CREATE, DELETE, RENAME) are looked for */
	uint32_t type;		      /* S_IFMT bits */
	uint64_t directory;	      /* node id */
	uint64_t to_directory;	      /* RENAME */
	uint64_t node;		      /* of the file, if the peer knows it; else 0 */
	char name[NAME_MAX + 1];
	char to_name[NAME_MAX + 1]; /* RENAME */
};

/* What the echo is to see under a name. */
enum changes_view {
	CHANGES_AS_IT_IS, /* no change is about this name */
	CHANGES_ABSENT,	  /* not there yet */
	CHANGES_PRESENT,  /* still there */
};

/* Return: NULL if there is no memory. */
struct changes *changes_new(void);
void changes_free(struct changes *changes);

/* All are dropped: another echo, another session. */
void changes_clear(struct changes *changes);

/* Return: the change's id, never 0; 0: there are too many. */
uint64_t changes_add(struct changes *changes, const struct change *change, uint64_t now_ms);

/* The peer was not told of this one after all, the last that was added. */
void changes_withdraw(struct changes *changes, uint64_t id);

/* How many the echo has yet to act out. */
size_t changes_count(struct changes *changes, uint64_t now_ms);

/* The echo is done with all up to this one, or has given them up. */
void changes_finished(struct changes *changes, uint64_t id);

/* Return: what the name is to the echo; PRESENT: @change is filled in. */
enum changes_view changes_view(struct changes *changes, uint64_t directory, const char *name,
			       uint64_t now_ms, struct change *change);

/**
 * changes_take() - the echo acts a change out
 * @wanted:	what it does: kind, type, names and their directories; node is not looked at. A
 *		type of 0 stands for all but folders.
 * @change:	the change that it is
 *
 * Return: 0, and the change is used up; -EAGAIN: it is none, or not its turn.
 */
int changes_take(struct changes *changes, const struct change *wanted, uint64_t now_ms,
		 struct change *change);

#endif
