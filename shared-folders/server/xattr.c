/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Extended attributes, and the ACLs that travel as such.
 *
 * What passes: user.*, security.capability, trusted.* where numbers of users pass as they are (its
 * protection is the peer's root), and ACLs where ids in them need no translation. All else is as if
 * the file system had no such kind.
 *
 * An attribute of a file that is held by an O_PATH descriptor can only be had by name: the number
 * of the descriptor in /proc/self/fd, which the thread makes its working directory. Threads share
 * that until they ask for one of their own.
 */
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/iov.h"
#include "shared-folders/fuse/opcode.h"
#include "shared-folders/server/inode.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include <linux/xattr.h>

#define ACL_PREFIX "system.posix_acl_"

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool passes(const struct server *server, const char *name)
{
	const struct server_options *options = &server->options;

	if (begins_with(name, ACL_PREFIX))
		return options->acl && options->owner == SERVER_OWNER_PASS;
	if (!options->xattr)
		return false;
	if (begins_with(name, XATTR_TRUSTED_PREFIX))
		return options->owner == SERVER_OWNER_PASS;
	return begins_with(name, XATTR_USER_PREFIX) || strcmp(name, XATTR_NAME_CAPS) == 0;
}

/* A file and the name by which its attributes are had. */
struct target {
	struct node node;
	char name[16];
};

/* Return: 0; -ENOSYS: there are no attributes at all, and nobody needs to ask again. */
static int target_begin(struct task *task, struct target *target)
{
	struct server *server = task->server;
	int r;

	*target = (struct target){.node = NODE_NONE};
	if (!server->options.xattr && !server->options.acl)
		return -ENOSYS;
	if (task->in.name && !passes(server, task->in.name))
		return -EOPNOTSUPP;
	r = node_begin(&target->node, server, task->in.header.nodeid);
	if (r < 0)
		return r;
	snprintf(target->name, sizeof(target->name), "%d", target->node.descriptor);
	/* Nothing to do where the thread has its own already. */
	return unshare(CLONE_FS) < 0 || fchdir(server->proc) < 0 ? -errno : 0;
}

static void target_end(struct target *target)
{
	node_end(&target->node);
}
#define _cleanup_target_ _cleanup_(target_end)

int setxattr_op(struct task *task)
{
	_cleanup_target_ struct target target;
	const struct fuse_setxattr_in *in = &task->in.setxattr;
	_cleanup_free_ void *value = NULL;
	bool dropped;
	int r = target_begin(task, &target);

	if (r == 0)
		r = may_change(task);
	if (r < 0)
		return r;
	if (task->in.payload_bytes > XATTR_SIZE_MAX)
		return -E2BIG;
	value = malloc(MAX(task->in.payload_bytes, (size_t)1));
	if (!value)
		return -ENOMEM;
	if (iov_read(task->call->in, task->call->in_count, task->in.payload_at, value,
		     task->in.payload_bytes) != task->in.payload_bytes)
		return -EINVAL;
	dropped = fsetid_drop(task->server->privileged &&
			      (in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID));
	r = setxattr(target.name, task->in.name, value, task->in.payload_bytes, (int)in->flags);
	if (r < 0)
		r = -errno;
	fsetid_restore(dropped);
	return r;
}

int removexattr_op(struct task *task)
{
	_cleanup_target_ struct target target;
	int r = target_begin(task, &target);

	if (r == 0)
		r = may_change(task);
	if (r < 0)
		return r;
	return removexattr(target.name, task->in.name) < 0 ? -errno : 0;
}

/* The reply to a question for @asked bytes: them, or how many there are. */
static int put_value(struct task *task, uint32_t asked, const void *bytes, size_t size)
{
	struct fuse_getxattr_out out = {.size = (uint32_t)size};

	if (asked == 0)
		return task_put(task, &out, sizeof(out));
	return size > asked ? -ERANGE : task_put(task, bytes, size);
}

int getxattr_op(struct task *task)
{
	_cleanup_target_ struct target target;
	uint32_t asked = task->in.getxattr.size;
	size_t room = MIN(asked, (uint32_t)XATTR_SIZE_MAX);
	_cleanup_free_ void *value = NULL;
	ssize_t size;
	int r = target_begin(task, &target);

	if (r < 0)
		return r;
	if (room > 0) {
		value = malloc(room);
		if (!value)
			return -ENOMEM;
	}
	size = getxattr(target.name, task->in.name, value, room);
	if (size < 0) {
		/* A peer that heeds ACLs would take it that nobody may do anything to the file. */
		if (errno == EOPNOTSUPP && begins_with(task->in.name, ACL_PREFIX))
			return -ENODATA;
		return -errno;
	}
	return put_value(task, asked, value, (size_t)size);
}

/* Leave out what does not pass. Return: bytes that are left. */
static size_t filter(const struct task *task, char *list, size_t size)
{
	/* As listxattr(2) does natively. */
	bool trusted = task->in.header.uid == 0;
	size_t kept = 0;

	for (size_t at = 0; at < size;) {
		size_t length = strnlen(list + at, size - at) + 1;

		if (at + length <= size && passes(task->server, list + at) &&
		    (trusted || !begins_with(list + at, XATTR_TRUSTED_PREFIX))) {
			memmove(list + kept, list + at, length);
			kept += length;
		}
		at += length;
	}
	return kept;
}

int listxattr_op(struct task *task)
{
	_cleanup_target_ struct target target;
	_cleanup_free_ char *list = NULL;
	ssize_t size;
	int r = target_begin(task, &target);

	if (r < 0)
		return r;
	list = malloc(XATTR_LIST_MAX);
	if (!list)
		return -ENOMEM;
	size = listxattr(target.name, list, XATTR_LIST_MAX);
	if (size < 0)
		return -errno;
	return put_value(task, task->in.getxattr.size, list, filter(task, list, (size_t)size));
}
