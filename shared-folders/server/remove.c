/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that go, or become others. */
#include "shared-folders/server/inode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static int remove_name(struct task *task, int flags)
{
	_cleanup_node_ struct node parent = NODE_NONE;
	int r = may_change(task);

	if (r == 0)
		r = node_begin_folder(&parent, task->server, task->in.header.nodeid);
	if (r < 0)
		return r;
	inode_name_going(task->server, parent.inode, task->in.name);
	if (unlinkat(parent.descriptor, task->in.name, flags) < 0)
		return -errno;
	inode_name_gone(task->server, parent.inode, task->in.name);
	return 0;
}

int unlink_op(struct task *task)
{
	return remove_name(task, 0);
}

int rmdir_op(struct task *task)
{
	return remove_name(task, AT_REMOVEDIR);
}

/* A whiteout is a device: as MKNOD. */
static int allowed_flags(const struct server *server, uint32_t flags)
{
	if (flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_WHITEOUT) &&
	    !(server->privileged && server->options.owner == SERVER_OWNER_PASS))
		return -EPERM;
	return 0;
}

int rename_op(struct task *task)
{
	_cleanup_node_ struct node from = NODE_NONE, to = NODE_NONE;
	struct server *server = task->server;
	uint32_t flags = task->in.rename2.flags;
	int r = may_change(task);

	if (r == 0)
		r = allowed_flags(server, flags);
	if (r == 0)
		r = node_begin_folder(&from, server, task->in.header.nodeid);
	if (r == 0)
		r = node_begin_folder(&to, server, task->in.rename2.newdir);
	if (r < 0)
		return r;
	if (!(flags & RENAME_EXCHANGE))
		inode_name_going(server, to.inode, task->in.second);
	pthread_rwlock_rdlock(&server->renames);
	r = renameat2(from.descriptor, task->in.name, to.descriptor, task->in.second, flags) < 0
		    ? -errno
		    : 0;
	if (r == 0)
		inode_name_moved(server, from.inode, task->in.name, to.inode, task->in.second,
				 flags & RENAME_EXCHANGE);
	pthread_rwlock_unlock(&server->renames);
	return r;
}
