/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of files: from the file straight to where the reply belongs, and back.
 *
 * Files are never opened with O_APPEND here. Whether a write appends is said by the flags that each
 * WRITE carries (which fcntl(2) over there may change), and what comes out of the peer's page
 * cache has its place and never does.
 */
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"
#include "shared-folders/server/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

/* Pieces of a request that have room on the stack; more than that: see pieces_new(). */
#define FEW 64

/* Room for the pieces of @count: @few if they fit. Return: NULL: more than the kernel takes, or no
 * memory. @allocated: to be freed. */
static struct iovec *pieces_new(size_t count, struct iovec *few, void **allocated)
{
	if (count <= FEW)
		return few;
	if (count <= IOV_MAX)
		*allocated = malloc(count * sizeof(*few));
	return *allocated;
}

/* Drop what is at the front. Return: the pieces left. */
static unsigned int advance(struct iovec *pieces, unsigned int count, size_t bytes, size_t left)
{
	return left ? iov_slice(pieces, count, bytes, left, pieces) : 0;
}

int read_op(struct task *task)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	const struct fuse_read_in *in = &task->in.read;
	_cleanup_free_ void *allocated = NULL;
	struct iovec few[FEW], *pieces = pieces_new(task->call->out_count, few, &allocated);
	size_t wanted = MIN(in->size, SERVER_MAX_PAYLOAD), done = 0;
	unsigned int count;
	int r;

	if (!pieces)
		return -ENOMEM;
	if (in->offset > INT64_MAX - SERVER_MAX_PAYLOAD)
		return in->offset > INT64_MAX ? -EINVAL : 0;
	r = handle_get(task->server, in->fh, task->in.header.nodeid, &open.handle);
	if (r < 0)
		return r;
	wanted = MIN(wanted, task_room_bytes(task));
	count = task_room(task, wanted, pieces);
	/* The peer takes a short reply for the end of the file: only that may cut it. */
	while (count > 0) {
		ssize_t got =
			preadv(open.handle->fd, pieces, (int)count, (off_t)(in->offset + done));

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
		count = advance(pieces, count, (size_t)got, wanted - done);
	}
	task_grow(task, done);
	return 0;
}

/* RWF_* of a write. */
static int write_flags(const struct task *task)
{
	const struct fuse_write_in *in = &task->in.write;

	if (!(in->flags & O_APPEND) || (in->write_flags & FUSE_WRITE_CACHE) ||
	    (atomic_load(&task->server->flags) & FUSE_WRITEBACK_CACHE))
		return 0;
	return RWF_APPEND;
}

int write_op(struct task *task)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	const struct fuse_write_in *in = &task->in.write;
	_cleanup_free_ void *allocated = NULL;
	struct iovec few[FEW], *pieces = pieces_new(task->call->in_count, few, &allocated);
	struct fuse_write_out out = {0};
	ssize_t done;
	bool dropped;
	int r = may_change(task);

	if (r < 0)
		return r;
	if (!pieces)
		return -ENOMEM;
	if (in->offset > INT64_MAX)
		return -EINVAL;
	if (task->in.payload_bytes > SERVER_MAX_PAYLOAD)
		return -E2BIG;
	r = handle_get(task->server, in->fh, task->in.header.nodeid, &open.handle);
	if (r < 0)
		return r;
	dropped = fsetid_drop(task->server->privileged &&
			      (in->write_flags & FUSE_WRITE_KILL_SUIDGID));
	done = pwritev2(open.handle->fd, pieces, (int)task_payload(task, pieces), (off_t)in->offset,
			write_flags(task));
	if (done < 0)
		done = -errno;
	fsetid_restore(dropped);
	if (done < 0)
		return (int)done;
	mapping_changed(task->server, open.handle);
	out.size = (uint32_t)done;
	return task_put(task, &out, sizeof(out));
}
