/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/kernel_counts.h"
#include "protocol/base/cleanup.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>

int kernel_file_read(const char *path, char *text, size_t capacity)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text + length, capacity - 1 - length);
		if (n < 0)
			return -errno;
		length += (size_t)n;
	} while (n > 0 && length < capacity - 1);
	text[length] = '\0';
	return (int)length;
}

static void take_line(const char *line, const struct kernel_count *wanted, size_t count,
		      uint64_t *found)
{
	const size_t length = strcspn(line, ": ");

	for (size_t i = 0; i < count; i++) {
		char *rest;

		if (strlen(wanted[i].name) != length || memcmp(line, wanted[i].name, length) != 0)
			continue;
		*wanted[i].value = strtoull(line + length + (line[length] == ':'), &rest, 10);
		if (strcmp(rest, " kB") == 0)
			*wanted[i].value *= 1024;
		*found |= UINT64_C(1) << i;
		return;
	}
}

int kernel_counts_read(const char *path, const struct kernel_count *wanted, size_t count,
		       uint64_t *found)
{
	char text[KERNEL_FILE_BYTES];
	int length = kernel_file_read(path, text, sizeof(text));
	uint64_t seen = 0;
	char *rest = text, *line;

	assert(count <= 64);
	if (found)
		*found = 0;
	if (length < 0)
		return length;
	while ((line = strsep(&rest, "\n")))
		take_line(line, wanted, count, &seen);
	if (found)
		*found = seen;
	return 0;
}
