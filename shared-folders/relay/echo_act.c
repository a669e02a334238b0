/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * echo_act: one change, done to the mount. Which call raises which event: include/linux/fsnotify.h
 * and fs/attr.c of Linux.
 *
 *	CREATE		mknod, mkdir, symlink	IN_CREATE; an open would raise IN_OPEN as well
 *	DELETE		unlink, rmdir		IN_DELETE
 *	RENAME		rename			IN_MOVED_FROM, IN_MOVED_TO
 *	MODIFY		utimensat, mtime only	IN_MODIFY
 *	ATTRIBUTES	utimensat, both times	IN_ATTRIB
 *	WRITTEN		open to write, close	IN_CLOSE_WRITE (and IN_OPEN)
 *	LOOK_NAME	mkdir, read-only	none
 *	LOOK_FILE	statx, forced		none
 *
 * To look is for a kernel that takes no notifications (fs/fuse/dir.c, fs/namei.c). Before something
 * is created its name is looked up anew, whatever is believed of it, with the folder locked, so
 * that lookups with older answers are over; only then comes that the mount is read-only. So nothing
 * is created, whether or not the server knows who asks. A statx that insists on the server makes
 * the kernel drop the contents if size or mtime are others than it knew.
 *
 * Nothing is followed: no symbolic link, no mount inside the mount, nothing above its root.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "shared-folders/relay/echo.h"
#include "shared-folders/server/server.h"

/* Where a change is: a folder and a name in it, which points into the message. */
struct spot {
	int directory;
	const char *name;
};

static void spot_end(struct spot *spot)
{
	cleanup_close(&spot->directory);
}

#define _cleanup_spot_ _cleanup_(spot_end)

static int find_spot(int root, const char *path, struct spot *spot)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";

	spot->name = slash ? slash + 1 : path;
	if (slash) {
		if ((size_t)(slash - path) >= sizeof(folder))
			return -ENAMETOOLONG;
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	}
	if (!*spot->name || strcmp(spot->name, ".") == 0 || strcmp(spot->name, "..") == 0)
		return -EINVAL;
	spot->directory = (int)syscall(SYS_openat2, root, folder, &how, sizeof(how));
	return spot->directory < 0 ? -errno : 0;
}

static int create(const struct spot *at, uint32_t mode)
{
	int ret;

	if (S_ISDIR(mode))
		ret = mkdirat(at->directory, at->name, 0700);
	else if (S_ISLNK(mode))
		ret = symlinkat("-", at->directory, at->name);
	else
		ret = mknodat(at->directory, at->name, (mode & S_IFMT) | 0600, 0);
	return ret < 0 ? -errno : 0;
}

/* The times are what they are: the server changes nothing, and the kernel keeps what it has. */
static int touch(const struct spot *at, bool both)
{
	struct timespec times[2];
	struct stat status;

	if (fstatat(at->directory, at->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	times[0] = both ? status.st_atim : (struct timespec){.tv_nsec = UTIME_OMIT};
	times[1] = status.st_mtim;
	if (utimensat(at->directory, at->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* Not what may be a program: to start it while it is open to be written is ETXTBSY. */
static int close_written(const struct spot *at)
{
	struct stat status;
	int fd;

	if (fstatat(at->directory, at->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_mode & 0111)
		return 0;
	fd = openat(at->directory, at->name,
		    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

bool echo_is_look(const void *body, size_t length)
{
	struct server_change change;

	if (length < sizeof(change))
		return false;
	memcpy(&change, body, sizeof(change));
	return le32toh(change.kind) == SERVER_CHANGE_LOOK_NAME ||
	       le32toh(change.kind) == SERVER_CHANGE_LOOK_FILE;
}

int echo_open_reading(int root)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	_cleanup_close_ int tree = (int)syscall(
		SYS_open_tree, root, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes,
				sizeof(attributes)) < 0)
		return -errno;
	return take_fd(&tree);
}

static int look_at_name(const struct spot *at)
{
	if (mkdirat(at->directory, at->name, 0700) < 0 && errno != EEXIST && errno != EROFS)
		return -errno;
	return 0;
}

static int look_at_file(int directory, const char *name, int flags)
{
	struct statx status;

	return statx(directory, name,
		     flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC,
		     STATX_BASIC_STATS, &status) < 0
		       ? -errno
		       : 0;
}

int echo_act(int root, const void *body, size_t length, uint64_t *id)
{
	_cleanup_spot_ struct spot at = {.directory = -EBADF}, to = {.directory = -EBADF};
	const char *path = (const char *)body + sizeof(struct server_change), *to_path;
	struct server_change change;
	int ret;

	*id = 0;
	if (length < sizeof(change) + 2)
		return -EINVAL;
	memcpy(&change, body, sizeof(change));
	*id = le64toh(change.id);
	length -= sizeof(change);
	if (path[length - 1] != '\0' || strlen(path) >= length - 1)
		return -EINVAL;
	to_path = path + strlen(path) + 1;
	if (!*path && le32toh(change.kind) == SERVER_CHANGE_LOOK_FILE)
		return look_at_file(root, "", AT_EMPTY_PATH);
	ret = find_spot(root, path, &at);
	if (ret < 0)
		return ret;
	switch (le32toh(change.kind)) {
	case SERVER_CHANGE_CREATE:
		return create(&at, le32toh(change.mode));
	case SERVER_CHANGE_DELETE:
		ret = unlinkat(at.directory, at.name,
			       S_ISDIR(le32toh(change.mode)) ? AT_REMOVEDIR : 0);
		return ret < 0 ? -errno : 0;
	case SERVER_CHANGE_RENAME:
		ret = find_spot(root, to_path, &to);
		if (ret < 0)
			return ret;
		/* With the flag the kernel asks the server whether the new name is taken. */
		ret = renameat2(at.directory, at.name, to.directory, to.name, RENAME_NOREPLACE);
		return ret < 0 ? -errno : 0;
	case SERVER_CHANGE_MODIFY:
		return touch(&at, false);
	case SERVER_CHANGE_ATTRIBUTES:
		return touch(&at, true);
	case SERVER_CHANGE_WRITTEN:
		return close_written(&at);
	case SERVER_CHANGE_LOOK_NAME:
		return look_at_name(&at);
	case SERVER_CHANGE_LOOK_FILE:
		return look_at_file(at.directory, at.name, 0);
	default:
		return -ENOSYS;
	}
}
