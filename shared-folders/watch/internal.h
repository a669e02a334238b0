/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of watch: directories by the key under which the kernel speaks of them, and what a method
 * has to do.
 */
#ifndef LODGE_SHARED_FOLDERS_WATCH_INTERNAL_H
#define LODGE_SHARED_FOLDERS_WATCH_INTERNAL_H

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/types.h>

#include "shared-folders/watch/watch.h"

/* fanotify: fsid, type and file handle; inotify: the watch descriptor. */
#define WATCH_KEY_MAX (16 + MAX_HANDLE_SZ)

struct watch_key {
	uint32_t length;
	uint8_t bytes[WATCH_KEY_MAX];
};

typedef void watch_emit(void *owner, const struct watch_event *event);

struct watch_driver {
	enum watch_method method;
	/* Return: a descriptor to poll, or negative errno. */
	int (*open)(void);
	/* Watch a directory; sets its key. */
	int (*add)(int fd, int proc, int directory, struct watch_key *key);
	/* Of @key, which is @directory if that is not negative. */
	void (*remove)(int fd, int proc, int directory, const uint8_t *key, size_t length);
	/* All directories. */
	void (*clear)(struct watch *watch);
	/* Take what read() returned apart, and emit it. */
	int (*parse)(struct watch *watch, const uint8_t *bytes, size_t length, watch_emit *emit,
		     void *owner);
	/* Nothing more came for a while: emit what was held back. */
	int (*flush)(struct watch *watch, watch_emit *emit, void *owner);
};

extern const struct watch_driver watch_fanotify;
extern const struct watch_driver watch_inotify;

/* The first half of an inotify rename, until the other is there. */
struct watch_half {
	bool held;
	bool is_dir;
	uint32_t cookie;
	uint64_t directory;
	char name[NAME_MAX + 1];
};

struct watch_entry {
	struct watch_entry *next_node, *next_key; /* of the bucket */
	struct watch_entry *next, *previous;
	uint64_t node;
	uint32_t length;
	uint8_t key[];
};

struct watch {
	const struct watch_driver *driver;
	int fd, proc;
	size_t limit;

	pthread_mutex_t lock; /* of the table */
	size_t count, bucket_count;
	struct watch_entry **by_node, **by_key;
	struct watch_entry *first; /* of all */

	/* The reading thread's. */
	struct watch_half half;
	_Alignas(8) uint8_t buffer[64 << 10];
};

/* The node of the directory with this key, or 0. Takes the lock. */
uint64_t watch_find_key(struct watch *watch, const void *key, size_t length);
/* The kernel watches it no longer. Takes the lock. */
void watch_remove_key(struct watch *watch, const void *key, size_t length);

#endif
