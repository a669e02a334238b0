/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/common/unix_socket.h"

#include "protocol/base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int make(const char *path, struct sockaddr_un *address)
{
	int fd;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!*path || strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

int unix_socket_connect(const char *path)
{
	struct sockaddr_un address;
	_cleanup_close_ int fd = make(path, &address);

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

pid_t unix_socket_peer(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? 0 : peer.pid;
}

int unix_socket_listen(const char *path, mode_t mode, int backlog)
{
	struct sockaddr_un address;
	_cleanup_close_ int fd = make(path, &address);
	struct stat st;

	if (fd < 0)
		return fd;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	/* Nobody comes in between. */
	if (fchmod(fd, 0) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(path, mode) < 0 || listen(fd, backlog) < 0)
		return -errno;
	return take_fd(&fd);
}

int unix_socket_listen_in_folder(const char *path, mode_t mode, int backlog)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = NULL;

	if (slash && slash != path) {
		folder = strndup(path, (size_t)(slash - path));
		if (!folder)
			return -ENOMEM;
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return unix_socket_listen(path, mode, backlog);
}
