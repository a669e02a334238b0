/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/memory/online.h"
#include "drivers/uevent.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/kernel_counts.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES	      "/sys/bus/virtio/drivers/virtio_mem"
#define BLOCKS	      "/sys/devices/system/memory"
#define RESOURCE      "System RAM (virtio_mem)"
#define MAX_RANGES    128 /* the kernel joins those that touch */
#define MAX_BLOCKS    (UINT64_C(1) << 32)
#define PATH_CAPACITY (PATH_MAX + 64)

struct online {
	const char *root;
	uv_poll_t poll;
	int uevents;
};

/* --- Where plugged memory is ------------------------------------------------------------------ */

struct ranges {
	size_t count;
	struct {
		uint64_t first, last;
	} range[MAX_RANGES];
};

static void add_line(struct ranges *ranges, const char *line)
{
	unsigned long long first, last;
	int name = 0;

	if (sscanf(line, " %llx-%llx : %n", &first, &last, &name) < 2 || name == 0 ||
	    strncmp(line + name, RESOURCE "\n", sizeof(RESOURCE)) != 0)
		return;
	/* Who may not see addresses gets zeroes. */
	if (last <= first || ranges->count >= MAX_RANGES)
		return;
	ranges->range[ranges->count].first = first;
	ranges->range[ranges->count++].last = last;
}

static int read_ranges(const char *root, struct ranges *ranges)
{
	char path[PATH_CAPACITY], line[256];
	FILE *file;

	ranges->count = 0;
	snprintf(path, sizeof(path), "%s/proc/iomem", root);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		add_line(ranges, line);
	fclose(file);
	return 0;
}

static bool has(const struct ranges *ranges, uint64_t address)
{
	for (size_t i = 0; i < ranges->count; i++) {
		if (address >= ranges->range[i].first && address <= ranges->range[i].last)
			return true;
	}
	return false;
}

static int block_bytes(const char *root, uint64_t *bytes)
{
	char path[PATH_CAPACITY], text[32] = "0x";
	int length;

	snprintf(path, sizeof(path), "%s" BLOCKS "/block_size_bytes", root);
	length = kernel_file_read(path, text + 2, sizeof(text) - 2);
	if (length < 0)
		return length;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, 1, INT64_MAX, bytes);
}

/* --- Blocks ----------------------------------------------------------------------------------- */

/* "memoryN", by its number. */
static bool block_number(const char *name, uint64_t *number)
{
	return strncmp(name, "memory", 6) == 0 &&
	       parse_u64(name + 6, 0, MAX_BLOCKS - 1, number) == 0;
}

/* 1: it is, now; 0: it was, or is on its way out. */
static int put_online(const char *root, uint64_t number)
{
	char path[PATH_CAPACITY], state[32];
	_cleanup_close_ int fd = -EBADF;

	snprintf(path, sizeof(path), "%s" BLOCKS "/memory%llu/state", root,
		 (unsigned long long)number);
	if (kernel_file_read(path, state, sizeof(state)) < 0 || strcmp(state, "offline\n") != 0)
		return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (dprintf(fd, "online_movable") >= 0)
		return 1;
	/* The device has taken it back meanwhile. */
	return errno == ENODEV ? 0 : -errno;
}

int online_blocks(const char *root)
{
	const struct dirent *entry;
	char path[PATH_CAPACITY];
	struct ranges ranges;
	uint64_t bytes, number;
	int error, count = 0;
	DIR *list;

	error = read_ranges(root, &ranges);
	if (error || ranges.count == 0)
		return error;
	error = block_bytes(root, &bytes);
	if (error)
		return error;
	snprintf(path, sizeof(path), "%s" BLOCKS, root);
	list = opendir(path);
	if (!list)
		return -errno;
	while ((entry = readdir(list))) {
		uint64_t address;
		int result;

		if (!block_number(entry->d_name, &number) ||
		    __builtin_mul_overflow(number, bytes, &address) || !has(&ranges, address))
			continue;
		result = put_online(root, number);
		if (result < 0)
			error = result;
		else
			count += result;
	}
	closedir(list);
	return error ? error : count;
}

bool online_has_device(const char *root)
{
	const struct dirent *entry;
	char path[PATH_CAPACITY];
	bool found = false;
	DIR *list;

	snprintf(path, sizeof(path), "%s" DEVICES, root);
	list = opendir(path);
	if (!list)
		return false;
	while (!found && (entry = readdir(list)))
		found = strncmp(entry->d_name, "virtio", 6) == 0;
	closedir(list);
	return found;
}

/* --- Events ----------------------------------------------------------------------------------- */

static void look(const struct online *online)
{
	int result = online_has_device(online->root) ? online_blocks(online->root) : 0;

	if (result < 0)
		log_warning("memory that was plugged in cannot be used: %s", error_text(result));
	else if (result > 0)
		log_debug("memory blocks put into use: %d", result);
}

static void on_uevent(uv_poll_t *poll, int status, int events)
{
	struct online *online = poll->data;

	(void)events;
	if (status < 0)
		uv_poll_stop(poll);
	else if (uevent_drain(online->uevents, "memory"))
		look(online);
}

int online_new(uv_loop_t *loop, const char *root, struct online **result)
{
	_cleanup_free_ struct online *online = calloc(1, sizeof(*online));
	_cleanup_close_ int uevents = uevent_open();
	int error;

	if (!online)
		return -ENOMEM;
	if (uevents < 0)
		return uevents;
	error = uv_poll_init(loop, &online->poll, uevents);
	if (error)
		return error;
	online->root = root;
	online->uevents = take_fd(&uevents);
	online->poll.data = online;
	uv_poll_start(&online->poll, UV_READABLE, on_uevent);
	look(online);
	*result = take_ptr(online);
	return 0;
}

static void on_released(uv_handle_t *poll)
{
	struct online *online = poll->data;

	close(online->uevents);
	free(online);
}

void online_free(struct online *online)
{
	if (online)
		uv_close((uv_handle_t *)&online->poll, on_released);
}
