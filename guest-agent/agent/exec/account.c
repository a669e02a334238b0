/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/exec/account.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

/* Of one line; a longer one ends the search. */
#define LINE_BYTES 32768

/* More than that of a file is not looked at. */
#define MAX_FILE_BYTES (4U << 20)

/* The C library asks after each line where it is, which costs a system call; but not in memory. */
struct lines {
	FILE *file; /* NULL: there are none */
	char *bytes;
};

static void lines_close(struct lines *lines)
{
	cleanup_fclose(&lines->file);
	free(lines->bytes);
}

static int lines_open(const char *path, struct lines *lines)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	size_t length = 0, capacity;
	ssize_t part = 1;

	*lines = (struct lines){0};
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	capacity = status.st_size < MAX_FILE_BYTES ? (size_t)status.st_size + 1 : MAX_FILE_BYTES;
	lines->bytes = malloc(capacity);
	if (!lines->bytes)
		return -ENOMEM;
	while (part > 0 && length < capacity) {
		part = read(fd, lines->bytes + length, capacity - length);
		if (part < 0)
			return -errno;
		length += (size_t)part;
	}
	if (length > 0)
		lines->file = fmemopen(lines->bytes, length, "r");
	return length > 0 && !lines->file ? -errno : 0;
}

static int copy_user(const struct passwd *entry, struct account *account)
{
	account->uid = entry->pw_uid;
	account->gid = entry->pw_gid;
	account->name = strdup(entry->pw_name);
	account->home = strdup(*entry->pw_dir ? entry->pw_dir : "/");
	account->shell = strdup(*entry->pw_shell ? entry->pw_shell : "/bin/sh");
	return account->name && account->home && account->shell ? 0 : -ENOMEM;
}

static int find_user(const char *passwd, const char *name, char *line, struct account *account)
{
	_cleanup_(lines_close) struct lines lines;
	struct passwd entry, *found;
	int error = lines_open(passwd, &lines);

	if (error)
		return error;
	while (lines.file && fgetpwent_r(lines.file, &entry, line, LINE_BYTES, &found) == 0) {
		if (strcmp(entry.pw_name, name) == 0)
			return copy_user(&entry, account);
	}
	return -ENOENT;
}

static void add_group(struct account *account, gid_t gid)
{
	for (size_t i = 0; i < account->group_count; i++) {
		if (account->groups[i] == gid)
			return;
	}
	if (account->group_count < ACCOUNT_MAX_GROUPS)
		account->groups[account->group_count++] = gid;
}

static void find_groups(const char *group, char *line, struct account *account)
{
	_cleanup_(lines_close) struct lines lines;
	struct group entry, *found;

	add_group(account, account->gid);
	if (lines_open(group, &lines) < 0)
		return;
	while (lines.file && fgetgrent_r(lines.file, &entry, line, LINE_BYTES, &found) == 0) {
		for (char **member = entry.gr_mem; *member; member++) {
			if (strcmp(*member, account->name) == 0)
				add_group(account, entry.gr_gid);
		}
	}
}

int account_find(const char *passwd, const char *group, const char *name, struct account *account)
{
	_cleanup_free_ char *line = malloc(LINE_BYTES);
	int error;

	*account = (struct account){0};
	if (!line)
		return -ENOMEM;
	error = find_user(passwd, name, line, account);
	if (error) {
		account_clear(account);
		return error;
	}
	find_groups(group, line, account);
	return 0;
}

void account_clear(struct account *account)
{
	free(account->name);
	free(account->home);
	free(account->shell);
	*account = (struct account){0};
}
