/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* New names: files, folders, links. */
#include "protocol/base/cleanup.h"
#include "shared-folders/server/coherence.h"
#include "shared-folders/server/descriptor.h"
#include "shared-folders/server/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define DEFAULT_ACL "system.posix_acl_default"

/*
 * The mode of a new file. Where the peer leaves its umask to us (FUSE_DONT_MASK), it counts unless
 * the folder has a default ACL, which replaces it (acl(5)).
 */
static mode_t new_mode(const struct task *task, int parent, uint32_t mode, uint32_t umask)
{
	_cleanup_close_ int folder = -EBADF;

	mode &= 07777;
	if (!(atomic_load(&task->server->flags) & FUSE_DONT_MASK))
		return mode;
	/* There is no fgetxattr() of an O_PATH descriptor. */
	folder = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0 && fgetxattr(folder, DEFAULT_ACL, NULL, 0) > 0)
		return mode;
	return mode & ~umask;
}

/* Tell the peer of what is now there by that name. */
static int tell_entry(struct task *task, const struct node *parent, const char *name)
{
	struct fuse_entry_out entry = {0};
	struct statx stat;
	int r = inode_stat_child(task->server, parent->descriptor, name, &stat);

	if (r == 0)
		r = inode_enter_entry(task->server, parent->inode, name, &stat, &entry);
	if (r < 0)
		return r;
	r = task_put(task, &entry, sizeof(entry));
	if (r < 0)
		inode_forget(task->server, entry.nodeid, 1);
	return r;
}

/* The folder for a new name, and as whom to make it. */
static int creation_begin(struct task *task, struct node *parent, struct owner_scope *owner)
{
	int r = may_change(task);

	if (r == 0)
		r = node_begin_folder(parent, task->server, task->in.header.nodeid);
	if (r < 0)
		return r;
	coherence_watch(task->server, parent->inode, parent->descriptor);
	return owner_begin_creation(task, owner);
}

static bool may_make(const struct server *server, mode_t type)
{
	switch (type) {
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	case S_IFCHR:
	case S_IFBLK:
		return server->privileged && server->options.owner == SERVER_OWNER_PASS;
	default:
		return false;
	}
}

int mknod_op(struct task *task)
{
	_cleanup_owner_ struct owner_scope owner = {.acting = false};
	_cleanup_node_ struct node parent = NODE_NONE;
	const struct fuse_mknod_in *in = &task->in.mknod;
	mode_t type = in->mode & S_IFMT ? in->mode & S_IFMT : S_IFREG;
	dev_t device =
		makedev(in->rdev >> 8 & 0xfff, (in->rdev & 0xff) | (in->rdev >> 12 & 0xfff00));
	mode_t mode;
	int r;

	if (!may_make(task->server, type))
		return -EPERM;
	r = creation_begin(task, &parent, &owner);
	if (r < 0)
		return r;
	mode = new_mode(task, parent.descriptor, in->mode, in->umask) | type;
	do {
		r = mknodat(parent.descriptor, task->in.name, mode, device) < 0 ? -errno : 0;
	} while (owner_again(&owner, r));
	owner_end(&owner);
	return r < 0 ? r : tell_entry(task, &parent, task->in.name);
}

int mkdir_op(struct task *task)
{
	_cleanup_owner_ struct owner_scope owner = {.acting = false};
	_cleanup_node_ struct node parent = NODE_NONE;
	const struct fuse_mkdir_in *in = &task->in.mkdir;
	mode_t mode;
	int r = creation_begin(task, &parent, &owner);

	if (r < 0)
		return r;
	mode = new_mode(task, parent.descriptor, in->mode, in->umask);
	do {
		r = mkdirat(parent.descriptor, task->in.name, mode) < 0 ? -errno : 0;
	} while (owner_again(&owner, r));
	owner_end(&owner);
	return r < 0 ? r : tell_entry(task, &parent, task->in.name);
}

