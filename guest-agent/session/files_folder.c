/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/files.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
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

/* Overlays, FAT and file systems of the network know no files without names. */
static int create_hidden(struct files_part *part)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	snprintf(part->name, sizeof(part->name), ".lodge-%016" PRIx64 ".part", number);
	part->fd = openat(part->folder, part->name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	return part->fd < 0 ? -errno : 0;
}

int files_create(int folder, struct files_part *part)
{
	*part = (struct files_part){.folder = folder};
	part->fd = openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (part->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
		return -errno;
	return create_hidden(part);
}

/* Never over anything, be it a link. */
static int give_name(struct files_part *part, const char *name)
{
	char source[32];

	if (!part->name[0]) {
		snprintf(source, sizeof(source), "/proc/self/fd/%d", part->fd);
		return linkat(AT_FDCWD, source, part->folder, name, AT_SYMLINK_FOLLOW) < 0 ? -errno
											   : 0;
	}
	if (renameat2(part->folder, part->name, part->folder, name, RENAME_NOREPLACE) == 0) {
		part->name[0] = '\0';
		return 0;
	}
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* The hidden name goes at the end. */
	return linkat(part->folder, part->name, part->folder, name, 0) < 0 ? -errno : 0;
}

int files_place(struct files_part *part, const char *name, char placed[FILES_NAME_BYTES])
{
	const char *dot = strrchr(name, '.');
	const size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
	int error;

	for (unsigned int i = 0; i <= NUMBERS; i++) {
		if (i == 0)
			snprintf(placed, FILES_NAME_BYTES, "%s", name);
		else
			snprintf(placed, FILES_NAME_BYTES, "%.*s (%u)%s", (int)stem, name, i,
				 name + stem);
		error = give_name(part, placed);
		if (error != -EEXIST)
			return error;
	}
	return -EEXIST;
}

void files_part_end(struct files_part *part)
{
	if (part->name[0])
		unlinkat(part->folder, part->name, 0);
	close(part->fd);
	close(part->folder);
}
