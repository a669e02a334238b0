/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/kernel_counts.h"
#include "protocol/base/cleanup.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* What follows a name: "17" or ":   2048 kB". */
static bool take_value(const char *text, uint64_t *value)
{
	char *rest;

	text += *text == ':';
	text += strspn(text, " \t");
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &rest, 10);
	return errno == 0 &&
	       (strcmp(rest, " kB") != 0 || !__builtin_mul_overflow(*value, 1024, value));
}

static void take_line(const char *line, const struct kernel_count *wanted, size_t count,
		      uint64_t *found)
{
	const size_t length = strcspn(line, ": ");
	uint64_t value;

	for (size_t i = 0; i < count; i++) {
		if (strlen(wanted[i].name) != length || memcmp(line, wanted[i].name, length) != 0)
			continue;
		if (take_value(line + length, &value)) {
			*wanted[i].value = value;
			*found |= UINT64_C(1) << i;
		}
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
