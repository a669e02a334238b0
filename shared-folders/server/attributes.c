/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What files are: told and changed. */
#include "protocol/base/cleanup.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/descriptor.h"
#include "shared-folders/server/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

/*
 * From this size on a file is worth a piece of the window (2 MiB, set up by a request): smaller
 * ones are read whole in less time. Where the peer asks whether (FUSE_HAS_INODE_DAX).
 */
#define DAX_BYTES (128 * 1024)

/* A device's numbers in 32 bits, as Linux has them outside of itself. */
static uint32_t device_number(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xfff00) << 12;
}

void attributes_fill(struct server *server, const struct statx *stat, struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){
		.ino = stat->stx_ino,
		.size = stat->stx_size,
		.blocks = stat->stx_blocks,
		.atime = (uint64_t)stat->stx_atime.tv_sec,
		.mtime = (uint64_t)stat->stx_mtime.tv_sec,
		.ctime = (uint64_t)stat->stx_ctime.tv_sec,
		.atimensec = stat->stx_atime.tv_nsec,
		.mtimensec = stat->stx_mtime.tv_nsec,
		.ctimensec = stat->stx_ctime.tv_nsec,
		.mode = stat->stx_mode,
		.nlink = stat->stx_nlink,
		.uid = owner_uid_to_peer(server, stat->stx_uid),
		.gid = owner_gid_to_peer(server, stat->stx_gid),
		.rdev = device_number(stat->stx_rdev_major, stat->stx_rdev_minor),
		.blksize = stat->stx_blksize,
	};
	mapping_tell(server, stat);
	if (S_ISREG(stat->stx_mode) && stat->stx_size >= DAX_BYTES &&
	    (atomic_load(&server->flags) & FUSE_HAS_INODE_DAX))
		attr->flags |= FUSE_ATTR_DAX;
}

int attributes_put(struct task *task, const struct statx *stat)
{
	bool told = inode_is_told(task->server, task->in.header.nodeid, stat->stx_nlink);
	struct validity valid = server_validity(task->server, told);
	struct fuse_attr_out out = {
		.attr_valid = valid.seconds,
		.attr_valid_nsec = valid.nanoseconds,
	};

	attributes_fill(task->server, stat, &out.attr);
	return task_put(task, &out, sizeof(out));
}

/* The node's attributes now. */
static int tell(struct task *task, struct inode *inode)
{
	struct statx stat;
	int r = inode_stat(task->server, inode, &stat);

	return r < 0 ? r : attributes_put(task, &stat);
}

int getattr_op(struct task *task)
{
	struct inode *inode;
	int r = inode_get(task->server, task->in.header.nodeid, &inode);

	if (r < 0)
		return r;
	if (inode->type == S_IFDIR && !atomic_load(&inode->watched)) {
		int descriptor = inode_descriptor_get(task->server, inode);

		if (descriptor >= 0) {
			coherence_watch(task->server, inode, descriptor);
			inode_descriptor_put(task->server, inode);
		}
	}
	r = tell(task, inode);
	inode_put(task->server, inode);
	return r;
}

static struct fuse_sx_time time_of(struct statx_timestamp time)
{
	return (struct fuse_sx_time){.tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec};
}

