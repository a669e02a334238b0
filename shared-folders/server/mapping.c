/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parts of files in the peer's address space (DAX): virtio 1.2, 5.11.6.4, and FUSE_SETUPMAPPING.
 *
 * We say which part of which file belongs where in the window and whether it may be written; who
 * has the window maps it.
 */
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"
#include "shared-folders/server/handle.h"

#include <errno.h>
#include <fcntl.h>

/* As init_op() says in map_alignment. */
#define ALIGNMENT 4096

/* Pieces that one request may take away. */
#define MAX_REMOVED (SERVER_MAX_PAYLOAD / sizeof(struct fuse_removemapping_one))

static int check(const struct server_window *window, uint64_t at, uint64_t length)
{
	if (!window->map || !window->unmap)
		return -ENOSYS;
	if (length == 0 || (at | length) % ALIGNMENT || at > window->size_bytes ||
	    length > window->size_bytes - at)
		return -EINVAL;
	return 0;
}

int setupmapping_op(struct task *task)
{
	_cleanup_node_ struct node node = NODE_NONE;
	const struct fuse_setupmapping_in *in = &task->in.setupmapping;
	const struct server_window *window = &task->server->options.window;
	bool write = in->flags & FUSE_SETUPMAPPING_FLAG_WRITE;
	_cleanup_close_ int fd = -EBADF;
	int r = check(window, in->moffset, in->len);

	if (r == 0 && (in->foffset % ALIGNMENT || in->foffset > INT64_MAX - in->len ||
		       in->flags & ~(FUSE_SETUPMAPPING_FLAG_READ | FUSE_SETUPMAPPING_FLAG_WRITE)))
		r = -EINVAL;
	if (r == 0 && write)
		r = may_change(task);
	if (r == 0)
		r = node_begin(&node, task->server, task->in.header.nodeid);
	if (r < 0)
		return r;
	if (node.inode->type != S_IFREG)
		return node.inode->type == S_IFDIR ? -EISDIR : -EOPNOTSUPP;
	/* The kernel names no handle: a mapping belongs to the file. */
	/* Before it is, so that no growth is missed. */
	atomic_store(&node.inode->mapped, true);
	atomic_store(&task->server->mapped, true);
	fd = inode_open(task->server, node.inode, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return fd;
	return window->map(window->owner, fd, in->foffset, in->moffset, in->len, in->flags);
}

/* --- Files that grow --- */

/*
 * Pages behind the end of a file cannot be had. The machine has something else there, so that a
 * guest which touches them all the same does not stall; and has to put it away before the guest
 * learns that the file is longer.
 */
static void settle(struct server *server, const struct inode *inode)
{
	server->options.window.settle(server->options.window.owner, inode->key.device,
				      inode->key.number);
}

static bool may_be_mapped(struct server *server)
{
	return server->options.window.settle && atomic_load(&server->mapped);
}

void mapping_tell(struct server *server, const struct statx *stat)
{
	uint64_t change = (uint64_t)stat->stx_ctime.tv_sec * 1000000000U + stat->stx_ctime.tv_nsec;
	struct inode *inode;

	if (!S_ISREG(stat->stx_mode) || !may_be_mapped(server))
		return;
	inode = inode_find(server, stat);
	if (!inode)
		return;
	if (atomic_load(&inode->mapped) && (atomic_load(&inode->settled_size) != stat->stx_size ||
					    atomic_load(&inode->settled_change) != change)) {
		settle(server, inode);
		atomic_store(&inode->settled_size, stat->stx_size);
		atomic_store(&inode->settled_change, change);
	}
	inode_put(server, inode);
}

void mapping_changed(struct server *server, const struct handle *handle)
{
	if (may_be_mapped(server) && atomic_load(&handle->inode->mapped))
		settle(server, handle->inode);
}

int removemapping_op(struct task *task)
{
	const struct server_window *window = &task->server->options.window;
	uint32_t count = task->in.removemapping.count;
	int r = 0;

	if (count > MAX_REMOVED)
		return -EINVAL;
	for (uint32_t i = 0; i < count && r == 0; i++) {
		struct fuse_removemapping_one one;

		if (iov_read(task->call->in, task->call->in_count,
			     task->in.payload_at + i * sizeof(one), &one,
			     sizeof(one)) != sizeof(one))
			return -EINVAL;
		r = check(window, one.moffset, one.len);
		if (r == 0)
			r = window->unmap(window->owner, one.moffset, one.len);
	}
	return r;
}
