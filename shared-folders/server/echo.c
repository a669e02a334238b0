/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How its kernel gets to each request: fs/namei.c and fs/fuse/dir.c of Linux. In short, it looks
 * the name up first, and creates only what is not there, removes only what is. So until a change
 * is acted out, its names are to the echo, and to nobody else, what they were before: answers to
 * be believed by nobody (validity 0), so that another process that meets them asks for itself.
 *
 * A file that is gone, or that the peer never knew, is stood in for by a node of its own, which
 * dies with the name that the echo removes.
 */
#include "shared-folders/server/echo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "shared-folders/server/changes.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/inode.h"

/* What the echo has open is nothing: it wants to have closed it. */
#define ECHO_HANDLE UINT64_MAX

/* The low half of an id is an index, which is never this. */
#define STAND_IN_NODE UINT32_MAX

#define TIMES                                                                                      \
	(FATTR_ATIME | FATTR_MTIME | FATTR_CTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW | FATTR_FH |  \
	 FATTR_LOCKOWNER)

static int put_entry(struct task *task, const struct fuse_entry_out *entry)
{
	int ret = task_put(task, entry, sizeof(*entry));

	if (ret < 0)
		inode_forget(task->server, entry->nodeid, 1);
	return ret;
}

static int put_stand_in(struct task *task, const struct change *change)
{
	const struct fuse_entry_out entry = {
		.nodeid = change->id << 32 | STAND_IN_NODE,
		.attr_valid = 1,
		.attr = {.ino = change->id, .mode = change->type | 0600, .nlink = 1},
	};

	return put_entry(task, &entry);
}

/* What is there by this name, if it is of the change's type. @change: NULL: of any */
static int put_what_is_there(struct task *task, const struct change *change, uint64_t directory,
			     const char *name, bool believed)
{
	_cleanup_node_ struct node folder = NODE_NONE;
	struct fuse_entry_out entry = {0};
	struct statx stat;
	int ret = node_begin(&folder, task->server, directory);

	if (ret == 0)
		ret = inode_stat_child(task->server, folder.descriptor, name, &stat);
	if (ret == 0 && change && (stat.stx_mode & S_IFMT) != change->type)
		ret = -ENOENT;
	if (ret == 0)
		ret = inode_enter_entry(task->server, folder.inode, name, &stat, &entry);
	if (ret < 0)
		return ret;
	if (!believed)
		entry.entry_valid = entry.entry_valid_nsec = 0;
	return put_entry(task, &entry);
}

/* The file that lost its name, while we still have hold of it and it is truly gone: a file that is
 * only elsewhere must not be taken for deleted. */
static int put_what_was_there(struct task *task, const struct change *change)
{
	struct fuse_entry_out entry = {.attr_valid = 1};
	struct inode *inode;
	struct statx stat;
	int ret = change->node ? inode_get(task->server, change->node, &inode) : -ENOENT;

	if (ret < 0)
		return ret;
	ret = inode_stat(task->server, inode, &stat);
	if (ret == 0 && (stat.stx_nlink > 0 || (stat.stx_mode & S_IFMT) != change->type))
		ret = -ENOENT;
	if (ret == 0) {
		stat.stx_nlink = 1;
		attributes_fill(task->server, &stat, &entry.attr);
		entry.nodeid = inode_enter(task->server, NULL, NULL, &stat, &ret);
	}
	inode_put(task->server, inode);
	return ret < 0 ? ret : put_entry(task, &entry);
}

/*
 * A kernel that was made to look knows a folder where it is now. A folder has one place: found once
 * more in another folder it would be moved there, which it cannot be while something is renamed.
 */
static bool is_already_there(const struct task *task, const struct change *change)
{
	return task->server->options.looks && change->type == S_IFDIR &&
	       change->directory != change->to_directory;
}

static int lookup(struct task *task)
{
	struct change change;
	int ret = -ENOENT;

	switch (changes_view(coherence_changes(task->server), task->in.header.nodeid, task->in.name,
			     coherence_now_ms(), &change)) {
	case CHANGES_AS_IT_IS:
		/* It only looks, or is too early or late: who needs the name asks for himself. */
		return task->server->options.looks
			       ? put_what_is_there(task, NULL, task->in.header.nodeid,
						   task->in.name, false)
			       : ECHO_AS_ANY;
	case CHANGES_ABSENT:
		return -ENOENT;
	case CHANGES_PRESENT:
		break;
	}
	if (change.kind == SERVER_CHANGE_DELETE)
		ret = put_what_was_there(task, &change);
	else if (change.kind == SERVER_CHANGE_RENAME && !is_already_there(task, &change))
		ret = put_what_is_there(task, &change, change.to_directory, change.to_name, false);
	return ret < 0 ? put_stand_in(task, &change) : ret;
}

