/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch by fanotify(7): marks on the inodes of directories, events with the directory's file handle
 * and the name (FAN_REPORT_DFID_NAME). In this form it needs no privilege; then the process sees of
 * an event only whether it was its own. FAN_RENAME (Linux 5.17) says both names at once.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "shared-folders/watch/internal.h"

#define MASK                                                                                       \
	(FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE |        \
	 FAN_DELETE_SELF | FAN_ONDIR | FAN_EVENT_ON_CHILD)

static int fanotify_open(void)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME,
			       O_RDONLY);

	if (fd >= 0)
		return fd;
	/* Kernels before 5.13 want privileges; older still know no such flags. */
	return errno == EMFILE || errno == ENOMEM ? -errno : -EOPNOTSUPP;
}

static bool append(struct watch_key *key, const void *bytes, size_t length)
{
	if (length > sizeof(key->bytes) - key->length)
		return false;
	memcpy(key->bytes + key->length, bytes, length);
	key->length += (uint32_t)length;
	return true;
}

/* As fanotify writes it: fsid, then the handle's type and bytes. */
static bool make_key(struct watch_key *key, const void *fsid, int type, const void *handle,
		     size_t length)
{
	key->length = 0;
	return append(key, fsid, 8) && append(key, &type, sizeof(type)) &&
	       append(key, handle, length);
}

static int key_of(int directory, struct watch_key *key)
{
	union {
		struct file_handle handle;
		uint8_t bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} buffer;
	struct statfs fs;
	int mount_id;

	memset(&buffer, 0, sizeof(buffer));
	buffer.handle.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(directory, "", &buffer.handle, &mount_id, AT_EMPTY_PATH) < 0 ||
	    fstatfs(directory, &fs) < 0)
		return -errno;
	_Static_assert(sizeof(fs.f_fsid) == 8, "fsid");
	return make_key(key, &fs.f_fsid, buffer.handle.handle_type, buffer.handle.f_handle,
			buffer.handle.handle_bytes)
		       ? 0
		       : -EOVERFLOW;
}

static int mark(int fd, unsigned int flags, int proc, int directory)
{
	char path[16];

	snprintf(path, sizeof(path), "%d", directory);
	return fanotify_mark(fd, flags | FAN_MARK_ONLYDIR, MASK, proc, path) < 0 ? -errno : 0;
}

static int fanotify_add(int fd, int proc, int directory, struct watch_key *key)
{
	int ret = key_of(directory, key);

	return ret < 0 ? ret : mark(fd, FAN_MARK_ADD, proc, directory);
}

static void fanotify_remove(int fd, int proc, int directory, const uint8_t *key, size_t length)
{
	(void)key;
	(void)length;
	/* Without it the mark goes when the directory does, and its events find nobody. */
	if (directory >= 0)
		mark(fd, FAN_MARK_REMOVE, proc, directory);
}

static void fanotify_clear(struct watch *watch)
{
	fanotify_mark(watch->fd, FAN_MARK_FLUSH, 0, AT_FDCWD, "/");
}

/* A directory by its handle, and a name in it, from an event's record. */
struct place {
	struct watch_key key;
	uint64_t node;
	const char *name; /* NULL: the directory itself */
};

/* @record: a fanotify_event_info_fid with @length bytes in all. */
static void read_place(struct watch *watch, const uint8_t *record, size_t length,
		       struct place *place)
{
	struct fanotify_event_info_fid info;
	struct file_handle handle;
	const char *name;

	*place = (struct place){0};
	if (length < sizeof(info) + sizeof(handle))
		return;
	memcpy(&info, record, sizeof(info));
	memcpy(&handle, record + sizeof(info), sizeof(handle));
	record += sizeof(info) + sizeof(handle);
	length -= sizeof(info) + sizeof(handle);
	if (handle.handle_bytes > length ||
	    !make_key(&place->key, &info.fsid, handle.handle_type, record, handle.handle_bytes))
		return;
	place->node = watch_find_key(watch, place->key.bytes, place->key.length);
	name = (const char *)record + handle.handle_bytes;
	length -= handle.handle_bytes;
	if (length && strnlen(name, length) < length && strcmp(name, ".") != 0)
		place->name = name;
}

static unsigned int what_of(uint64_t mask)
{
	return (mask & FAN_CREATE ? WATCH_CREATED : 0U) | (mask & FAN_DELETE ? WATCH_DELETED : 0U) |
	       (mask & FAN_MODIFY ? WATCH_MODIFIED : 0U) |
	       (mask & FAN_ATTRIB ? WATCH_ATTRIBUTES : 0U) |
	       (mask & FAN_CLOSE_WRITE ? WATCH_WRITTEN : 0U) |
	       (mask & FAN_DELETE_SELF ? WATCH_GONE : 0U);
}

static int one(struct watch *watch, const struct fanotify_event_metadata *raw,
	       const uint8_t *records, size_t length, watch_emit *emit, void *owner)
{
	struct watch_event event = {.is_dir = raw->mask & FAN_ONDIR, .own = raw->pid == getpid()};
	struct place from = {0}, to = {0};

	if (raw->mask & FAN_Q_OVERFLOW) {
		emit(owner, &(struct watch_event){.what = WATCH_LOST});
		return 1;
	}
	while (length >= sizeof(struct fanotify_event_info_header)) {
		struct fanotify_event_info_header header;

		memcpy(&header, records, sizeof(header));
		if (header.len < sizeof(header) || header.len > length)
			break;
		read_place(watch, records, header.len,
			   header.info_type == FAN_EVENT_INFO_TYPE_NEW_DFID_NAME ? &to : &from);
		records += header.len;
		length -= header.len;
	}
	event.what = what_of(raw->mask);
	if (raw->mask & FAN_RENAME) {
		event.what = !to.node ? WATCH_DELETED : !from.node ? WATCH_CREATED : WATCH_RENAMED;
		if (event.what == WATCH_CREATED)
			from = to;
	}
	event.directory = from.node;
	event.name = from.name;
	if (event.what == WATCH_RENAMED) {
		event.to_directory = to.node;
		event.to_name = to.name;
	}
	if (!event.directory || !event.what)
		return 0;
	if (event.what & WATCH_GONE)
		watch_remove_key(watch, from.key.bytes, from.key.length);
	emit(owner, &event);
	return 1;
}

static int fanotify_parse(struct watch *watch, const uint8_t *bytes, size_t length,
			  watch_emit *emit, void *owner)
{
	struct fanotify_event_metadata raw;
	int count = 0;

	while (length >= sizeof(raw)) {
		memcpy(&raw, bytes, sizeof(raw));
		if (raw.vers != FANOTIFY_METADATA_VERSION || raw.event_len > length ||
		    raw.metadata_len < sizeof(raw) || raw.metadata_len > raw.event_len)
			break;
		if (raw.fd >= 0)
			close(raw.fd);
		count += one(watch, &raw, bytes + raw.metadata_len,
			     raw.event_len - raw.metadata_len, emit, owner);
		bytes += raw.event_len;
		length -= raw.event_len;
	}
	return count;
}

static int fanotify_flush(struct watch *watch, watch_emit *emit, void *owner)
{
	(void)watch;
	(void)emit;
	(void)owner;
	return 0;
}

const struct watch_driver watch_fanotify = {
	.method = WATCH_FANOTIFY,
	.open = fanotify_open,
	.add = fanotify_add,
	.remove = fanotify_remove,
	.clear = fanotify_clear,
	.parse = fanotify_parse,
	.flush = fanotify_flush,
};
