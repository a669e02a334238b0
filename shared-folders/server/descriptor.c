/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/descriptor.h"

#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/* Folders above one another without a descriptor; deeper than that a path is too long. */
#define MAX_DEPTH 4096

/* How many are closed at once when the process has no room for more. */
#define SPARE 64

/* --- The order in which they go -------------------------------------------------------------- */

static void order_remove(struct server *server, struct inode *inode)
{
	*(inode->older ? &inode->older->newer : &server->oldest) = inode->newer;
	*(inode->newer ? &inode->newer->older : &server->newest) = inode->older;
	inode->older = inode->newer = NULL;
}

static void order_add(struct server *server, struct inode *inode)
{
	inode->older = server->newest;
	inode->newer = NULL;
	*(server->newest ? &server->newest->newer : &server->oldest) = inode;
	server->newest = inode;
}

int descriptor_detach(struct server *server, struct inode *inode)
{
	if (inode->descriptor < 0)
		return -EBADF;
	if (inode->descriptor_users == 0)
		order_remove(server, inode);
	server->descriptors--;
	return take_fd(&inode->descriptor);
}

/* With the lock. */
static void use(struct server *server, struct inode *inode)
{
	if (inode->descriptor_users++ == 0)
		order_remove(server, inode);
}

/* Close up to @count of the oldest while there are more than @bound. Return: how many. */
static unsigned int close_oldest(struct server *server, unsigned int count, unsigned int bound)
{
	unsigned int closed = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct inode *inode;
		int fd = -EBADF;

		pthread_mutex_lock(&server->lock);
		inode = server->oldest;
		if (!inode || server->descriptors <= bound) {
			pthread_mutex_unlock(&server->lock);
			break;
		}
		if (inode->parent) {
			fd = descriptor_detach(server, inode);
		} else {
			/* It has no name to be opened again by. */
			order_remove(server, inode);
			order_add(server, inode);
		}
		pthread_mutex_unlock(&server->lock);
		if (fd >= 0) {
			close(fd);
			closed++;
		}
	}
	return closed;
}

bool descriptor_spare(struct server *server)
{
	return close_oldest(server, SPARE, 0) > 0;
}

void inode_descriptor_put(struct server *server, struct inode *inode)
{
	bool many;

	pthread_mutex_lock(&server->lock);
	if (--inode->descriptor_users == 0)
		order_add(server, inode);
	many = server->descriptors > server->max_descriptors;
	pthread_mutex_unlock(&server->lock);
	if (many)
		close_oldest(server, 4, server->max_descriptors);
}

/* With one use more. Return: the inode's, which is another if it had one meanwhile. */
static int adopt(struct server *server, struct inode *inode, int fd)
{
	int ours;

	pthread_mutex_lock(&server->lock);
	if (inode->descriptor >= 0) {
		use(server, inode);
	} else {
		inode->descriptor = fd;
		inode->descriptor_users = 1;
		server->descriptors++;
	}
	ours = inode->descriptor;
	pthread_mutex_unlock(&server->lock);
	if (ours != fd)
		close(fd);
	return ours;
}

void descriptor_attach(struct server *server, struct inode *inode, int fd)
{
	adopt(server, inode, fd);
	inode_descriptor_put(server, inode);
}

/* --- Opening --------------------------------------------------------------------------------- */

static int open_child(const struct server *server, int parent, const char *name)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	if (!server->options.submounts)
		how.resolve |= RESOLVE_NO_XDEV;
	fd = (int)syscall(SYS_openat2, parent, name, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS)
		fd = openat(parent, name, (int)how.flags);
	return fd < 0 ? -errno : fd;
}

int descriptor_open_child(const struct server *server, int parent, const char *name)
{
	int fd = open_child(server, parent, name);

	/* The kernel could not exclude that a rename led out of the folder; it was none of ours. */
	for (int i = 0; fd == -EAGAIN && i < 16; i++)
		fd = open_child(server, parent, name);
	if ((fd == -EMFILE || fd == -ENFILE) && descriptor_spare((struct server *)server))
		fd = open_child(server, parent, name);
	return fd;
}

/* The name of @inode in @parent. Return: 0; -ESTALE: it is not there. */
static int name_in(struct server *server, const struct inode *inode, const struct inode *parent,
		   char name[static FUSE_NAME_MAX_BYTES + 1])
{
	int r = -ESTALE;

	pthread_mutex_lock(&server->lock);
	if (inode->parent == parent) {
		snprintf(name, FUSE_NAME_MAX_BYTES + 1, "%s", inode->name);
		r = 0;
	}
	pthread_mutex_unlock(&server->lock);
	return r;
}

/* Open @inode, whose parent has the descriptor @parent_fd, with one use. */
static int open_in_parent(struct server *server, struct inode *inode, const struct inode *parent,
			  int parent_fd)
{
	char name[FUSE_NAME_MAX_BYTES + 1];
	_cleanup_close_ int fd = -EBADF;
	struct statx stat;
	int r = name_in(server, inode, parent, name);

	if (r < 0)
		return r;
	fd = descriptor_open_child(server, parent_fd, name);
	if (fd < 0)
		return fd == -ENOENT || fd == -ELOOP ? -ESTALE : fd;
	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STAT_MASK, &stat) < 0)
		return -errno;
	if (!inode_is(inode, &stat))
		return -ESTALE;
	return adopt(server, inode, take_fd(&fd));
}

