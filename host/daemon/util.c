/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/lodged.h"

#include "protocol/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef LODGE_LIBEXEC
#define LODGE_LIBEXEC "/usr/libexec/lodge"
#endif

uint64_t random_u64(void)
{
	uint64_t value = 0;

	/* Cannot fail for so few bytes once the kernel's pool is up. */
	while (getrandom(&value, sizeof(value), 0) != sizeof(value))
		;
	return value;
}

int lodged_find_program(const char *name, char *path, size_t capacity)
{
	ssize_t length = readlink("/proc/self/exe", path, capacity - 1);
	char *slash;

	if (length > 0) {
		path[length] = '\0';
		slash = strrchr(path, '/');
		*slash = '\0';
		if (strlen(path) + strlen(name) + 2 > capacity)
			return -ENAMETOOLONG;
		strcat(strcat(path, "/"), name);
		if (access(path, X_OK) == 0)
			return 0;
	}
	if (snprintf(path, capacity, LODGE_LIBEXEC "/%s", name) >= (int)capacity)
		return -ENAMETOOLONG;
	return access(path, X_OK) == 0 ? 0 : -ENOENT;
}

bool process_runs(pid_t pid, const char *program)
{
	char path[64], line[128] = "", *name, *state;
	_cleanup_fclose_ FILE *file = NULL;

	/* "PID (NAME) STATE ...", and NAME is cut to 15 bytes. */
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = pid > 0 ? fopen(path, "re") : NULL;
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	name = strchr(line, '(');
	state = strrchr(line, ')');
	if (!name || !state || state[1] != ' ')
		return false;
	*state = '\0';
	/* One that nobody has waited for yet is dead all the same. */
	return strncmp(name + 1, program, 15) == 0 && !strchr("ZX", state[2]);
}

bool last_words(const char *log, const char *program, char *text, size_t capacity)
{
	_cleanup_fclose_ FILE *file = fopen(log, "re");
	size_t length = strlen(program);
	char line[1024];
	bool found = false;

	while (file && fgets(line, sizeof(line), file)) {
		bool has_prefix =
			strncmp(line, program, length) == 0 && strncmp(line + length, ": ", 2) == 0;
		const char *words = line + (has_prefix ? length + 2 : 0);

		line[strcspn(line, "\n")] = '\0';
		if (*words) {
			snprintf(text, capacity, "%s", words);
			found = true;
		}
	}
	return found;
}

static void empty_folder(int fd, int levels)
{
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!folder) {
		cleanup_close(&fd);
		return;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) == 0 || errno != EISDIR || levels == 0)
			continue;
		empty_folder(
			openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
			levels - 1);
		unlinkat(fd, entry->d_name, AT_REMOVEDIR);
	}
	closedir(folder);
}

void remove_folder(const char *path)
{
	empty_folder(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 1);
	rmdir(path);
}

int connect_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -EBADF;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}
