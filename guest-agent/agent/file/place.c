/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/file/place.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_S	1000000000LL
#define CREATE_ATTEMPTS 16

int place_open(const char *path, struct place *place)
{
	char directory[MESSAGE_PATH_MAX + 1];
	size_t length = strlen(path), start;

	*place = PLACE_NONE;
	while (length > 0 && path[length - 1] == '/')
		length--;
	if (length == 0)
		return -EEXIST;
	for (start = length; path[start - 1] != '/'; start--)
		;
	if (length - start > MESSAGE_NAME_MAX || start >= sizeof(directory))
		return -ENAMETOOLONG;
	memcpy(place->name, path + start, length - start);
	place->name[length - start] = '\0';
	if (strcmp(place->name, ".") == 0 || strcmp(place->name, "..") == 0)
		return -EINVAL;

	memcpy(directory, path, start);
	directory[start] = '\0';
	place->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return place->directory < 0 ? -errno : 0;
}

void place_close(struct place *place)
{
	if (place->directory >= 0)
		close(place->directory);
	*place = PLACE_NONE;
}

int place_create(const struct place *place, mode_t mode, char name[32])
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	for (int attempt = 0; attempt < CREATE_ATTEMPTS; attempt++) {
		uint64_t random = 0;
		int fd;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		snprintf(name, 32, ".lodge-%016llx", (unsigned long long)random);
		fd = openat(place->directory, name, flags, mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static struct timespec timespec_of(int64_t ns)
{
	struct timespec time = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

	/* Before 1970 the remainder is negative. */
	if (time.tv_nsec < 0) {
		time.tv_sec--;
		time.tv_nsec += NS_PER_S;
	}
	return time;
}

static int set_times(const struct place *place, int fd, int64_t mtime_ns)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, timespec_of(mtime_ns)};
	int result;

	if (fd >= 0)
		result = futimens(fd, times);
	else
		result = utimensat(place->directory, place->name, times, AT_SYMLINK_NOFOLLOW);
	return result < 0 ? -errno : 0;
}

/* chmod(2) without following a link: on what was opened by O_PATH, by way of /proc. */
static int set_mode(const struct place *place, int fd, mode_t mode)
{
	_cleanup_close_ int held = -EBADF;
	struct stat st;
	char path[40];

	if (fd >= 0)
		return fchmod(fd, mode) < 0 ? -errno : 0;
	held = openat(place->directory, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (held < 0 || fstat(held, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
	return chmod(path, mode) < 0 ? -errno : 0;
}

int place_set_attributes(const struct place *place, int fd, const struct file_write_params *want)
{
	const mode_t mode = (mode_t)(want->mode & 07777);
	int error;

	if (want->set_owner) {
		const uid_t uid = (uid_t)want->uid;
		const gid_t gid = (gid_t)want->gid;

		if (uid != want->uid || gid != want->gid)
			return -EINVAL;
		if (fd >= 0)
			error = fchown(fd, uid, gid);
		else
			error = fchownat(place->directory, place->name, uid, gid,
					 AT_SYMLINK_NOFOLLOW);
		if (error < 0)
			return -errno;
	}
	/* After the owner: a change of it takes the set-user-ID bit away. */
	error = want->set_mode ? set_mode(place, fd, mode) : 0;
	if (!error && want->set_mtime)
		error = set_times(place, fd, want->mtime_ns);
	return error;
}
