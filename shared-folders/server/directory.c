/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in folders.
 *
 * The offset that the peer is given with each entry is the file system's own (d_off), so a listing
 * goes on where it was even after the handle has been read from elsewhere. Entries are read from
 * the kernel many at a time and kept for the next request.
 */
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/handle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define BUFFER_BYTES 16384

struct directory {
	pthread_mutex_t lock; /* of this folder's listing; held over reading it */
	int64_t offset;	      /* where the next entry is */
	size_t at, length;    /* in buffer */
	char buffer[BUFFER_BYTES] __attribute__((aligned(8)));
};

/* As getdents64(2) fills it in. */
struct entry {
	uint64_t number;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

void directory_free(struct directory *directory)
{
	if (!directory)
		return;
	pthread_mutex_destroy(&directory->lock);
	free(directory);
}

/* A handle for the listing of folder @node, at its beginning. Return: 0 or negative errno. */
static int make_listing(struct server *server, const struct node *node, int fd,
			struct handle **listing)
{
	struct directory *directory = malloc(sizeof(*directory));
	int r;

	if (!directory)
		return -ENOMEM;
	pthread_mutex_init(&directory->lock, NULL);
	directory->offset = 0;
	directory->at = directory->length = 0;
	r = handle_make(server, node->inode, fd, O_RDONLY, directory, listing);
	if (r < 0)
		directory_free(directory);
	return r;
}

static int new_listing(struct server *server, uint64_t id, struct handle **listing)
{
	_cleanup_node_ struct node node = NODE_NONE;
	_cleanup_close_ int fd = -EBADF;
	int r = node_begin_folder(&node, server, id);

	if (r < 0)
		return r;
	coherence_watch(server, node.inode, node.descriptor);
	fd = inode_open(server, node.inode, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	r = make_listing(server, &node, fd, listing);
	if (r == 0)
		take_fd(&fd);
	return r;
}

int opendir_op(struct task *task)
{
	struct server *server = task->server;
	struct handle *listing = NULL;
	uint32_t flags;
	uint64_t id;
	int r;

	/* It need not ask again: see list_unopened(). */
	if (atomic_load(&server->flags) & FUSE_NO_OPENDIR_SUPPORT)
		return -ENOSYS;
	r = new_listing(server, task->in.header.nodeid, &listing);
	if (r < 0)
		return r;
	handle_lists(server, listing);
	flags = server_folder_flags(server, listing->inode);
	r = handle_add(server, listing, &id);
	if (r < 0) {
		handle_put(server, listing);
		return r;
	}
	return server_put_open(task, id, task->in.header.nodeid, flags);
}

int releasedir_op(struct task *task)
{
	return handle_close(task->server, task->in.release.fh, task->in.header.nodeid);
}

/* Whether the peer means a folder that it has not opened. It may also be one that learnt from a
 * server before us that it need not: no handle is 0. */
static bool is_unopened(uint64_t handle)
{
	return handle == 0;
}

static int sync_folder(const struct task *task, int fd)
{
	bool data_only = task->in.fsync.fsync_flags & FUSE_FSYNC_FDATASYNC;

	return (data_only ? fdatasync(fd) : fsync(fd)) < 0 ? -errno : 0;
}

int fsyncdir_op(struct task *task)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	_cleanup_node_ struct node node = NODE_NONE;
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (!is_unopened(task->in.fsync.fh)) {
		r = handle_get(task->server, task->in.fsync.fh, task->in.header.nodeid,
			       &open.handle);
		return r < 0 ? r : sync_folder(task, open.handle->fd);
	}
	r = node_begin_folder(&node, task->server, task->in.header.nodeid);
	if (r < 0)
		return r;
	fd = inode_open(task->server, node.inode, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? fd : sync_folder(task, fd);
}

/* --- Listing --------------------------------------------------------------------------------- */

/* The entry at directory->offset. Return: NULL: there is none, or *@error is one. */
static const struct entry *next_entry(const struct handle *handle, int *error)
{
	struct directory *directory = handle->directory;

	*error = 0;
	if (directory->at >= directory->length) {
		long bytes = syscall(SYS_getdents64, handle->fd, directory->buffer, BUFFER_BYTES);

		directory->at = directory->length = 0;
		if (bytes <= 0) {
			*error = bytes < 0 ? -errno : 0;
			return NULL;
		}
		directory->length = (size_t)bytes;
	}
	return (const struct entry *)(directory->buffer + directory->at);
}

static void go_on(struct directory *directory, const struct entry *entry)
{
	directory->at += entry->length;
	directory->offset = entry->next;
}

static int seek(const struct handle *handle, int64_t offset)
{
	struct directory *directory = handle->directory;

	if (offset == directory->offset && offset != 0)
		return 0;
	directory->at = directory->length = 0;
	if (lseek(handle->fd, offset, SEEK_SET) < 0)
		return -errno;
	directory->offset = offset;
	return 0;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* One entry of the reply. Return: 0; -ENOBUFS: no room is left; negative errno. */
static int put_entry(struct task *task, const struct handle *handle, const struct entry *entry,
		     bool plus, size_t room)
{
	union {
		struct fuse_direntplus plus;
		char bytes[FUSE_NAME_OFFSET_DIRENTPLUS + FUSE_DIRENT_ALIGN(FUSE_NAME_MAX_BYTES)];
	} out;
	struct fuse_dirent *dirent = &out.plus.dirent;
	size_t name_bytes = strnlen(entry->name, FUSE_NAME_MAX_BYTES);
	size_t bytes = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name_bytes);
	struct statx stat;
	int r;

	if (bytes + (plus ? sizeof(out.plus.entry_out) : 0) > room)
		return -ENOBUFS;
	memset(&out, 0, sizeof(out));
	dirent->ino = entry->number;
	dirent->off = (uint64_t)entry->next;
	dirent->namelen = (uint32_t)name_bytes;
	dirent->type = entry->type;
	memcpy((char *)dirent + FUSE_NAME_OFFSET, entry->name, name_bytes);
	/* What is above the root is nothing of the peer's. */
	if (handle->inode->root && strcmp(entry->name, "..") == 0)
		dirent->ino = handle->inode->key.number;
	if (!plus)
		return task_put(task, dirent, bytes);
	/* Without a node the peer has the name alone, and looks it up when it needs it. */
	if (!is_dots(entry->name) &&
	    inode_stat_child(task->server, handle->fd, entry->name, &stat) == 0) {
		r = inode_enter_entry(task->server, handle->inode, entry->name, &stat,
				      &out.plus.entry_out);
		if (r < 0)
			memset(&out.plus.entry_out, 0, sizeof(out.plus.entry_out));
	}
	r = task_put(task, &out, sizeof(out.plus.entry_out) + bytes);
	if (r < 0 && out.plus.entry_out.nodeid)
		inode_forget(task->server, out.plus.entry_out.nodeid, 1);
	return r;
}

static int list(struct task *task, const struct handle *handle, bool plus)
{
	size_t room = MIN((size_t)task->in.read.size, task_room_bytes(task));
	const struct entry *entry;
	int r = seek(handle, (int64_t)task->in.read.offset);

	while (r == 0 && (entry = next_entry(handle, &r))) {
		r = put_entry(task, handle, entry, plus, room - task->length);
		if (r == 0)
			go_on(handle->directory, entry);
	}
	if (r == -ENOBUFS && task->length == 0)
		return -EINVAL; /* as getdents(2) of a buffer too small for one */
	/* An error is told when it is met again, with nothing before it. */
	return task->length > 0 ? 0 : r;
}

/* --- Folders that are not opened ------------------------------------------------------------- */

/* The listing of node @node that was left at @offset, which is the caller's. NULL: there is none.
 */
static struct handle *take_listing(struct server *server, uint64_t node, int64_t offset)
{
	struct handle *found = NULL;

	pthread_mutex_lock(&server->lock);
	for (unsigned int i = 0; i < KEPT_LISTINGS && !found; i++) {
		struct handle *kept = server->listings[i];

		if (kept && kept->inode->id == node && kept->directory->offset == offset) {
			found = kept;
			server->listings[i] = NULL;
		}
	}
	pthread_mutex_unlock(&server->lock);
	return found;
}

/* Leave a listing for the request that goes on with it, in the place of the oldest. */
static void keep_listing(struct server *server, struct handle *listing)
{
	struct handle *oldest;

	pthread_mutex_lock(&server->lock);
	oldest = server->listings[server->next_listing];
	server->listings[server->next_listing] = listing;
	server->next_listing = (server->next_listing + 1) % KEPT_LISTINGS;
	pthread_mutex_unlock(&server->lock);
	if (oldest)
		handle_put(server, oldest);
}

void directory_forget_listings(struct server *server)
{
	for (unsigned int i = 0; i < KEPT_LISTINGS; i++)
		keep_listing(server, NULL);
}

/*
 * Where the peer keeps listings it opens no folders (FUSE_NO_OPENDIR_SUPPORT): a folder whose
 * listing it has costs no request at all. What it reads it mostly reads to the end at once; a
 * listing that is not at hand any more is begun again at the offset.
 */
static int list_unopened(struct task *task, bool plus)
{
	struct server *server = task->server;
	uint64_t node = task->in.header.nodeid, offset = task->in.read.offset;
	struct handle *listing = offset ? take_listing(server, node, (int64_t)offset) : NULL;
	int r = listing ? 0 : new_listing(server, node, &listing);

	if (r < 0)
		return r;
	r = list(task, listing, plus);
	if (r == 0 && task->length > 0)
		keep_listing(server, listing);
	else
		handle_put(server, listing);
	return r;
}

static int list_op(struct task *task, bool plus)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	int r;

	if (is_unopened(task->in.read.fh))
		return list_unopened(task, plus);
	r = handle_get(task->server, task->in.read.fh, task->in.header.nodeid, &open.handle);
	if (r < 0)
		return r;
	if (!open.handle->directory)
		return -ENOTDIR;
	pthread_mutex_lock(&open.handle->directory->lock);
	r = list(task, open.handle, plus);
	pthread_mutex_unlock(&open.handle->directory->lock);
	return r;
}

int readdir_op(struct task *task)
{
	return list_op(task, false);
}

int readdirplus_op(struct task *task)
{
	return list_op(task, true);
}