/* With the lock: how far above @inode the next one with a descriptor is. */
static int missing(const struct inode *inode)
{
	int depth = 0;

	for (; inode->descriptor < 0; inode = inode->parent) {
		if (!inode->parent)
			return -ESTALE;
		if (++depth > MAX_DEPTH)
			return -ENAMETOOLONG;
	}
	return depth;
}

/* Open @inode and what is missing above it, from above. */
static int open_chain(struct server *server, struct inode *inode)
{
	_cleanup_free_ struct inode **chain = NULL;
	struct inode *above;
	int depth, fd;

	pthread_mutex_lock(&server->lock);
	depth = missing(inode);
	if (depth >= 0) {
		chain = calloc((size_t)depth + 1, sizeof(struct inode *));
		depth = chain ? depth : -ENOMEM;
	}
	if (depth < 0) {
		pthread_mutex_unlock(&server->lock);
		return depth;
	}
	above = inode;
	for (int i = 0; i < depth; i++, above = above->parent) {
		above->references++;
		chain[i] = above;
	}
	above->references++;
	use(server, above);
	fd = above->descriptor;
	pthread_mutex_unlock(&server->lock);

	for (int i = depth - 1; i >= 0; i--) {
		int next = fd < 0 ? fd : open_in_parent(server, chain[i], above, fd);

		if (fd >= 0)
			inode_descriptor_put(server, above);
		inode_put(server, above);
		above = chain[i];
		fd = next;
	}
	inode_put(server, above);
	return fd;
}

/* A rename of the peer's that is under way may be why something is not found: let it end. */
static void wait_for_renames(struct server *server)
{
	pthread_rwlock_wrlock(&server->renames);
	pthread_rwlock_unlock(&server->renames);
}

int inode_descriptor_get(struct server *server, struct inode *inode)
{
	int fd;

	for (int tries = 0;; tries++) {
		pthread_mutex_lock(&server->lock);
		fd = inode->descriptor;
		if (fd >= 0)
			use(server, inode);
		pthread_mutex_unlock(&server->lock);
		if (fd >= 0)
			return fd;
		fd = open_chain(server, inode);
		if (fd != -ESTALE || tries > 0)
			return fd;
		wait_for_renames(server);
	}
}

int inode_open(struct server *server, struct inode *inode, int flags)
{
	char name[16];
	int path, fd;

	if (inode->type != S_IFREG && inode->type != S_IFDIR)
		return inode->type == S_IFLNK ? -ELOOP : -EOPNOTSUPP;
	path = inode_descriptor_get(server, inode);
	if (path < 0)
		return path;
	flags = (flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL | O_PATH)) | O_CLOEXEC | O_NOCTTY;
	snprintf(name, sizeof(name), "%d", path);
	for (int tries = 0;; tries++) {
		if (inode->type == S_IFDIR)
			fd = openat(path, ".", flags);
		else
			fd = openat(server->proc, name, flags);
		if (fd >= 0 || (errno != EMFILE && errno != ENFILE) || tries > 0 ||
		    !descriptor_spare(server))
			break;
	}
	if (fd < 0)
		fd = -errno;
	inode_descriptor_put(server, inode);
	return fd;
}

/* --- Looking --------------------------------------------------------------------------------- */

int inode_stat_child(struct server *server, int parent, const char *name, struct statx *stat)
{
	if (statx(parent, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STAT_MASK, stat) < 0)
		return -errno;
	if (!server->options.submounts && (stat->stx_mask & STATX_MNT_ID) &&
	    stat->stx_mnt_id != server->root_mount)
		return -EXDEV;
	return 0;
}

/* By its name, while it has no descriptor. @parent: with a reference */
static int stat_in_parent(struct server *server, struct inode *inode, struct inode *parent,
			  struct statx *stat)
{
	char name[FUSE_NAME_MAX_BYTES + 1];
	int fd, r;

	r = name_in(server, inode, parent, name);
	if (r < 0)
		return r;
	fd = inode_descriptor_get(server, parent);
	if (fd < 0)
		return fd;
	r = inode_stat_child(server, fd, name, stat);
	inode_descriptor_put(server, parent);
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	return inode_is(inode, stat) ? 0 : -ESTALE;
}

int inode_stat(struct server *server, struct inode *inode, struct statx *stat)
{
	for (int tries = 0;; tries++) {
		struct inode *parent = NULL;
		int fd, r;

		pthread_mutex_lock(&server->lock);
		fd = inode->descriptor;
		if (fd >= 0) {
			use(server, inode);
		} else if (inode->parent) {
			parent = inode->parent;
			parent->references++;
		}
		pthread_mutex_unlock(&server->lock);
		if (fd >= 0) {
			r = statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STAT_MASK, stat) < 0
				    ? -errno
				    : 0;
			inode_descriptor_put(server, inode);
			return r;
		}
		r = -ESTALE;
		if (parent) {
			r = stat_in_parent(server, inode, parent, stat);
			inode_put(server, parent);
		}
		if (r != -ESTALE || tries > 0)
			return r;
		wait_for_renames(server);
	}
}
