/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/sandbox/confine.h"

#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Any folder that every system has: it is covered in our mount namespace only. */
#define NEW_ROOT "/tmp"
#define MAX_PATH 256

static int write_file(const char *path, const char *bytes, size_t length, int flags)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644);

	if (fd < 0)
		return -errno;
	return write(fd, bytes, length) == (ssize_t)length ? 0 : -errno;
}

/* Where setgroups is denied already, that is all the same. */
static int map_ids(uid_t uid, gid_t gid)
{
	char map[64];
	int length = snprintf(map, sizeof(map), "%u %u 1\n", uid, uid), result;

	result = write_file("/proc/self/uid_map", map, (size_t)length, 0);
	if (result < 0)
		return result;
	(void)write_file("/proc/self/setgroups", "deny", 4, 0);
	length = snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	return write_file("/proc/self/gid_map", map, (size_t)length, 0);
}

/* Root needs no user namespace, and has more left to lose in one; others get the rest by it. */
static int enter(const struct confine *confine)
{
	int flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (!confine->network)
		flags |= CLONE_NEWNET;
	if (unshare(flags) == 0)
		return 0;
	if (unshare(flags | CLONE_NEWUSER) < 0)
		return -errno;
	return map_ids(uid, gid);
}

/* All folders above a place in the new root; and @path itself, if it is to be one. */
static int make_folders(const char *path, bool itself)
{
	char made[MAX_PATH];
	size_t length = strlen(path);

	if (path[0] != '/' || length + sizeof(NEW_ROOT) > sizeof(made))
		return -ENAMETOOLONG;
	for (size_t i = 1; i < length + itself; i++) {
		if (i < length && path[i] != '/')
			continue;
		snprintf(made, sizeof(made), NEW_ROOT "%.*s", (int)i, path);
		if (mkdir(made, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* What was read of it before NEW_ROOT was covered. */
static int keep_file(const char *path, const char *bytes, size_t length)
{
	char to[MAX_PATH];
	int result = make_folders(path, false);

	if (result < 0)
		return result;
	snprintf(to, sizeof(to), NEW_ROOT "%s", path);
	return write_file(to, bytes, length, O_CREAT);
}

/* @source: the folder, opened before NEW_ROOT was covered. */
static int keep_folder(const char *path, int source)
{
	char from[64], to[MAX_PATH];
	int result = make_folders(path, true);

	if (result < 0)
		return result;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", source);
	snprintf(to, sizeof(to), NEW_ROOT "%s", path);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return -errno;
	return mount(NULL, to, NULL,
		     MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0
		       ? -errno
		       : 0;
}

/* The copy is written past the root, which is about to be one that cannot be: the descriptor stands
 * on the mount below, and the root becomes another mount of the same files. */
static int open_copy(const struct confine *confine)
{
	char path[MAX_PATH];

	if (!confine->file || !confine->file_fd)
		return 0;
	snprintf(path, sizeof(path), NEW_ROOT "%s", confine->file);
	*confine->file_fd = open(path, O_WRONLY | O_CLOEXEC);
	if (*confine->file_fd < 0 || mount(NEW_ROOT, NEW_ROOT, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	return 0;
}

static ssize_t read_file(const char *path, char *bytes, size_t capacity)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, bytes, capacity);

	return got > 0 ? got : 0;
}

/* An empty file system over NEW_ROOT, and in it what is to stay. What is not there is not missed.
 */
static int make_root(const struct confine *confine)
{
	_cleanup_free_ char *bytes = confine->file ? malloc(CONFINE_MAX_FILE) : NULL;
	_cleanup_close_ int folder = -EBADF;
	ssize_t length = 0;
	int result = 0;

	if (confine->file && !bytes)
		return -ENOMEM;
	if (confine->file)
		length = read_file(confine->file, bytes, CONFINE_MAX_FILE);
	if (confine->folder)
		folder = open(confine->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=256k,nr_inodes=32,mode=755") < 0)
		return -errno;
	if (confine->file)
		result = keep_file(confine->file, bytes, (size_t)length);
	if (result == 0 && folder >= 0)
		result = keep_folder(confine->folder, folder);
	return result == 0 ? open_copy(confine) : result;
}

/* pivot_root(".", ".") stacks the old root on the new one, from where it is detached. */
static int enter_root(void)
{
	if (chdir(NEW_ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return mount(NULL, "/", NULL,
		     MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0
		       ? -errno
		       : 0;
}

int confine_namespaces(const struct confine *confine)
{
	int result = enter(confine);

	if (result == 0)
		result = make_root(confine);
	return result == 0 ? enter_root() : result;
}

int confine_privileges(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}
