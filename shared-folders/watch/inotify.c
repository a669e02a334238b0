/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch by inotify(7): one watch a directory. A rename comes as two events with one cookie, one
 * after the other where both directories are watched; the first is held until the second is there.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "shared-folders/watch/internal.h"

#define MASK                                                                                       \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_ATTRIB |             \
	 IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ONLYDIR)

static int inotify_open(void)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static int inotify_add(int fd, int proc, int directory, struct watch_key *key)
{
	char path[32];
	int wd;

	(void)proc;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", directory);
	wd = inotify_add_watch(fd, path, MASK);
	if (wd < 0)
		return -errno;
	key->length = sizeof(wd);
	memcpy(key->bytes, &wd, sizeof(wd));
	return 0;
}

static void inotify_remove(int fd, int proc, int directory, const uint8_t *key, size_t length)
{
	int wd;

	(void)proc;
	(void)directory;
	(void)length;
	memcpy(&wd, key, sizeof(wd));
	inotify_rm_watch(fd, wd);
}

static void inotify_clear(struct watch *watch)
{
	for (const struct watch_entry *entry = watch->first; entry; entry = entry->next)
		inotify_remove(watch->fd, watch->proc, -EBADF, entry->key, entry->length);
}

static int inotify_flush(struct watch *watch, watch_emit *emit, void *owner)
{
	struct watch_half *half = &watch->half;

	if (!half->held)
		return 0;
	half->held = false;
	emit(owner, &(struct watch_event){.what = WATCH_DELETED,
					  .is_dir = half->is_dir,
					  .directory = half->directory,
					  .name = half->name});
	return 1;
}

static unsigned int what_of(uint32_t mask)
{
	return (mask & (IN_CREATE | IN_MOVED_TO) ? WATCH_CREATED : 0U) |
	       (mask & IN_DELETE ? WATCH_DELETED : 0U) | (mask & IN_MODIFY ? WATCH_MODIFIED : 0U) |
	       (mask & IN_ATTRIB ? WATCH_ATTRIBUTES : 0U) |
	       (mask & IN_CLOSE_WRITE ? WATCH_WRITTEN : 0U) |
	       (mask & (IN_IGNORED | IN_DELETE_SELF | IN_UNMOUNT) ? WATCH_GONE : 0U);
}

static int one(struct watch *watch, const struct inotify_event *raw, const char *name,
	       watch_emit *emit, void *owner)
{
	struct watch_half *half = &watch->half;
	struct watch_event event = {
		.what = what_of(raw->mask), .is_dir = raw->mask & IN_ISDIR, .name = name};

	if (raw->mask & IN_Q_OVERFLOW) {
		int flushed = inotify_flush(watch, emit, owner);

		emit(owner, &(struct watch_event){.what = WATCH_LOST});
		return flushed + 1;
	}
	event.directory = watch_find_key(watch, &raw->wd, sizeof(raw->wd));
	if (half->held && raw->mask & IN_MOVED_TO && raw->cookie == half->cookie &&
	    event.directory) {
		event.what = WATCH_RENAMED;
		event.to_directory = event.directory;
		event.to_name = name;
		event.directory = half->directory;
		event.name = half->name;
		half->held = false;
		emit(owner, &event);
		return 1;
	}

	int flushed = inotify_flush(watch, emit, owner);

	if (!event.directory)
		return flushed;
	if (raw->mask & IN_MOVED_FROM && name) {
		half->held = true;
		half->is_dir = event.is_dir;
		half->cookie = raw->cookie;
		half->directory = event.directory;
		snprintf(half->name, sizeof(half->name), "%s", name);
		return flushed;
	}
	if (event.what & WATCH_GONE) {
		if (raw->mask & IN_IGNORED)
			watch_remove_key(watch, &raw->wd, sizeof(raw->wd));
		else
			event.what = 0; /* IGNORED follows */
	}
	if (!event.what)
		return flushed;
	emit(owner, &event);
	return flushed + 1;
}

static int inotify_parse(struct watch *watch, const uint8_t *bytes, size_t length, watch_emit *emit,
			 void *owner)
{
	int count = 0;

	while (length >= sizeof(struct inotify_event)) {
		struct inotify_event raw;
		const char *name = (const char *)bytes + sizeof(raw);

		memcpy(&raw, bytes, sizeof(raw));
		if (raw.len > length - sizeof(raw))
			break;
		if (raw.len == 0 || strnlen(name, raw.len) == raw.len)
			name = NULL;
		count += one(watch, &raw, name, emit, owner);
		bytes += sizeof(raw) + raw.len;
		length -= sizeof(raw) + raw.len;
	}
	return count;
}

const struct watch_driver watch_inotify = {
	.method = WATCH_INOTIFY,
	.open = inotify_open,
	.add = inotify_add,
	.remove = inotify_remove,
	.clear = inotify_clear,
	.parse = inotify_parse,
	.flush = inotify_flush,
};
