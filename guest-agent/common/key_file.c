/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/common/key_file.h"

#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

bool key_file_read(const char *root, const char *path, char text[static KEY_FILE_MAX])
{
	_cleanup_close_ int fd = -EBADF;
	char whole[PATH_MAX];
	ssize_t length;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	fd = open(whole, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	length = fd < 0 ? -1 : read(fd, text, KEY_FILE_MAX - 1);
	if (length < 0)
		return false;
	text[length] = '\0';
	return true;
}

bool key_file_value(const char *text, const char *key, char *value, size_t capacity)
{
	const size_t key_length = strlen(key);

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *start = line + key_length + 1;
		size_t length = strcspn(line, "\n");

		if (length <= key_length || strncmp(line, key, key_length) != 0 ||
		    line[key_length] != '=')
			continue;
		length -= key_length + 1;
		if (length >= 2 && start[0] == '"' && start[length - 1] == '"') {
			start++;
			length -= 2;
		}
		if (length >= capacity)
			return false;
		memcpy(value, start, length);
		value[length] = '\0';
		return true;
	}
	return false;
}
