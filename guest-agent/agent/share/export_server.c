/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/share/export_server.h"

#include "guest-agent/agent/share/share_program.h"
#include "guest-agent/common/unix_socket.h"
#include "protocol/base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 4

char *export_server_folder(const char *share_socket)
{
	const char *slash = strrchr(share_socket, '/');
	const int length = slash ? (int)(slash - share_socket) : 1;
	char *folder;

	if (asprintf(&folder, "%.*s/exports", length, slash ? share_socket : ".") < 0)
		return NULL;
	return folder;
}

static int path_of(const char *folder, const uint8_t *id, bool read_only, char path[PATH_MAX])
{
	char name[2 * SHARE_SESSION_SIZE + 1];
	int length;

	for (size_t i = 0; i < SHARE_SESSION_SIZE; i++)
		snprintf(name + 2 * i, 3, "%02x", id[i]);
	length = snprintf(path, PATH_MAX, "%s/%s.%s", folder, name, read_only ? "read" : "write");
	return length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* With @theirs as its standard input. Return: its pid or negative errno. */
static pid_t start(const struct export_server_options *options, int theirs)
{
	const char *argv[12] = {"lodge-fsd",   "--control-fd", "0",    "--shared-dir",
				options->path, "--cache",      "auto", "--announce-submounts"};
	size_t count = 8;
	char owner[48];

	if (options->uid) {
		snprintf(owner, sizeof(owner), "squash:%" PRIu64 ":%" PRIu64, options->uid,
			 options->gid);
		argv[count++] = "--owner";
		argv[count++] = owner;
	}
	if (options->read_only)
		argv[count] = "--readonly";
	return share_program_start(argv, options->user, theirs, -EBADF);
}

static int start_connected(const struct export_server_options *options, pid_t *pid, int *fd)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	*pid = start(options, theirs);
	if (*pid < 0)
		return *pid;
	*fd = take_fd(&ours);
	return 0;
}

/* Connected before it is started: it would end if nobody came. */
static int start_listening(const struct export_server_options *options, const char *path,
			   pid_t *pid, int *fd)
{
	_cleanup_close_ int listener = -EBADF, ours = -EBADF;

	if (mkdir(options->folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	listener = unix_socket_listen(path, 0600, BACKLOG);
	if (listener < 0)
		return listener;
	ours = unix_socket_connect(path);
	*pid = ours < 0 ? ours : start(options, listener);
	if (*pid < 0) {
		unlink(path);
		return *pid;
	}
	*fd = take_fd(&ours);
	return 0;
}

int export_server_start(const struct export_server_options *options,
			const uint8_t id[SHARE_SESSION_SIZE], pid_t *pid, int *fd)
{
	char path[PATH_MAX];
	int error;

	if (!options->folder)
		return start_connected(options, pid, fd);
	error = path_of(options->folder, id, options->read_only, path);
	return error ? error : start_listening(options, path, pid, fd);
}

int export_server_find(const char *folder, const uint8_t id[SHARE_SESSION_SIZE], bool read_only)
{
	char path[PATH_MAX];
	int error = folder ? path_of(folder, id, read_only, path) : -ENOENT;

	return error ? error : unix_socket_connect(path);
}

void export_server_forget(const char *folder, const uint8_t id[SHARE_SESSION_SIZE], bool read_only)
{
	char path[PATH_MAX];

	if (folder && path_of(folder, id, read_only, path) == 0)
		unlink(path);
}

void export_server_sweep(const char *folder)
{
	DIR *listing = opendir(folder);
	const struct dirent *entry;
	char path[PATH_MAX];

	while (listing && (entry = readdir(listing))) {
		_cleanup_close_ int fd = -EBADF;

		if (entry->d_type != DT_SOCK ||
		    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= PATH_MAX)
			continue;
		fd = unix_socket_connect(path);
		if (fd == -ECONNREFUSED)
			unlink(path);
	}
	if (listing)
		closedir(listing);
}
