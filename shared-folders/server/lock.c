/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/lock.h"

#include "protocol/base/cleanup.h"
#include "shared-folders/server/lock_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

/* One owner's locks of one file: in inode->locks, a list under the server's lock. */
struct lock_owner {
	struct lock_owner *next;
	uint64_t id;	 /* the peer's, any number */
	uint64_t handle; /* by which the last lock was asked for */
	uint32_t pid;	 /* over there */
	unsigned int references;
	bool dropped; /* not in the list any more */
	int fd;
};

/* --- Owners ---------------------------------------------------------------------------------- */

/* With the lock. */
static struct lock_owner *find(const struct inode *inode, uint64_t id)
{
	struct lock_owner *owner = inode->locks;

	while (owner && owner->id != id)
		owner = owner->next;
	return owner;
}

static void put(struct server *server, struct lock_owner *owner)
{
	bool last;

	pthread_mutex_lock(&server->lock);
	last = --owner->references == 0;
	pthread_mutex_unlock(&server->lock);
	if (!last)
		return;
	close(owner->fd);
	free(owner);
}

/* Return: the owner with a reference, NULL: it has no locks there. */
static struct lock_owner *get(struct server *server, struct inode *inode, uint64_t id)
{
	struct lock_owner *owner;

	pthread_mutex_lock(&server->lock);
	owner = find(inode, id);
	if (owner)
		owner->references++;
	pthread_mutex_unlock(&server->lock);
	return owner;
}

/* A description that can have both kinds of locks, if the file may be opened so. */
static int open_for_locks(struct server *server, const struct handle *handle)
{
	int fd = -EROFS, way = handle->flags & O_ACCMODE;

	if (!server->options.read_only)
		fd = inode_open(server, handle->inode, O_RDWR);
	if (fd == -EMFILE || fd == -ENFILE)
		return -ENOLCK;
	return fd >= 0 ? fd : inode_open(server, handle->inode, way);
}

/* With the lock: take the owner out of the list, which had a reference. */
static void remove_owner(struct inode *inode, struct lock_owner *owner)
{
	struct lock_owner **at = (struct lock_owner **)&inode->locks;

	while (*at != owner)
		at = &(*at)->next;
	*at = owner->next;
	owner->dropped = true;
}

/* Its locks go at once, whoever still waits by its description. */
static void drop(struct server *server, struct lock_owner *owner)
{
	struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	fcntl(owner->fd, F_OFD_SETLK, &all);
	put(server, owner);
}

void locks_drop_owner(struct server *server, struct inode *inode, uint64_t id)
{
	struct lock_owner *owner;

	pthread_mutex_lock(&server->lock);
	owner = find(inode, id);
	if (owner)
		remove_owner(inode, owner);
	pthread_mutex_unlock(&server->lock);
	if (owner)
		drop(server, owner);
}

void locks_drop_handle(struct server *server, const struct handle *handle)
{
	struct lock_owner *owner;

	do {
		pthread_mutex_lock(&server->lock);
		owner = handle->inode->locks;
		while (owner && owner->handle != handle->id)
			owner = owner->next;
		if (owner)
			remove_owner(handle->inode, owner);
		pthread_mutex_unlock(&server->lock);
		if (owner)
			drop(server, owner);
	} while (owner);
}

/*
 * With the lock: the owner with a reference, who asks by @handle. The peer's numbers of owners are
 * used again: who was known by a handle that is closed, and is still to be dropped, is another.
 * Then he is taken out, for the caller to drop: @gone.
 */
static struct lock_owner *take_up(struct server *server, const struct handle *handle, uint64_t id,
				  struct lock_owner **gone)
{
	struct lock_owner *owner = find(handle->inode, id);

	if (!owner)
		return NULL;
	if (owner->handle != handle->id && !id_table_get(&server->handles, owner->handle)) {
		remove_owner(handle->inode, owner);
		*gone = owner;
		return NULL;
	}
	owner->handle = handle->id;
	owner->references++;
	return owner;
}