/* As GETATTR, and when the file was made. */
int statx_op(struct task *task)
{
	struct server *server = task->server;
	struct fuse_statx_out out = {0};
	struct validity valid;
	struct inode *inode;
	struct statx stat;
	int r = inode_get(server, task->in.header.nodeid, &inode);

	if (r < 0)
		return r;
	r = inode_stat(server, inode, &stat);
	inode_put(server, inode);
	if (r < 0)
		return r;
	mapping_tell(server, &stat);
	valid = server_validity(server,
				inode_is_told(server, task->in.header.nodeid, stat.stx_nlink));
	out.attr_valid = valid.seconds;
	out.attr_valid_nsec = valid.nanoseconds;
	out.stat = (struct fuse_statx){
		.mask = stat.stx_mask & (STATX_BASIC_STATS | STATX_BTIME),
		.blksize = stat.stx_blksize,
		.attributes = stat.stx_attributes,
		.attributes_mask = stat.stx_attributes_mask,
		.nlink = stat.stx_nlink,
		.uid = owner_uid_to_peer(server, stat.stx_uid),
		.gid = owner_gid_to_peer(server, stat.stx_gid),
		.mode = stat.stx_mode,
		.ino = stat.stx_ino,
		.size = stat.stx_size,
		.blocks = stat.stx_blocks,
		.atime = time_of(stat.stx_atime),
		.btime = time_of(stat.stx_btime),
		.ctime = time_of(stat.stx_ctime),
		.mtime = time_of(stat.stx_mtime),
		.rdev_major = stat.stx_rdev_major,
		.rdev_minor = stat.stx_rdev_minor,
	};
	return task_put(task, &out, sizeof(out));
}

/* --- Changes --------------------------------------------------------------------------------- */

