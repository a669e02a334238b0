/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory/host_memory.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

/* Of /proc/meminfo; the kernel writes about 1.5 KiB. */
#define TEXT_MAX 8192

static int open_below(const char *root, const char *path, int flags)
{
	char name[PATH_MAX];
	int fd;

	if (snprintf(name, sizeof(name), "%s%s", root, path) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	fd = open(name, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_text(const char *root, const char *path, char text[TEXT_MAX])
{
	_cleanup_close_ int fd = open_below(root, path, O_RDONLY);
	ssize_t length;

	if (fd < 0)
		return fd;
	length = read(fd, text, TEXT_MAX - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	return 0;
}

/* "NAME:   N kB", in bytes. */
static int meminfo(const char *text, const char *name, uint64_t *bytes)
{
	size_t length = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		unsigned long long value;

		line += *line == '\n';
		if (strncmp(line, name, length) != 0 || line[length] != ':')
			continue;
		if (sscanf(line + length + 1, "%llu kB", &value) != 1 ||
		    __builtin_mul_overflow(value, MEMORY_KIB, bytes))
			return -EBADMSG;
		return 0;
	}
	return -EBADMSG;
}

static uint64_t ksm_number(const char *root, const char *file)
{
	char path[64], text[TEXT_MAX];
	uint64_t value;

	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", file);
	if (read_text(root, path, text) < 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, 0, UINT64_MAX, &value) < 0 ? 0 : value;
}

static uint64_t ksm_saved(const char *root)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), saved, profit;

	/* Pages that were merged stay so after it was stopped (0), but not for long once written;
	 * undone (2) they are gone. */
	if (ksm_number(root, "run") != 1 ||
	    __builtin_mul_overflow(ksm_number(root, "pages_sharing"), page, &saved))
		return 0;
	/* Negative where it costs more than it saves, which is no number here. */
	profit = ksm_number(root, "general_profit");
	return MIN(saved, profit);
}

int host_memory_read(const char *root, struct host_memory *host)
{
	struct host_memory read = {0};
	uint64_t swap_total, swap_free;
	char text[TEXT_MAX];
	int r = read_text(root, "/proc/meminfo", text);

	if (r == 0)
		r = meminfo(text, "MemTotal", &read.total_bytes);
	if (r == 0)
		r = meminfo(text, "MemAvailable", &read.available_bytes);
	if (r < 0)
		return r;
	if (read.total_bytes < MEMORY_MIB || read.available_bytes > read.total_bytes)
		return -EBADMSG;
	if (meminfo(text, "SwapTotal", &swap_total) == 0 &&
	    meminfo(text, "SwapFree", &swap_free) == 0 && swap_free <= swap_total)
		read.swap_used_bytes = swap_total - swap_free;
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
