/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory/host_memory.h"
#include "host/daemon/memory/ksm.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/kernel_counts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int path_below(const char *root, const char *path, char name[PATH_MAX])
{
	return snprintf(name, PATH_MAX, "%s%s", root, path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int open_below(const char *root, const char *path, int flags)
{
	char name[PATH_MAX];
	int r = path_below(root, path, name), fd;

	if (r < 0)
		return r;
	fd = open(name, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int host_memory_read(const char *root, struct host_memory *host)
{
	enum { TOTAL, AVAILABLE, SWAP, SWAP_FREE };
	const uint64_t needed = 1U << TOTAL | 1U << AVAILABLE, swap = 1U << SWAP | 1U << SWAP_FREE;
	struct host_memory read = {0};
	uint64_t bytes[4], found;
	const struct kernel_count wanted[] = {
		[TOTAL] = {"MemTotal", &read.total_bytes},
		[AVAILABLE] = {"MemAvailable", &read.available_bytes},
		[SWAP] = {"SwapTotal", &bytes[SWAP]},
		[SWAP_FREE] = {"SwapFree", &bytes[SWAP_FREE]},
	};
	char path[PATH_MAX];
	int r = path_below(root, "/proc/meminfo", path);

	if (r == 0)
		r = kernel_counts_read(path, wanted, sizeof(wanted) / sizeof(wanted[0]), &found);
	if (r < 0)
		return r;
	if ((found & needed) != needed || read.total_bytes < MEMORY_MIB ||
	    read.available_bytes > read.total_bytes)
		return -EBADMSG;
	if ((found & swap) == swap && bytes[SWAP_FREE] <= bytes[SWAP])
		read.swap_used_bytes = bytes[SWAP] - bytes[SWAP_FREE];
	read.ksm_saved_bytes = ksm_saved(root);
	*host = read;
	return 0;
}

int host_memory_open_pressure(const char *root)
{
	static const char *const triggers[] = {"some 100000 1000000", "some 200000 2000000"};
	int r = -EOPNOTSUPP;

	for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++) {
		_cleanup_close_ int fd =
			open_below(root, "/proc/pressure/memory", O_RDWR | O_NONBLOCK);

		if (fd < 0)
			return fd;
		/* With the final 0, as the kernel wants it. */
		if (write(fd, triggers[i], strlen(triggers[i]) + 1) >= 0)
			return take_fd(&fd);
		r = -errno;
	}
	return r;
}
