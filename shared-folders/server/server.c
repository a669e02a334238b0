/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The life of a server, and a request's way through it. */
#include "shared-folders/server/server.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"
#include "protocol/share.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/echo.h"
#include "shared-folders/server/handle.h"
#include "shared-folders/server/inode.h"
#include "shared-folders/server/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define OUT_HEADER sizeof(struct fuse_out_header)

/* Errors that a kernel takes from a server end before its own begin. */
#define LAST_ERROR 511

/* --- Life ------------------------------------------------------------------------------------ */

/* Half of the descriptors that we may have: the others are for what is open. */
static unsigned int descriptor_bound(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < 64)
		return 16;
	return (unsigned int)MIN(limit.rlim_cur / 2, (rlim_t)16384);
}

/* Who waits for renames to end is not passed by new ones for ever. */
static void renames_init(pthread_rwlock_t *renames)
{
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(renames, &attributes);
	pthread_rwlockattr_destroy(&attributes);
}

int server_new(const struct server_options *options, struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return -ENOMEM;
	server->options = *options;
	server->us = (struct server_identity){.uid = geteuid(), .gid = getegid()};
	server->privileged = server->us.uid == 0;
	server->max_descriptors =
		options->max_descriptors ? options->max_descriptors : descriptor_bound();
	pthread_mutex_init(&server->lock, NULL);
	pthread_mutex_init(&server->beginning, NULL);
	renames_init(&server->renames);
	pthread_cond_init(&server->lock_threads_changed, NULL);
	id_table_init(&server->handles, HANDLE_MAX);
	id_table_draw(&server->handles);
	server->proc = options->proc ? fcntl(options->proc, F_DUPFD_CLOEXEC, 3)
				     : open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = server->proc < 0 ? -errno : inodes_new(server);
	if (r < 0) {
		server_free(server);
		return r;
	}
	umask(0);
	*out = server;
	return 0;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	coherence_free(server);
	session_end(server);
	inodes_free(server);
	id_table_free(&server->handles);
	if (server->proc >= 0)
		close(server->proc);
	pthread_mutex_destroy(&server->lock);
	pthread_mutex_destroy(&server->beginning);
	pthread_rwlock_destroy(&server->renames);
	pthread_cond_destroy(&server->lock_threads_changed);
	free(server);
}

/* --- Replies --------------------------------------------------------------------------------- */

size_t server_reply_room(const void *request, size_t length)
{
	struct fuse_in_header header;
	struct fuse_request decoded;
	size_t body;

	if (length < sizeof(header))
		return 0;
	memcpy(&header, request, sizeof(header));
	decoded.info = fuse_opcode(header.opcode);
	if (!decoded.info)
		return OUT_HEADER;
	if (decoded.info->reply == FUSE_REPLY_NEVER)
		return 0;
	memset(decoded.arguments, 0, sizeof(decoded.arguments));
	memcpy(decoded.arguments, (const char *)request + sizeof(header),
	       MIN(length - sizeof(header), sizeof(decoded.arguments)));
	body = fuse_reply_body_max(decoded.info, decoded.arguments);
	return OUT_HEADER + MIN(body, (size_t)SERVER_MAX_PAYLOAD);
}

size_t task_room_bytes(const struct task *task)
{
	size_t room = fuse_iov_bytes(task->call->out, task->call->out_count);

	room = MIN(room, (size_t)SERVER_MAX_MESSAGE);
	return room > OUT_HEADER + task->length ? room - OUT_HEADER - task->length : 0;
}

int task_put(struct task *task, const void *bytes, size_t size)
{
	if (size > task_room_bytes(task))
		return -EIO;
	iov_write(task->call->out, task->call->out_count, OUT_HEADER + task->length, bytes, size);
	task->length += size;
	return 0;
}

unsigned int task_room(const struct task *task, size_t size, struct iovec *slice)
{
	return iov_slice(task->call->out, task->call->out_count, OUT_HEADER + task->length,
			 MIN(size, task_room_bytes(task)), slice);
}

unsigned int task_payload(const struct task *task, struct iovec *slice)
{
	return iov_slice(task->call->in, task->call->in_count, task->in.payload_at,
			 task->in.payload_bytes, slice);
}

/* @length: of the body, which is there already */
static void answer(struct server_call *call, uint64_t unique, int error, size_t length)
{
	struct fuse_out_header header = {.unique = unique};

	if (error < 0) {
		header.error = error < -LAST_ERROR ? -EIO : error;
		length = 0;
	}
	header.len = (uint32_t)(OUT_HEADER + length);
	if (unique == 0 ||
	    iov_write(call->out, call->out_count, 0, &header, OUT_HEADER) < OUT_HEADER) {
		call->done(call, 0);
		return;
	}
	call->done(call, header.len);
}

void server_answer(struct server *server, struct waiter *waiter, int error, const void *body,
		   size_t size)
{
	struct task task = {.server = server, .call = waiter->call};

	if (error == 0)
		error = task_put(&task, body, size);
	answer(waiter->call, waiter->unique, error, task.length);
}

/* --- Requests -------------------------------------------------------------------------------- */

static int carry_out(struct task *task)
{
	_cleanup_owner_ struct owner_scope owner = {.acting = false};
	operation run = operation_of(task->in.header.opcode);
	int r;

	if (!run)
		return -ENOSYS;
	if (!atomic_load(&task->server->begun) && task->in.header.opcode != FUSE_INIT)
		return -EIO;
	if (coherence_is_echo(task->server, task->in.header.pid)) {
		r = echo_call(task);
		if (r != ECHO_AS_ANY)
			return r;
	}
	r = owner_begin(task->server, &owner);
	if (r < 0)
		return r;
	coherence_note(task);
	r = run(task);
	coherence_note(task);
	return r;
}

void server_call(struct server *server, struct server_call *call)
{
	uint64_t flags = atomic_load(&server->flags);
	struct task task; /* most of it is room for names */
	int r;

	task.server = server;
	task.call = call;
	task.length = 0;
	r = fuse_request_decode(call->in, call->in_count, flags & FUSE_SETXATTR_EXT,
				SERVER_MAX_MESSAGE, &task.in);

	if (r == -EBADMSG) {
		call->done(call, 0);
		return;
	}
	if (task.in.header.opcode == SHARE_OP_ECHO) {
		coherence_set_echo(server, task.in.header.pid, task.in.header.nodeid);
		call->done(call, 0);
		return;
	}
	if (r == 0)
		r = carry_out(&task);
	if (r == TASK_LATER)
		return;
	if (r == TASK_NO_REPLY || (task.in.info && task.in.info->reply == FUSE_REPLY_NEVER))
		call->done(call, 0);
	else
		answer(call, task.in.header.unique, r, task.length);
}
