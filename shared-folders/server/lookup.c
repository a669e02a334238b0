/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names become nodes, and nodes are forgotten. */
#include "protocol/base/bytes.h"
#include "protocol/base/iov.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/inode.h"

int lookup_op(struct task *task)
{
	_cleanup_node_ struct node parent = NODE_NONE;
	struct fuse_entry_out entry;
	struct statx stat;
	int r = node_begin_folder(&parent, task->server, task->in.header.nodeid);

	if (r < 0)
		return r;
	coherence_watch(task->server, parent.inode, parent.descriptor);
	r = inode_stat_child(task->server, parent.descriptor, task->in.name, &stat);
	if (r == 0)
		r = inode_enter_entry(task->server, parent.inode, task->in.name, &stat, &entry);
	return r < 0 ? r : task_put(task, &entry, sizeof(entry));
}

int forget_op(struct task *task)
{
	inode_forget(task->server, task->in.header.nodeid, task->in.forget.nlookup);
	return TASK_NO_REPLY;
}

int batch_forget_op(struct task *task)
{
	struct fuse_forget_one one[32];
	size_t done = 0;

	while (done < task->in.payload_bytes) {
		size_t bytes = MIN(sizeof(one), task->in.payload_bytes - done);

		if (iov_read(task->call->in, task->call->in_count, task->in.payload_at + done, one,
			     bytes) != bytes)
			break;
		for (size_t i = 0; i < bytes / sizeof(one[0]); i++)
			inode_forget(task->server, one[i].nodeid, one[i].nlookup);
		done += bytes;
	}
	return TASK_NO_REPLY;
}
