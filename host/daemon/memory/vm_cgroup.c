/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory/vm_cgroup.h"
#include "protocol/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/lodge"
/* Of a line of mountinfo or cgroup. */
#define LINE_MAX_BYTES (PATH_MAX + 512)

static int write_text(const char *folder, const char *file, const char *text)
{
	_cleanup_close_ int fd = -EBADF;
	char name[PATH_MAX];
	size_t length = strlen(text);

	if (snprintf(name, sizeof(name), "%s/%s", folder, file) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, length) == (ssize_t)length ? 0 : -errno;
}

static FILE *open_below(const char *root, const char *path)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s%s", root, path) >= (int)sizeof(name))
		return NULL;
	return fopen(name, "re");
}

/* Where cgroup2 is mounted: proc(5), mountinfo, the fields 5 and the one after " - ". */
static bool find_mount(const char *root, char *mount, size_t capacity)
{
	FILE *file = open_below(root, "/proc/self/mountinfo");
	char line[LINE_MAX_BYTES];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *type = strstr(line, " - "), *at = line;

		for (int field = 1; at && field < 5; field++)
			at = strchr(at + 1, ' ');
		if (!type || !at || at >= type || strncmp(type, " - cgroup2 ", 11) != 0)
			continue;
		at++;
		at[strcspn(at, " ")] = '\0';
		found = snprintf(mount, capacity, "%s%s", root, at) < (int)capacity;
	}
	if (file)
		fclose(file);
	return found;
}

/* The cgroup of the user's systemd, which lodged is below; "" where it is below none. */
static void find_delegated(const char *root, char *own, size_t capacity)
{
	FILE *file = open_below(root, "/proc/self/cgroup");
	char line[LINE_MAX_BYTES];

	own[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		char *user = strstr(line, "/user@"), *end;

		if (strncmp(line, "0::/", 4) != 0 || !user)
			continue;
		end = strstr(user, ".service");
		if (!end)
			continue;
		end[strlen(".service")] = '\0';
		if (snprintf(own, capacity, "%s", line + 3) >= (int)capacity)
			own[0] = '\0';
	}
	if (file)
		fclose(file);
}

static bool has_memory(const char *folder)
{
	FILE *file = open_below(folder, "/cgroup.controllers");
	char line[512] = "";
	bool found = false;

	if (file && fgets(line, sizeof(line), file)) {
		for (char *rest = line, *word; (word = strsep(&rest, " \n")) != NULL;)
			found |= strcmp(word, "memory") == 0;
	}
	if (file)
		fclose(file);
	return found;
}

/* Those with processes in them cannot be removed, and stay. */
static void remove_ended(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
			unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
	}
	if (folder)
		closedir(folder);
}

int vm_cgroup_prepare(const char *root, char *path, size_t capacity)
{
	char mount[PATH_MAX], own[PATH_MAX], parent[2 * PATH_MAX];
	int r;

	if (!find_mount(root, mount, sizeof(mount)))
		return -EOPNOTSUPP;
	find_delegated(root, own, sizeof(own));
	snprintf(parent, sizeof(parent), "%s%s", mount, own);
	if (!has_memory(parent))
		return -EOPNOTSUPP;
	if (snprintf(path, capacity, "%s" FOLDER, parent) >= (int)capacity)
		return -ENAMETOOLONG;
	r = write_text(parent, "cgroup.subtree_control", "+memory");
	if (r < 0)
		return r;
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	r = write_text(path, "cgroup.subtree_control", "+memory");
	if (r == 0)
		remove_ended(path);
	return r;
}

static int of_vm(const char *path, pid_t pid, char *name, size_t capacity)
{
	if (!path[0])
		return -ENOENT;
	return snprintf(name, capacity, "%s/%d", path, (int)pid) < (int)capacity ? 0
										 : -ENAMETOOLONG;
}

int vm_cgroup_enter(const char *path, pid_t pid)
{
	char name[PATH_MAX], text[16];
	int r = of_vm(path, pid, name, sizeof(name));

	if (r < 0)
		return r;
	remove_ended(path);
	if (mkdir(name, 0755) < 0 && errno != EEXIST)
		return -errno;
	snprintf(text, sizeof(text), "%d", (int)pid);
	return write_text(name, "cgroup.procs", text);
}

int vm_cgroup_limit(const char *path, pid_t pid, uint64_t limit_bytes)
{
	char name[PATH_MAX], text[24] = "max";
	int r = of_vm(path, pid, name, sizeof(name));

	if (limit_bytes)
		snprintf(text, sizeof(text), "%llu", (unsigned long long)limit_bytes);
	return r < 0 ? r : write_text(name, "memory.high", text);
}

int vm_cgroup_check(const char *path, pid_t pid)
{
	char name[PATH_MAX];
	int r = of_vm(path, pid, name, sizeof(name));

	if (r < 0)
		return r;
	return access(name, F_OK) < 0 ? -errno : 0;
}

void vm_cgroup_remove(const char *path, pid_t pid)
{
	char name[PATH_MAX];

	if (of_vm(path, pid, name, sizeof(name)) == 0)
		rmdir(name);
}