/* Return: as take_up(), NULL: there is none. */
static struct lock_owner *get_for_handle(struct server *server, const struct handle *handle,
					 uint64_t id)
{
	struct lock_owner *owner, *gone = NULL;

	pthread_mutex_lock(&server->lock);
	owner = take_up(server, handle, id, &gone);
	pthread_mutex_unlock(&server->lock);
	if (gone)
		drop(server, gone);
	return owner;
}

/* The same, made if need be. Return: 0 or negative errno. */
static int get_or_make(struct server *server, const struct handle *handle,
		       const struct fuse_lk_in *in, struct lock_owner **out)
{
	struct inode *inode = handle->inode;
	struct lock_owner *made, *gone = NULL, *owner = get_for_handle(server, handle, in->owner);

	*out = owner;
	if (owner)
		return 0;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	*made = (struct lock_owner){
		.id = in->owner,
		.handle = handle->id,
		.pid = in->lk.pid,
		.references = 2,
		.fd = open_for_locks(server, handle),
	};
	if (made->fd < 0) {
		int r = made->fd;

		free(made);
		return r;
	}
	pthread_mutex_lock(&server->lock);
	owner = take_up(server, handle, in->owner, &gone);
	if (!owner) {
		made->next = inode->locks;
		inode->locks = made;
		owner = take_ptr(made);
	}
	pthread_mutex_unlock(&server->lock);
	*out = owner;
	if (gone)
		drop(server, gone);
	if (made) {
		close(made->fd);
		free(made);
	}
	return 0;
}

/* --- Ranges ---------------------------------------------------------------------------------- */

/* Return: 0, -EINVAL. */
static int range_from_peer(const struct fuse_file_lock *lk, struct flock *range)
{
	if (lk->start > lk->end || lk->start > INT64_MAX ||
	    (lk->type != F_RDLCK && lk->type != F_WRLCK && lk->type != F_UNLCK))
		return -EINVAL;
	*range = (struct flock){
		.l_type = (short)lk->type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)lk->start,
		/* 0: to the end, wherever that is. */
		.l_len = lk->end >= INT64_MAX ? 0 : (off_t)(lk->end - lk->start) + 1,
	};
	return 0;
}

/* Owners that are asked who holds a lock: each costs a system call. */
#define MAX_ASKED 256

/*
 * Who over there holds the lock @found, which excludes the owner @asking: the one for whom nobody
 * else's lock is in its way. Return: its process; 0: it is held on this machine, or by several.
 */
static uint32_t pid_of(struct server *server, struct inode *inode, uint64_t asking,
		       const struct flock *found)
{
	uint32_t pid = 0;

	/* By position in the list, which may change meanwhile: then the answer is a guess. */
	for (unsigned int asked = 0; asked < MAX_ASKED; asked++) {
		struct flock probe = *found;
		struct lock_owner *owner;

		pthread_mutex_lock(&server->lock);
		owner = inode->locks;
		for (unsigned int i = 0; owner && i < asked; i++)
			owner = owner->next;
		if (owner)
			owner->references++;
		pthread_mutex_unlock(&server->lock);
		if (!owner)
			return 0;
		probe.l_type = F_WRLCK;
		probe.l_pid = 0;
		if (owner->id != asking && fcntl(owner->fd, F_OFD_GETLK, &probe) == 0 &&
		    probe.l_type == F_UNLCK)
			pid = owner->pid;
		put(server, owner);
		if (pid)
			return pid;
	}
	return 0;
}

