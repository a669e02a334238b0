/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/socket_list.h"

#include "protocol/base/cleanup.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 8

static int set_address(struct sockaddr_un *address, const char *path)
{
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, strlen(path));
	return 0;
}

/* A socket file that nobody listens on is left over from a process that was killed. */
static int remove_stale(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int listen_on(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0177);
	int error = 0;

	if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		error = -errno;
	umask(mask);
	if (!error && listen(fd, BACKLOG) < 0) {
		error = -errno;
		unlink(address->sun_path);
	}
	return error ? error : take_fd(&fd);
}

int socket_list_listen(struct socket_list *list, const char *path)
{
	_cleanup_free_ char *copy = NULL;
	struct sockaddr_un address;
	int fd;
	int error = set_address(&address, path);

	if (error)
		return error;
	if (list->count == SOCKET_LIST_MAX)
		return -ENOSPC;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	error = remove_stale(&address);
	if (error)
		return error;
	fd = listen_on(&address);
	if (fd >= 0)
		list->path[list->count++] = take_ptr(copy);
	return fd;
}

void socket_list_unlink(struct socket_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		unlink(list->path[i]);
	socket_list_forget(list);
}

void socket_list_forget(struct socket_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->path[i]);
	list->count = 0;
}
