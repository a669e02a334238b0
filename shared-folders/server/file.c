/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files opened and closed, and made to last. */
#include "protocol/base/cleanup.h"
#include "shared-folders/server/descriptor.h"
#include "shared-folders/server/handle.h"
#include "shared-folders/server/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool changes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

int open_op(struct task *task)
{
	_cleanup_node_ struct node node = NODE_NONE;
	_cleanup_close_ int fd = -EBADF;
	const struct fuse_open_in *in = &task->in.open;
	struct server *server = task->server;
	int flags = server_file_flags(server, in->flags);
	uint64_t handle;
	bool dropped;
	int r = changes((int)in->flags) ? may_change(task) : 0;

	if (r == 0)
		r = node_begin(&node, server, task->in.header.nodeid);
	if (r < 0)
		return r;
	dropped = fsetid_drop(server->privileged && (in->open_flags & FUSE_OPEN_KILL_SUIDGID));
	fd = inode_open(server, node.inode, flags);
	/* With write-back we want to read what the peer only writes, and may not be allowed to. */
	if (fd == -EACCES && (in->flags & O_ACCMODE) == O_WRONLY)
		fd = inode_open(server, node.inode, (flags & ~O_ACCMODE) | O_WRONLY);
	fsetid_restore(dropped);
	if (fd < 0)
		return fd;
	r = handle_new(server, node.inode, fd, flags, &handle);
	if (r < 0)
		return r;
	take_fd(&fd);
	return server_put_open(task, handle, node.inode->id,
			       server_open_flags(task->server, node.inode->id));
}

int release_op(struct task *task)
{
	return handle_close(task->server, task->in.release.fh, task->in.header.nodeid);
}

/* File systems that say nothing when a descriptor is closed: those of which it is known. */
static bool is_quiet(long type)
{
	switch (type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		return true;
	default:
		return false;
	}
}

void file_know_root(struct server *server)
{
	struct statfs stat;

	server->quiet = fstatfs(server->options.root, &stat) == 0 && is_quiet(stat.f_type);
}

static bool closes_quietly(const struct server *server, const struct inode *inode)
{
	return server->quiet && inode->key.device == server->root->key.device;
}

/* One of the peer's descriptors was closed, perhaps not the last one of the handle. */
int flush_op(struct task *task)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	const struct fuse_flush_in *in = &task->in.flush;
	int copy, r = handle_get(task->server, in->fh, task->in.header.nodeid, &open.handle);

	if (r < 0)
		return r;
	locks_drop_owner(task->server, open.handle->inode, in->lock_owner);
	/* The others say perhaps only now that data could not be written. */
	if (closes_quietly(task->server, open.handle->inode))
		return 0;
	copy = fcntl(open.handle->fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 || close(copy) < 0 ? -errno : 0;
}

bool server_close_is_quiet(struct server *server, uint64_t node)
{
	struct inode *inode;
	bool quiet;

	if (inode_get(server, node, &inode) < 0)
		return false;
	quiet = closes_quietly(server, inode);
	inode_put(server, inode);
	return quiet;
}

int fsync_op(struct task *task)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	const struct fuse_fsync_in *in = &task->in.fsync;
	int r = handle_get(task->server, in->fh, task->in.header.nodeid, &open.handle);

	if (r < 0)
		return r;
	r = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(open.handle->fd)
						   : fsync(open.handle->fd);
	return r < 0 ? -errno : 0;
}

int syncfs_op(struct task *task)
{
	_cleanup_node_ struct node node = NODE_NONE;
	_cleanup_close_ int fd = -EBADF;
	int r = node_begin(&node, task->server, task->in.header.nodeid);

	if (r < 0)
		return r;
	fd = inode_open(task->server, node.inode, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	return syncfs(fd) < 0 ? -errno : 0;
}

/* No request of FUSE carries what ioctls of files need; FICLONE is among what is refused. */
int ioctl_op(struct task *task)
{
	(void)task;
	return -ENOTTY;
}
