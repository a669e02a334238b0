/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/share_list.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <string.h>

static const char *const states[] = {
	[SHARE_OFFERED] = "offered", [SHARE_WAITING] = "waiting", [SHARE_MOUNTED] = "mounted"};

int share_list_write(const char *path, const struct share_line *lines, size_t count)
{
	char temporary[PATH_MAX];
	_cleanup_fclose_ FILE *file = NULL;
	int fd, error = 0;

	if (count == 0)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.new", path) >= sizeof(temporary))
		return -ENAMETOOLONG;
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return -errno;
	for (size_t i = 0; i < count; i++)
		fprintf(file, "%s %s %s %s\n", lines[i].name, lines[i].read_only ? "ro" : "rw",
			states[lines[i].state], lines[i].at);
	if (fflush(file) != 0 || rename(temporary, path) < 0) {
		error = -errno;
		unlink(temporary);
	}
	return error;
}

static bool read_share(char *text, struct share_line *line)
{
	char *rest = NULL, *name, *access, *state;
	size_t i = 0;

	text[strcspn(text, "\n")] = '\0';
	name = strtok_r(text, " ", &rest);
	access = strtok_r(NULL, " ", &rest);
	state = strtok_r(NULL, " ", &rest);
	if (!state || !share_name_is_valid(name, strlen(name)) || strlen(rest) >= sizeof(line->at))
		return false;
	while (i < ARRAY_SIZE(states) && strcmp(states[i], state) != 0)
		i++;
	if (i == ARRAY_SIZE(states))
		return false;
	*line = (struct share_line){.read_only = strcmp(access, "ro") == 0,
				    .state = (enum share_state)i};
	memcpy(line->name, name, strlen(name) + 1);
	memcpy(line->at, rest, strlen(rest) + 1);
	return true;
}

int share_list_read(const char *path, struct share_line lines[SHARE_MAX])
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char text[PATH_MAX + 128];
	int count = 0;

	if (!file)
		return -errno;
	while (count < SHARE_MAX && fgets(text, sizeof(text), file))
		count += read_share(text, &lines[count]);
	return count;
}
