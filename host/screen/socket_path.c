/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/socket_path.h"

#include "protocol/base/cleanup.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 16

static void remove_old(const char *path)
{
	struct stat is;

	if (lstat(path, &is) == 0 && S_ISSOCK(is.st_mode))
		unlink(path);
}

int socket_path_listen(const char *path, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int result;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	remove_old(path);
	mask = umask(0177);
	result = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (result < 0)
		return result;
	return listen(fd, BACKLOG) < 0 ? -errno : take_fd(&fd);
}
