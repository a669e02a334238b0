/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/ports.h"
#include "guest-agent/system/store.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool name_matches(const char *sysfs, const char *device, const char *name)
{
	char path[PATH_MAX], text[128];

	snprintf(path, sizeof(path), "%s/%s/name", sysfs, device);
	return read_line(path, text, sizeof(text)) > 0 && strcmp(text, name) == 0;
}

int ports_find(const char *sysfs, const char *name, char *device, size_t capacity)
{
	DIR *directory = opendir(sysfs);
	const struct dirent *entry;
	int result = -ENOENT;

	if (!directory)
		return -errno;
	while (result == -ENOENT && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.' || !name_matches(sysfs, entry->d_name, name))
			continue;
		if ((size_t)snprintf(device, capacity, "/dev/%s", entry->d_name) >= capacity)
			result = -ENAMETOOLONG;
		else
			result = 0;
	}
	closedir(directory);
	return result;
}