int symlink_op(struct task *task)
{
	_cleanup_owner_ struct owner_scope owner = {.acting = false};
	_cleanup_node_ struct node parent = NODE_NONE;
	int r = creation_begin(task, &parent, &owner);

	if (r < 0)
		return r;
	do {
		r = symlinkat(task->in.second, parent.descriptor, task->in.name) < 0 ? -errno : 0;
	} while (owner_again(&owner, r));
	owner_end(&owner);
	return r < 0 ? r : tell_entry(task, &parent, task->in.name);
}

int link_op(struct task *task)
{
	_cleanup_node_ struct node file = NODE_NONE, parent = NODE_NONE;
	char name[16];
	int r = may_change(task);

	if (r == 0)
		r = node_begin(&file, task->server, task->in.link.oldnodeid);
	if (r == 0)
		r = node_begin_folder(&parent, task->server, task->in.header.nodeid);
	if (r < 0)
		return r;
	/* By way of /proc it is the very file, link or not; and needs no privilege. */
	snprintf(name, sizeof(name), "%d", file.descriptor);
	if (linkat(task->server->proc, name, parent.descriptor, task->in.name, AT_SYMLINK_FOLLOW) <
	    0)
		return -errno;
	return tell_entry(task, &parent, task->in.name);
}

/* --- Created and opened ---------------------------------------------------------------------- */

int server_file_flags(const struct server *server, uint32_t flags)
{
	/* O_APPEND comes with each write (data.c). */
	int ours = (int)(flags & (O_ACCMODE | O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME));

	/* The peer reads what it writes only a part of. */
	if ((server->flags & FUSE_WRITEBACK_CACHE) && (ours & O_ACCMODE) == O_WRONLY)
		ours = (ours & ~O_ACCMODE) | O_RDWR;
	return ours | O_CLOEXEC | O_NOCTTY;
}

int server_put_open(struct task *task, uint64_t handle, uint64_t node, uint32_t flags)
{
	struct fuse_open_out out = {
		.fh = handle,
		.open_flags = flags,
	};
	int r = task_put(task, &out, sizeof(out));

	if (r < 0)
		handle_close(task->server, handle, node);
	return r;
}