int getlk_op(struct task *task)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	const struct fuse_lk_in *in = &task->in.lk;
	struct server *server = task->server;
	struct fuse_lk_out out = {.lk.type = F_UNLCK};
	struct lock_owner *owner;
	struct flock range;
	int r = range_from_peer(&in->lk, &range);

	if (!server->options.posix_lock)
		return -ENOSYS;
	if (r == 0)
		r = handle_get(server, in->fh, task->in.header.nodeid, &open.handle);
	if (r < 0)
		return r;
	owner = get(server, open.handle->inode, in->owner);
	/* The handle's own description has no record locks. */
	r = fcntl(owner ? owner->fd : open.handle->fd, F_OFD_GETLK, &range) < 0 ? -errno : 0;
	if (owner)
		put(server, owner);
	if (r < 0)
		return r;
	if (range.l_type != F_UNLCK)
		out.lk = (struct fuse_file_lock){
			.start = (uint64_t)range.l_start,
			.end = range.l_len ? (uint64_t)(range.l_start + range.l_len - 1)
					   : INT64_MAX,
			.type = (uint32_t)range.l_type,
			.pid = pid_of(server, open.handle->inode, in->owner, &range),
		};
	return task_put(task, &out, sizeof(out));
}

/* --- Taking and giving back ------------------------------------------------------------------ */

static void release_owner(struct server *server, void *user)
{
	if (user)
		put(server, user);
}

/* What was got for one who closed the file meanwhile is not kept: as fcntl(2) does. */
static int keep_or_not(struct server *server, void *user)
{
	struct lock_owner *owner = user;
	struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	bool dropped;

	if (!owner)
		return 0;
	pthread_mutex_lock(&server->lock);
	dropped = owner->dropped;
	pthread_mutex_unlock(&server->lock);
	if (!dropped)
		return 0;
	fcntl(owner->fd, F_OFD_SETLK, &all);
	return -EBADF;
}

static int lock_records(struct task *task, struct handle *handle, bool wait)
{
	const struct fuse_lk_in *in = &task->in.lk;
	struct server *server = task->server;
	struct lock_owner *owner;
	struct flock range;
	int r = range_from_peer(&in->lk, &range);

	if (r < 0)
		return r;
	if (in->lk.type == F_UNLCK) {
		/* Whose last lock it was has no description any more, if that is plain to see. */
		if (range.l_start == 0 && range.l_len == 0) {
			locks_drop_owner(server, handle->inode, in->owner);
			return 0;
		}
		owner = get(server, handle->inode, in->owner);
		if (!owner)
			return 0;
	} else {
		r = get_or_make(server, handle, in, &owner);
		if (r < 0)
			return r;
	}
	r = fcntl(owner->fd, F_OFD_SETLK, &range) < 0 ? -errno : 0;
	if (r == 0)
		r = keep_or_not(server, owner);
	if (r == -EACCES)
		r = -EAGAIN;
	if (r == -EAGAIN && wait) {
		const struct lock_job job = {
			.fd = owner->fd,
			.range = range,
			.user = owner,
			.accept = keep_or_not,
			.release = release_owner,
		};

		return lock_wait(task, handle, &job);
	}
	put(server, owner);
	return r;
}

static int lock_whole(struct task *task, struct handle *handle, bool wait)
{
	struct lock_job job = {.fd = handle->fd, .flock = true};

	switch (task->in.lk.lk.type) {
	case F_RDLCK:
		job.operation = LOCK_SH;
		break;
	case F_WRLCK:
		job.operation = LOCK_EX;
		break;
	case F_UNLCK:
		job.operation = LOCK_UN;
		break;
	default:
		return -EINVAL;
	}
	if (flock(handle->fd, job.operation | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK && wait ? lock_wait(task, handle, &job) : -errno;
}

static int set_lock(struct task *task, bool wait)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	const struct fuse_lk_in *in = &task->in.lk;
	const struct server_options *options = &task->server->options;
	bool whole = in->lk_flags & FUSE_LK_FLOCK;
	int r;

	if (whole ? !options->flock : !options->posix_lock)
		return -ENOSYS;
	r = handle_get(task->server, in->fh, task->in.header.nodeid, &open.handle);
	if (r < 0)
		return r;
	return whole ? lock_whole(task, open.handle, wait) : lock_records(task, open.handle, wait);
}

int setlk_op(struct task *task)
{
	return set_lock(task, false);
}

int setlkw_op(struct task *task)
{
	return set_lock(task, true);
}
