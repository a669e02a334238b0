/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/mount/fuse_mount.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER "fusermount3"

/* --- The helper ----------------------------------------------------------------------------- */

/* Runs it with an end of a socket pair (or -1) that it sends a descriptor to. Return: its process;
 * -errno. What it says is for people, on standard error. */
static pid_t start_helper(char *const argv[], int socket)
{
	char number[16];
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	if (socket >= 0) {
		int copy = dup(socket); /* not closed by exec */

		snprintf(number, sizeof(number), "%d", copy);
		setenv("_FUSE_COMMFD", number, 1);
	}
	execvp(argv[0], argv);
	_exit(127);
}

/* 0; -ENOENT: there is none; -EIO: it has said why not. */
static int await_helper(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EIO;
}

static int receive_descriptor(int socket)
{
	char byte;
	struct iovec part = {&byte, 1};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	const struct cmsghdr *header;
	ssize_t length;
	int fd;

	do
		length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (length < 0 && errno == EINTR);
	header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EIO;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

char *fuse_mount_options(const struct fuse_mount *mount)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	fprintf(file, "nosuid,nodev,subtype=lodge%s%s,fsname=", mount->read_only ? ",ro" : "",
		mount->allow_other ? ",allow_other" : "");
	for (const char *at = mount->source; *at; at++)
		fprintf(file, "%s%c", *at == ',' || *at == '\\' ? "\\" : "", *at);
	if (fclose(file) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int mount_by_helper(const struct fuse_mount *mount, char *error, size_t capacity)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF, fd = -EBADF;
	_cleanup_free_ char *options = fuse_mount_options(mount);
	char *argv[] = {(char *)HELPER,		  (char *)"-o", options, (char *)"--",
			(char *)mount->directory, NULL};
	int pair[2], r;
	pid_t pid;

	if (!options || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return options ? -errno : -ENOMEM;
	ours = pair[0];
	theirs = pair[1];
	pid = start_helper(argv, theirs);
	if (pid < 0)
		return pid;
	close(take_fd(&theirs));
	fd = receive_descriptor(ours);
	r = await_helper(pid);
	if (r == -ENOENT)
		snprintf(error, capacity,
			 HELPER " is not installed, and without it only root can mount: install "
				"fuse3");
	else if (r < 0 || fd < 0)
		snprintf(error, capacity, HELPER " refused to mount on %s", mount->directory);
	if (r < 0 || fd < 0)
		return r < 0 ? r : fd;
	return take_fd(&fd);
}

static int unmount_by_helper(const char *directory, bool lazy, char *error, size_t capacity)
{
	char *argv[] = {(char *)HELPER, (char *)"-q",	   (char *)(lazy ? "-uz" : "-u"),
			(char *)"--",	(char *)directory, NULL};
	pid_t pid = start_helper(argv, -1);
	int r = pid < 0 ? pid : await_helper(pid);

	if (r == -ENOENT)
		snprintf(error, capacity, HELPER " is not installed: install fuse3");
	else if (r < 0)
		snprintf(error, capacity,
			 HELPER " refused to unmount %s; somebody may be in it: --lazy", directory);
	return r;
}

/* --- The kernel ----------------------------------------------------------------------------- */

static int mount_by_kernel(const struct fuse_mount *mount_, char *error, size_t capacity)
{
	_cleanup_close_ int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	unsigned long flags = MS_NOSUID | MS_NODEV | (mount_->read_only ? MS_RDONLY : 0);
	char options[128];
	int r;

	if (fd < 0) {
		r = -errno;
		snprintf(error, capacity, "/dev/fuse does not open: %s%s", error_text(r),
			 r == -ENOENT ? "; modprobe fuse" : "");
		return r;
	}
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0%s", fd,
		 mount_->allow_other ? ",allow_other" : "");
	if (mount(mount_->source, mount_->directory, FUSE_MOUNT_TYPE, flags, options) < 0) {
		r = -errno;
		snprintf(error, capacity, "cannot mount on %s: %s", mount_->directory,
			 error_text(r));
		return r;
	}
	return take_fd(&fd);
}

int fuse_mount(const struct fuse_mount *mount, char *error, size_t capacity)
{
	snprintf(error, capacity, "out of memory");
	return geteuid() == 0 ? mount_by_kernel(mount, error, capacity)
			      : mount_by_helper(mount, error, capacity);
}

int fuse_unmount(const char *directory, bool lazy, char *error, size_t capacity)
{
	int r = 0;

	if (geteuid() != 0)
		return unmount_by_helper(directory, lazy, error, capacity);
	if (umount2(directory, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) < 0) {
		r = -errno;
		snprintf(error, capacity, "cannot unmount %s: %s%s", directory, error_text(r),
			 r == -EBUSY ? "; --lazy takes it away nevertheless" : "");
	}
	return r;
}

/* --- The list of mounts --------------------------------------------------------------------- */

void fuse_mount_unescape(char *field)
{
	char *to = field;

	for (const char *at = field; *at; to++) {
		if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' &&
		    at[3] >= '0' && at[3] <= '7') {
			*to = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
			at += 4;
		} else {
			*to = *at++;
		}
	}
	*to = '\0';
}

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE OPTIONS" (proc(5)) */
static bool take_line(char *line, char **point, char **type, char **source)
{
	char *rest = line, *word = NULL;

	for (int i = 0; i < 5; i++)
		word = strsep(&rest, " ");
	*point = word;
	while (rest && (word = strsep(&rest, " ")) != NULL && strcmp(word, "-") != 0)
		;
	*type = strsep(&rest, " ");
	*source = strsep(&rest, " ");
	if (!*point || !*type || !*source)
		return false;
	fuse_mount_unescape(*point);
	fuse_mount_unescape(*source);
	return true;
}

int fuse_mount_source(const char *directory, char *source, size_t capacity)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	int r = -EINVAL;

	if (!file)
		return -errno;
	while (getline(&line, &room, file) > 0) {
		char *point, *type, *of;

		line[strcspn(line, "\n")] = '\0';
		if (!take_line(line, &point, &type, &of) || strcmp(point, directory) != 0)
			continue;
		/* The last one is on top. */
		r = strcmp(type, FUSE_MOUNT_TYPE) == 0 ? 0 : -EINVAL;
		snprintf(source, capacity, "%s", of);
	}
	return r;
}

int fuse_mount_point(const char *path, char **point)
{
	_cleanup_free_ char *copy = strdup(path), *folder = NULL;
	char *slash, *name;
	size_t end = strlen(path);

	if (!copy)
		return -ENOMEM;
	while (end > 1 && copy[end - 1] == '/')
		copy[--end] = '\0';
	slash = strrchr(copy, '/');
	name = slash ? slash + 1 : copy;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return (*point = realpath(copy, NULL)) != NULL ? 0 : -errno;
	name = strdup(name);
	if (!name)
		return -ENOMEM;
	if (slash)
		slash[slash == copy] = '\0';
	folder = realpath(slash ? copy : ".", NULL);
	if (!folder || asprintf(point, "%s/%s", folder[1] ? folder : "", name) < 0) {
		free(name);
		return folder ? -ENOMEM : -errno;
	}
	free(name);
	return 0;
}