static int set_owner(struct task *task, const struct node *node)
{
	const struct fuse_setattr_in *in = &task->in.setattr;
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	int r = 0;

	if (in->valid & FATTR_UID)
		r = owner_uid_from_peer(task->server, in->uid, &uid);
	if (r == 0 && (in->valid & FATTR_GID))
		r = owner_gid_from_peer(task->server, in->gid, &gid);
	if (r < 0)
		return r;
	return fchownat(node->descriptor, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int set_mode(struct task *task, const struct node *node)
{
	char name[16];

	/* A link's own mode means nothing, and following it would be another file's. */
	if (node->inode->type == S_IFLNK)
		return -EOPNOTSUPP;
	snprintf(name, sizeof(name), "%d", node->descriptor);
	return fchmodat(task->server->proc, name, task->in.setattr.mode & 07777, 0) < 0 ? -errno
											: 0;
}

static int set_size(struct task *task, const struct node *node)
{
	const struct fuse_setattr_in *in = &task->in.setattr;
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	_cleanup_close_ int fd = -EBADF;
	bool dropped;
	int r;

	if (node->inode->type == S_IFDIR)
		return -EISDIR;
	if (in->size > INT64_MAX)
		return -EFBIG;
	/* Who has it open for writing may do it, whatever its mode is by now. */
	if ((in->valid & FATTR_FH) &&
	    handle_get(task->server, in->fh, task->in.header.nodeid, &open.handle) == 0 &&
	    (open.handle->flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	if (!open.handle) {
		fd = inode_open(task->server, node->inode, O_WRONLY);
		if (fd < 0)
			return fd;
	}
	dropped = fsetid_drop(task->server->privileged && (in->valid & FATTR_KILL_SUIDGID));
	r = ftruncate(open.handle ? open.handle->fd : fd, (off_t)in->size) < 0 ? -errno : 0;
	fsetid_restore(dropped);
	return r;
}

static void choose_time(struct timespec *time, uint32_t valid, uint32_t set, uint32_t now,
			uint64_t seconds, uint32_t nanoseconds)
{
	if (valid & now)
		time->tv_nsec = UTIME_NOW;
	else if (valid & set)
		*time = (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = nanoseconds};
}

static int set_times(struct task *task, const struct node *node)
{
	const struct fuse_setattr_in *in = &task->in.setattr;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};

	if (in->atimensec >= 1000000000U || in->mtimensec >= 1000000000U)
		return -EINVAL;
	choose_time(&times[0], in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec);
	choose_time(&times[1], in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec);
	return utimensat(node->descriptor, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/*
 * With write-back the peer's kernel keeps times, and tells them even of a file whose last name it
 * has just removed. Nobody will ever see these; but an error would be told to the next who syncs.
 * Return: 0, the reply is there; -ESTALE.
 */
static int set_times_of_gone(struct task *task)
{
	const uint32_t times = FATTR_ATIME | FATTR_MTIME | FATTR_CTIME;
	struct server *server = task->server;
	struct fuse_attr_out out = {0};
	struct inode *inode;
	bool gone;

	if (!(atomic_load(&server->flags) & FUSE_WRITEBACK_CACHE) ||
	    (task->in.setattr.valid & ~(times | FATTR_FH)) ||
	    inode_get(server, task->in.header.nodeid, &inode) < 0)
		return -ESTALE;
	pthread_mutex_lock(&server->lock);
	gone = !inode->parent && !inode->root;
	pthread_mutex_unlock(&server->lock);
	out.attr.ino = inode->key.number;
	out.attr.mode = inode->type;
	inode_put(server, inode);
	return gone ? task_put(task, &out, sizeof(out)) : -ESTALE;
}

/* The time of change cannot be set by anybody; it follows what else is done. */
int setattr_op(struct task *task)
{
	_cleanup_node_ struct node node = NODE_NONE;
	uint32_t valid = task->in.setattr.valid;
	int r = may_change(task);

	if (r == 0)
		r = node_begin(&node, task->server, task->in.header.nodeid);
	if (r == -ESTALE)
		return set_times_of_gone(task);
	if (r == 0 && (valid & (FATTR_UID | FATTR_GID)))
		r = set_owner(task, &node);
	if (r == 0 && (valid & FATTR_MODE))
		r = set_mode(task, &node);
	if (r == 0 && (valid & FATTR_SIZE))
		r = set_size(task, &node);
	if (r == 0 && (valid & (FATTR_ATIME | FATTR_MTIME)))
		r = set_times(task, &node);
	return r < 0 ? r : tell(task, node.inode);
}

/* --- Others ---------------------------------------------------------------------------------- */

int statfs_op(struct task *task)
{
	_cleanup_node_ struct node node = NODE_NONE;
	struct fuse_statfs_out out = {0};
	struct statfs fs;
	int r = node_begin(&node, task->server, task->in.header.nodeid);

	if (r < 0)
		return r;
	if (fstatfs(node.descriptor, &fs) < 0)
		return -errno;
	out.st = (struct fuse_kstatfs){
		.blocks = fs.f_blocks,
		.bfree = fs.f_bfree,
		.bavail = fs.f_bavail,
		.files = fs.f_files,
		.ffree = fs.f_ffree,
		.bsize = (uint32_t)fs.f_bsize,
		.namelen = (uint32_t)fs.f_namelen,
		.frsize = (uint32_t)fs.f_frsize,
	};
	return task_put(task, &out, sizeof(out));
}

int access_op(struct task *task)
{
	_cleanup_owner_ struct owner_scope owner = {.acting = false};
	_cleanup_node_ struct node node = NODE_NONE;
	uint32_t mask = task->in.access.mask & (R_OK | W_OK | X_OK);
	char name[16];
	int r = mask & W_OK ? may_change(task) : 0;

	if (r == 0)
		r = node_begin(&node, task->server, task->in.header.nodeid);
	if (r < 0 || node.inode->type == S_IFLNK)
		return r;
	snprintf(name, sizeof(name), "%d", node.descriptor);
	r = owner_begin_creation(task, &owner);
	if (r == 0 && faccessat(task->server->proc, name, (int)mask, AT_EACCESS) < 0)
		r = -errno;
	return r;
}

int readlink_op(struct task *task)
{
	_cleanup_node_ struct node node = NODE_NONE;
	char target[FUSE_TARGET_MAX_BYTES];
	ssize_t length;
	int r = node_begin(&node, task->server, task->in.header.nodeid);

	if (r < 0)
		return r;
	if (node.inode->type != S_IFLNK)
		return -EINVAL;
	length = readlinkat(node.descriptor, "", target, sizeof(target));
	return length < 0 ? -errno : task_put(task, target, (size_t)length);
}
