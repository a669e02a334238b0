/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names become nodes, and nodes are forgotten. */
#include "protocol/base/bytes.h"
#include "protocol/base/iov.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/inode.h"

/* The longest that the peer may believe that there is no file, in seconds: should it once be told
 * too late, this is how long programs wait for a file that is there. */
#define ABSENT_SECONDS 10

/*
 * There is no such file. Compilers and shells look for many names in many folders, mostly in vain;
 * a peer that is told when the name comes to be need not ask each time.
 */
static int tell_absent(struct task *task, const struct node *parent)
{
	bool told = inode_is_told(task->server, parent->inode->id, 1);
	struct validity valid = server_validity(task->server, told);
	struct fuse_entry_out entry = {.entry_valid = MIN(valid.seconds, (uint64_t)ABSENT_SECONDS)};

	if (valid.seconds == 0 || (!told && task->server->options.cache != SERVER_CACHE_ALWAYS))
		return -ENOENT;
	if (told &&
	    !coherence_absent(task->server, parent->inode->id, task->in.name, entry.entry_valid))
		return -ENOENT;
	return task_put(task, &entry, sizeof(entry));
}

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
	if (r == -ENOENT)
		return tell_absent(task, &parent);
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
