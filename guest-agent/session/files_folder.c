/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/files.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NUMBERS 999

/* XDG_DOWNLOAD_DIR="$HOME/..." or "/..." of a line; false: it is another one. */
static bool parse_line(const char *line, const char *home, char path[PATH_MAX])
{
	static const char key[] = "XDG_DOWNLOAD_DIR=\"";
	const char *value = line + sizeof(key) - 1, *end;
	const char *base = "";

	if (strncmp(line, key, sizeof(key) - 1) != 0)
		return false;
	if (strncmp(value, "$HOME", 5) == 0) {
		base = home;
		value += 5;
	}
	end = strchr(value, '"');
	if (!end || *value != '/')
		return false;
	return snprintf(path, PATH_MAX, "%s%.*s", base, (int)(end - value), value) < PATH_MAX;
}

static bool configured(const char *home, char path[PATH_MAX])
{
	const char *config = getenv("XDG_CONFIG_HOME");
	_cleanup_fclose_ FILE *file = NULL;
	char name[PATH_MAX], line[PATH_MAX];
	int length;

	if (config && *config == '/')
		length = snprintf(name, sizeof(name), "%s/user-dirs.dirs", config);
	else
		length = snprintf(name, sizeof(name), "%s/.config/user-dirs.dirs", home);
	file = length < PATH_MAX ? fopen(name, "re") : NULL;
	while (file && fgets(line, sizeof(line), file)) {
		if (parse_line(line, home, path))
			return true;
	}
	return false;
}

int files_open_folder(void)
{
	const char *home = getenv("HOME");
	char path[PATH_MAX];
	int fd;

	if (!home || *home != '/')
		return -ENOENT;
	if (!configured(home, path) &&
	    snprintf(path, sizeof(path), "%s/Downloads", home) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int files_place(int folder, int fd, const char *name)
{
	const char *dot = strrchr(name, '.');
	const size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
	char numbered[NAME_MAX + 16], source[32];

	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	for (unsigned int i = 0; i <= NUMBERS; i++) {
		if (i == 0)
			snprintf(numbered, sizeof(numbered), "%s", name);
		else
			snprintf(numbered, sizeof(numbered), "%.*s (%u)%s", (int)stem, name, i,
				 name + stem);
		/* Never over anything, be it a link. */
		if (linkat(AT_FDCWD, source, folder, numbered, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}
