/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/share_text.h"

#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int share_folder(const char *path, char **folder, char *error, size_t capacity)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	struct stat status;
	int r = 0;

	if (!real || stat(real, &status) < 0)
		r = -errno;
	else if (!S_ISDIR(status.st_mode))
		r = -ENOTDIR;
	if (r < 0)
		snprintf(error, capacity, "%s cannot be shared: %s", path, error_text(r));
	else
		*folder = take_ptr(real);
	return r;
}

/* The length of a path up to its first single comma. */
static size_t path_length(const char *text)
{
	size_t at = 0;

	while (text[at] && (text[at] != ',' || text[at + 1] == ','))
		at += text[at] == ',' ? 2 : 1;
	return at;
}

static void write_path(FILE *file, const char *path)
{
	for (; *path; path++) {
		if (*path == ',')
			fputc(',', file);
		fputc(*path, file);
	}
}

/* Pairs of commas are one. */
static char *plain_path(const char *text, size_t length)
{
	char *path = malloc(length + 1), *to = path;

	for (size_t i = 0; path && i < length; i++) {
		*to++ = text[i];
		if (text[i] == ',')
			i++;
	}
	if (path)
		*to = '\0';
	return path;
}

int share_line(const char *text, char **line, char *error, size_t capacity)
{
	_cleanup_free_ char *path = NULL, *folder = NULL;
	const char *from = strchr(text, '=');
	size_t length, size;
	FILE *file;
	int r;

	if (!from) {
		snprintf(error, capacity, "'%.100s' is no share: NAME=DIR[,ro][,at=PATH]", text);
		return -EINVAL;
	}
	length = path_length(++from);
	path = plain_path(from, length);
	r = path ? share_folder(path, &folder, error, capacity) : -ENOMEM;
	if (r < 0)
		return r;
	file = open_memstream(line, &size);
	if (!file)
		return -ENOMEM;
	fprintf(file, "%.*s", (int)(from - text), text);
	write_path(file, folder);
	fputs(from + length, file);
	return fclose(file) == 0 ? 0 : -ENOMEM;
}
