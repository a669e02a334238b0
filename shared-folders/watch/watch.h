/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch - what changes in some directories, whoever does it
 *
 * The server names the directories whose contents its peer may believe, by a number of its own
 * ("node") and a descriptor; events come out with these numbers. There are two ways to it:
 *
 *   fanotify(7), marks on inodes (Linux 5.17). Needs no privilege in this form, and says which
 *	events this process made itself, so that a peer is not told of what it did.
 *   inotify(7), where the kernel or the file system has not got the other.
 *
 * What neither sees: writes through a mapping, until the file is closed; changes by another
 * machine on a network file system; writes to a file through a name in a directory that is not
 * watched. The server lets nothing be believed for long where the last two may be (coherence.h).
 *
 * watch_directory() and watch_forget() may be called from any thread, watch_read() from one.
 */
#ifndef LODGE_SHARED_FOLDERS_WATCH_H
#define LODGE_SHARED_FOLDERS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watch;

enum watch_method {
	WATCH_BEST, /* fanotify where it works for the root, else inotify */
	WATCH_FANOTIFY,
	WATCH_INOTIFY,
};

/* What happened; more than one at once where the kernel merged them: the order is not known then,
 * except that RENAMED comes alone. */
enum watch_what {
	WATCH_CREATED = 1 << 0,	   /* or moved here from where nobody watches */
	WATCH_DELETED = 1 << 1,	   /* or moved from here to where nobody watches */
	WATCH_RENAMED = 1 << 2,	   /* within the watched directories */
	WATCH_MODIFIED = 1 << 3,   /* contents */
	WATCH_ATTRIBUTES = 1 << 4, /* mode, owner, times, links, xattrs */
	WATCH_WRITTEN = 1 << 5,	   /* closed by somebody who could write */
	WATCH_GONE = 1 << 6,	   /* the directory is no more: it is not watched any longer */
	WATCH_LOST = 1 << 7,	   /* too much happened: anything, anywhere; no directory */
};

struct watch_event {
	unsigned int what; /* WATCH_* */
	bool is_dir;	   /* what @name is; not known (false) where it went away */
	bool own;	   /* this process did it, for sure; never set by inotify */
	uint64_t directory;
	const char *name;      /* NULL: the directory itself */
	uint64_t to_directory; /* RENAMED */
	const char *to_name;
};

/**
 * watch_new() - begin, with no directory
 * @method:	how
 * @root:	a directory of the file system, to try it on (O_PATH will do); not kept
 * @proc:	descriptor of /proc/self/fd, by which descriptors are named; stays the caller's,
 *		outlives the watch. inotify cannot do with it alone: it needs /proc itself.
 * @limit:	the most directories at a time
 * @watch:	set on success
 *
 * Return: 0; negative errno: -EOPNOTSUPP if the kernel or the file system has not got the method,
 * -EMFILE if the user has too many instances.
 */
int watch_new(enum watch_method method, int root, int proc, size_t limit, struct watch **watch);
void watch_free(struct watch *watch);

enum watch_method watch_method(const struct watch *watch);

/* Readable when there is something to watch_read(). */
int watch_descriptor(const struct watch *watch);

/**
 * watch_directory() - events of a directory and of what is in it, from now on
 * @node:	not 0; again with a node that is watched: nothing happens
 * @fd:		the directory (O_PATH will do); not kept
 *
 * Return: 1 if it is watched now, 0 if it was; -ENOSPC if there are as many as may be,
 * here or in the kernel; -EEXIST if the directory is watched under another node; ...
 */
int watch_directory(struct watch *watch, uint64_t node, int fd);

/* No events of it any more. @fd: the directory, as fanotify needs it; negative if it cannot be
 * had. */
void watch_forget(struct watch *watch, uint64_t node, int fd);

bool watch_has(struct watch *watch, uint64_t node);

/* No events of any directory any more. */
void watch_forget_all(struct watch *watch);

/* How many directories are watched. */
size_t watch_count(struct watch *watch);

/**
 * watch_read() - all events that there are, in their order
 * @event:	called for each; its strings are good until it returns; may call watch_directory()
 *		and watch_forget()
 *
 * Waits for a few milliseconds where half of a rename has been read.
 *
 * Return: how many there were; negative errno if the descriptor cannot be read.
 */
int watch_read(struct watch *watch, void (*event)(void *owner, const struct watch_event *event),
	       void *owner);

#endif
