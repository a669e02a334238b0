/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/memory/reclaim.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>

#define FILE_NAME "memory.reclaim"

/* One order to the kernel: small enough that `stop` is seen soon. */
#define CHUNK_BYTES (UINT64_C(16) << 20)
/* The kernel has little left when it does not find that. */
#define LEAST_BYTES (UINT64_C(1) << 20)
#define GROUPS_MAX  256

struct groups {
	size_t count;
	bool root; /* it is the root's */
	int files[GROUPS_MAX];
};

static void groups_close(struct groups *groups)
{
	while (groups->count > 0)
		close(groups->files[--groups->count]);
}

/* The hierarchy without a place in anybody's tree: fsmount(2). */
static int mount_unseen(void)
{
	_cleanup_close_ int context = fsopen("cgroup2", FSOPEN_CLOEXEC);
	int fd;

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	return fd < 0 ? -errno : fd;
}

static int open_hierarchy(const char *root)
{
	static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char path[PATH_MAX];
		int fd;

		snprintf(path, sizeof(path), "%s%s", root, places[i]);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && faccessat(fd, "cgroup.controllers", F_OK, 0) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return *root ? -ENOENT : mount_unseen();
}

static void add(struct groups *groups, int directory, const char *path)
{
	int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		groups->files[groups->count++] = fd;
}

static void add_children(struct groups *groups, int directory)
{
	DIR *list = fdopendir(directory);
	const struct dirent *entry;

	if (!list) {
		close(directory);
		return;
	}
	while (groups->count < GROUPS_MAX && (entry = readdir(list))) {
		char path[NAME_MAX + sizeof("/" FILE_NAME)];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/" FILE_NAME, entry->d_name);
		add(groups, dirfd(list), path);
	}
	closedir(list);
}

static void groups_open(const char *root, struct groups *groups)
{
	_cleanup_close_ int directory = open_hierarchy(root);

	groups->count = 0;
	if (directory < 0)
		return;
	add(groups, directory, FILE_NAME);
	groups->root = groups->count > 0;
	if (!groups->root)
		add_children(groups, take_fd(&directory));
}

static const char *way_of(const struct groups *groups)
{
	if (groups->count == 0)
		return "";
	return groups->root ? "cgroup" : "cgroups";
}

const char *reclaim_way(const char *root)
{
	_cleanup_(groups_close) struct groups groups;

	groups_open(root, &groups);
	return way_of(&groups);
}

static int order(int fd, uint64_t bytes)
{
	return dprintf(fd, "%llu", (unsigned long long)bytes) < 0 ? -errno : 0;
}

/* One group gives what it has, down to orders of LEAST_BYTES, but no more than its part. */
static int reclaim_of(int fd, uint64_t bytes, const atomic_bool *stop, uint64_t *reclaimed)
{
	uint64_t chunk = CHUNK_BYTES, left = bytes;

	while (left > 0 && !atomic_load(stop)) {
		const uint64_t part = MIN(left, chunk);
		int error = order(fd, part);

		if (error == 0) {
			left -= part;
			*reclaimed += part;
		} else if (error == -EAGAIN && part > LEAST_BYTES) {
			chunk = part / 4;
		} else if (error != -EINTR) {
			return error == -EAGAIN ? 0 : error;
		}
	}
	return 0;
}

int reclaim_run(const char *root, uint64_t bytes, const atomic_bool *stop, const char **by,
		uint64_t *reclaimed)
{
	_cleanup_(groups_close) struct groups groups;
	int error = -EOPNOTSUPP;
	uint64_t before;

	*reclaimed = 0;
	groups_open(root, &groups);
	*by = way_of(&groups);
	do {
		const uint64_t part = (bytes - *reclaimed) / MAX(groups.count, 1);

		before = *reclaimed;
		/* A group that ends meanwhile is no reason to spare the others. */
		for (size_t i = 0; i < groups.count && *reclaimed < bytes; i++)
			error = reclaim_of(groups.files[i],
					   MIN(MAX(part, LEAST_BYTES), bytes - *reclaimed), stop,
					   reclaimed);
	} while (*reclaimed > before && *reclaimed < bytes && !atomic_load(stop));
	return *reclaimed > 0 ? 0 : error;
}