static int take(struct task *task, enum server_change_kind kind, uint32_t type,
		struct change *change)
{
	struct change wanted = {.kind = kind, .type = type, .directory = task->in.header.nodeid};

	snprintf(wanted.name, sizeof(wanted.name), "%s", task->in.name);
	if (kind == SERVER_CHANGE_RENAME) {
		wanted.to_directory = task->in.rename2.newdir;
		snprintf(wanted.to_name, sizeof(wanted.to_name), "%s", task->in.second);
	}
	if (kind == SERVER_CHANGE_RENAME &&
	    !coherence_acted(task->server, wanted.to_directory, wanted.to_name))
		return -EAGAIN;
	return changes_take(coherence_changes(task->server), &wanted, coherence_now_ms(), change);
}

static int create(struct task *task, uint32_t type)
{
	struct change change;
	int ret = take(task, SERVER_CHANGE_CREATE, type, &change);

	if (ret < 0)
		return ret;
	ret = put_what_is_there(task, &change, change.directory, change.name, true);
	return ret < 0 ? put_stand_in(task, &change) : ret;
}

/*
 * A kernel takes the times of this answer without forgetting the contents that belonged to others:
 * it is told those that it has said, and asks again.
 */
static int put_as_believed(struct task *task, const struct statx *stat)
{
	struct fuse_attr_out out = {.attr_valid = 0};

	attributes_fill(task->server, stat, &out.attr);
	if ((task->in.setattr.valid & (FATTR_MTIME | FATTR_MTIME_NOW)) == FATTR_MTIME) {
		out.attr.mtime = task->in.setattr.mtime;
		out.attr.mtimensec = task->in.setattr.mtimensec;
	}
	return task_put(task, &out, sizeof(out));
}

/* The kernel sends times also when it made them itself; they are not taken, and not refused. */
static int setattr(struct task *task)
{
	struct inode *inode;
	struct statx stat;
	int ret;

	if (task->in.setattr.valid & ~(uint32_t)TIMES)
		return -EAGAIN;
	ret = inode_get(task->server, task->in.header.nodeid, &inode);
	if (ret < 0)
		return ret;
	ret = inode_stat(task->server, inode, &stat);
	inode_put(task->server, inode);
	if (ret == 0 && task->server->options.looks)
		return put_as_believed(task, &stat);
	return ret < 0 ? ret : attributes_put(task, &stat);
}

static int open_nothing(struct task *task)
{
	struct fuse_open_out out = {
		.fh = ECHO_HANDLE,
		.open_flags = FOPEN_KEEP_CACHE | FOPEN_NOFLUSH,
	};

	/* Was it written twice within a tick, its times do not tell. */
	if (task->server->options.looks)
		out.open_flags &= ~(uint32_t)FOPEN_KEEP_CACHE;
	if ((task->in.open.flags & O_ACCMODE) == O_RDONLY)
		return ECHO_AS_ANY;
	/* What others wrote may be flushed by any handle that can write. */
	if (task->in.open.flags & O_TRUNC ||
	    atomic_load(&task->server->flags) & FUSE_WRITEBACK_CACHE)
		return -EAGAIN;
	return task_put(task, &out, sizeof(out));
}

int echo_call(struct task *task)
{
	struct change change;

	switch (task->in.header.opcode) {
	case FUSE_LOOKUP:
		return lookup(task);
	case FUSE_MKNOD:
		return create(task, task->in.mknod.mode & S_IFMT);
	case FUSE_MKDIR:
		return create(task, S_IFDIR);
	case FUSE_SYMLINK:
		return create(task, S_IFLNK);
	case FUSE_UNLINK:
		return take(task, SERVER_CHANGE_DELETE, 0, &change);
	case FUSE_RMDIR:
		return take(task, SERVER_CHANGE_DELETE, S_IFDIR, &change);
	case FUSE_RENAME:
	case FUSE_RENAME2:
		return take(task, SERVER_CHANGE_RENAME, 0, &change);
	case FUSE_SETATTR:
		return setattr(task);
	case FUSE_OPEN:
		return open_nothing(task);
	case FUSE_RELEASE:
		return task->in.release.fh == ECHO_HANDLE ? 0 : ECHO_AS_ANY;
	case FUSE_FLUSH:
		return task->in.flush.fh == ECHO_HANDLE ? 0 : ECHO_AS_ANY;
	case FUSE_GETATTR:
	case FUSE_ACCESS:
	case FUSE_READLINK:
	case FUSE_STATFS:
	case FUSE_OPENDIR:
	case FUSE_READDIR:
	case FUSE_READDIRPLUS:
	case FUSE_RELEASEDIR:
	case FUSE_READ:
	case FUSE_GETXATTR:
	case FUSE_LISTXATTR:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return ECHO_AS_ANY;
	default:
		return -EAGAIN;
	}
}
