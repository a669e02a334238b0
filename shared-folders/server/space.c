/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Space of files: reserved, given back, looked for, copied. */
#include "protocol/base/bytes.h"
#include "shared-folders/server/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

/* The most that one copy does: longer ones come back for more, so none holds a thread for long. */
#define MAX_COPY (256U << 20)

/* These requests do not say whose set-id bits go: those of files that an ordinary user changes. */
static bool as_user(const struct task *task)
{
	return fsetid_drop(task->server->privileged && task->in.header.uid != 0);
}

int fallocate_op(struct task *task)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	const struct fuse_fallocate_in *in = &task->in.fallocate;
	bool dropped;
	int r = may_change(task);

	if (r < 0)
		return r;
	/* Those whose effect on its caches the peer's kernel knows. */
	if (in->mode &
	    ~(uint32_t)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (in->offset > INT64_MAX || in->length > INT64_MAX)
		return -EINVAL;
	r = handle_get(task->server, in->fh, task->in.header.nodeid, &open.handle);
	if (r < 0)
		return r;
	dropped = as_user(task);
	r = fallocate(open.handle->fd, (int)in->mode, (off_t)in->offset, (off_t)in->length);
	if (r < 0)
		r = -errno;
	fsetid_restore(dropped);
	mapping_changed(task->server, open.handle);
	return r;
}

int lseek_op(struct task *task)
{
	_cleanup_handle_ struct handle_scope open = {.server = task->server};
	const struct fuse_lseek_in *in = &task->in.lseek;
	struct fuse_lseek_out out;
	off_t offset;
	int r;

	/* We do not know what the peer has written and still holds back: its kernel, told so, calls
	 * all of the file data rather than lose some of it in what it takes for a hole. */
	if (atomic_load(&task->server->flags) & FUSE_WRITEBACK_CACHE)
		return -ENOSYS;
	/* The rest needs no server. */
	if (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
		return -EINVAL;
	if (in->offset > INT64_MAX)
		return -ENXIO;
	r = handle_get(task->server, in->fh, task->in.header.nodeid, &open.handle);
	if (r < 0)
		return r;
	/* The descriptor's own offset moves, but nothing here uses it. */
	offset = lseek(open.handle->fd, (off_t)in->offset, (int)in->whence);
	if (offset < 0)
		return -errno;
	out.offset = (uint64_t)offset;
	return task_put(task, &out, sizeof(out));
}

int copy_file_range_op(struct task *task)
{
	_cleanup_handle_ struct handle_scope from = {.server = task->server};
	_cleanup_handle_ struct handle_scope to = {.server = task->server};
	int from_fd, to_fd;
	const struct fuse_copy_file_range_in *in = &task->in.copy;
	struct fuse_write_out out = {0};
	off_t from_at, to_at;
	ssize_t done;
	bool dropped;
	int r = may_change(task);

	if (r < 0)
		return r;
	if (in->flags || in->off_in > INT64_MAX || in->off_out > INT64_MAX)
		return -EINVAL;
	r = handle_get(task->server, in->fh_in, task->in.header.nodeid, &from.handle);
	if (r < 0)
		return r;
	from_fd = from.handle->fd;
	r = handle_get(task->server, in->fh_out, in->nodeid_out, &to.handle);
	if (r < 0)
		return r;
	to_fd = to.handle->fd;
	from_at = (off_t)in->off_in;
	to_at = (off_t)in->off_out;
	dropped = as_user(task);
	done = copy_file_range(from_fd, &from_at, to_fd, &to_at, MIN(in->len, (uint64_t)MAX_COPY),
			       0);
	if (done < 0)
		done = -errno;
	fsetid_restore(dropped);
	if (done < 0)
		return (int)done;
	mapping_changed(task->server, to.handle);
	out.size = (uint32_t)done;
	return task_put(task, &out, sizeof(out));
}