/* A new file, open. Return: its descriptor; -EEXIST: there is one. */
static int make_file(struct task *task, const struct node *parent, struct owner_scope *owner,
		     int flags)
{
	const struct fuse_create_in *in = &task->in.create;
	mode_t mode = new_mode(task, parent->descriptor, in->mode, in->umask);
	int fd;

	do {
		fd = openat(parent->descriptor, task->in.name,
			    (flags & ~O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
		if (fd < 0)
			fd = -errno;
		if ((fd == -EMFILE || fd == -ENFILE) && descriptor_spare(task->server))
			fd = -EAGAIN;
	} while (fd == -EAGAIN || owner_again(owner, fd));
	return fd;
}

/* What @fd, just made, is; its inode is told of, and gets a descriptor without another lookup. */
static int enter_file(struct task *task, const struct node *parent, int fd,
		      struct fuse_entry_out *entry, struct inode **inode)
{
	struct statx stat;
	char name[16];
	int path, r;

	if (statx(fd, "", AT_EMPTY_PATH, STAT_MASK, &stat) < 0)
		return -errno;
	r = inode_enter_entry(task->server, parent->inode, task->in.name, &stat, entry);
	if (r < 0)
		return r;
	r = inode_get(task->server, entry->nodeid, inode);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "%d", fd);
	path = openat(task->server->proc, name, O_PATH | O_CLOEXEC);
	if (path >= 0)
		descriptor_attach(task->server, *inode, path);
	return 0;
}

/* What was there already (somebody else was faster), open. Return: its descriptor. */
static int enter_existing(struct task *task, const struct node *parent, int flags,
			  struct fuse_entry_out *entry, struct inode **inode)
{
	struct statx stat;
	int r = inode_stat_child(task->server, parent->descriptor, task->in.name, &stat);

	if (r == 0)
		r = inode_enter_entry(task->server, parent->inode, task->in.name, &stat, entry);
	if (r == 0)
		r = inode_get(task->server, entry->nodeid, inode);
	if (r == 0)
		r = inode_open(task->server, *inode, flags);
	return r;
}

int create_op(struct task *task)
{
	_cleanup_owner_ struct owner_scope owner = {.acting = false};
	_cleanup_node_ struct node parent = NODE_NONE;
	struct server *server = task->server;
	int flags = server_file_flags(server, task->in.create.flags);
	struct fuse_entry_out entry = {0};
	_cleanup_close_ int fd = -EBADF;
	struct inode *inode = NULL;
	uint64_t handle;
	int r = creation_begin(task, &parent, &owner);

	if (r < 0)
		return r;
	fd = make_file(task, &parent, &owner, flags);
	owner_end(&owner);
	if (fd >= 0)
		r = enter_file(task, &parent, fd, &entry, &inode);
	else if (fd == -EEXIST && !(task->in.create.flags & O_EXCL))
		r = fd = enter_existing(task, &parent, flags, &entry, &inode);
	else
		r = fd;
	if (r >= 0)
		r = handle_new(server, inode, fd, flags, &handle);
	if (r == 0) {
		take_fd(&fd);
		r = task_put(task, &entry, sizeof(entry));
		if (r == 0)
			r = server_put_open(task, handle, entry.nodeid,
					    server_open_flags(task->server, entry.nodeid));
		else
			handle_close(server, handle, entry.nodeid);
	}
	if (inode)
		inode_put(server, inode);
	if (r < 0 && entry.nodeid)
		inode_forget(server, entry.nodeid, 1);
	return r;
}

/* --- Files without a name -------------------------------------------------------------------- */

/* What @fd is, its inode, which nothing but a descriptor can find again, and a handle. */
static int tell_nameless(struct task *task, int fd, int flags, struct fuse_entry_out *entry,
			 uint64_t *handle)
{
	struct server *server = task->server;
	struct inode *inode = NULL;
	struct statx stat;
	char name[16];
	int path, r;

	if (statx(fd, "", AT_EMPTY_PATH, STAT_MASK, &stat) < 0)
		return -errno;
	snprintf(name, sizeof(name), "%d", fd);
	path = openat(server->proc, name, O_PATH | O_CLOEXEC);
	if (path < 0)
		return -errno;
	r = inode_enter_entry(server, NULL, NULL, &stat, entry);
	if (r == 0)
		r = inode_get(server, entry->nodeid, &inode);
	if (r != 0 || !inode) {
		close(path);
		return r;
	}
	descriptor_attach(server, inode, path);
	r = handle_new(server, inode, fd, flags, handle);
	inode_put(server, inode);
	return r;
}

int tmpfile_op(struct task *task)
{
	_cleanup_owner_ struct owner_scope owner = {.acting = false};
	_cleanup_node_ struct node parent = NODE_NONE;
	const struct fuse_create_in *in = &task->in.create;
	struct server *server = task->server;
	int flags = server_file_flags(server, in->flags) & ~O_TRUNC;
	struct fuse_entry_out entry = {0};
	_cleanup_close_ int fd = -EBADF;
	uint64_t handle = 0;
	int r = creation_begin(task, &parent, &owner);

	if (r < 0)
		return r;
	do {
		/* With O_EXCL it never gets a name. */
		fd = openat(parent.descriptor, ".", flags | O_TMPFILE | ((int)in->flags & O_EXCL),
			    new_mode(task, parent.descriptor, in->mode, in->umask));
		r = fd < 0 ? -errno : 0;
	} while (owner_again(&owner, r));
	owner_end(&owner);
	if (r == 0)
		r = tell_nameless(task, fd, flags, &entry, &handle);
	if (r == 0) {
		take_fd(&fd);
		r = task_put(task, &entry, sizeof(entry));
		if (r == 0)
			r = server_put_open(task, handle, entry.nodeid,
					    server_open_flags(task->server, entry.nodeid));
		else
			handle_close(server, handle, entry.nodeid);
	}
	if (r < 0 && entry.nodeid)
		inode_forget(server, entry.nodeid, 1);
	return r;
}
