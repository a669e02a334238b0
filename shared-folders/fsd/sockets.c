/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/fsd/sockets.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* In /etc/group: a static program cannot ask the name service switch. Or a number. */
static int find_group(const char *name, gid_t *gid)
{
	_cleanup_fclose_ FILE *file = NULL;
	char line[4096], *rest;
	uint64_t number;

	if (parse_u64(name, 0, UINT32_MAX - 1, &number) == 0) {
		*gid = (gid_t)number;
		return 0;
	}
	file = fopen("/etc/group", "re");
	while (file && fgets(line, sizeof(line), file)) {
		size_t length = strcspn(line, ":");

		if (strlen(name) != length || strncmp(line, name, length) != 0)
			continue;
		rest = strchr(line + length + 1, ':');
		if (!rest)
			continue;
		rest[1 + strcspn(rest + 1, ":")] = '\0';
		if (parse_u64(rest + 1, 0, UINT32_MAX - 1, &number) < 0)
			continue;
		*gid = (gid_t)number;
		return 0;
	}
	return -ENOENT;
}

/* Without a connection, which would be the one that a process serves. */
static bool is_somebodys(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/net/unix", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		const char *name = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		if (name && strcmp(name, path) == 0)
			return true;
	}
	return !file;
}

/* What a process of before left behind is in the way; one that listens is not to be disturbed. */
static int bind_at(int fd, const struct sockaddr_un *address)
{
	const struct sockaddr *where = (const struct sockaddr *)address;
	struct stat status;

	if (bind(fd, where, sizeof(*address)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (is_somebodys(address->sun_path) || stat(address->sun_path, &status) < 0 ||
	    !S_ISSOCK(status.st_mode))
		return -EADDRINUSE;
	if (unlink(address->sun_path) < 0 || bind(fd, where, sizeof(*address)) < 0)
		return -errno;
	return 0;
}

static int listen_at(const char *path, const char *group)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t mask;
	gid_t gid = (gid_t)-1;
	int result;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (group) {
		result = find_group(group, &gid);
		if (result < 0)
			return result;
	}
	strcpy(address.sun_path, path);
	mask = umask(group ? 0117 : 0177);
	result = bind_at(fd, &address);
	umask(mask);
	if (result == 0 && group && chown(path, (uid_t)-1, gid) < 0)
		result = -errno;
	if (result == 0 && listen(fd, 8) < 0)
		result = -errno;
	return result < 0 ? result : take_fd(&fd);
}

static int look_at(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISSOCK(status.st_mode))
		return -ENOTSOCK;
	/* Handed over to us, and to nobody else. */
	return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : fd;
}

/* @path: NULL: it is @given. Neither: none is wanted. */
static int open_one(const char *path, const char *group, int given, int *socket)
{
	if (!path && given < 0)
		return 0;
	*socket = path ? listen_at(path, group) : look_at(given);
	if (*socket >= 0)
		return 0;
	if (path)
		log_error("cannot listen on '%s': %s", path, error_text(*socket));
	else
		log_error("descriptor %d is no socket to serve: %s", given, error_text(*socket));
	return *socket;
}

int fsd_sockets_open(const struct fsd_options *options, struct fsd_sockets *sockets)
{
	int result;

	*sockets = (struct fsd_sockets){-EBADF, -EBADF};
	result =
		open_one(options->socket_path, options->socket_group, options->fd, &sockets->vhost);
	if (result == 0)
		result = open_one(options->control, NULL, options->control_fd, &sockets->control);
	if (result == 0 && sockets->control >= 0 &&
	    fcntl(sockets->control, F_SETFL, O_NONBLOCK) < 0)
		result = -errno;
	return result;
}

bool fsd_listens(int fd)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens;
}

int fsd_connection(int *fd)
{
	int connection;

	if (!fsd_listens(*fd))
		return *fd < 0 ? -EBADF : take_fd(fd);
	do {
		connection = accept4(*fd, NULL, NULL, SOCK_CLOEXEC);
	} while (connection < 0 && errno == EINTR);
	return connection < 0 ? -errno : connection;
}

void fsd_log_to_syslog(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    dup2(fd, STDERR_FILENO) < 0)
		log_warning("no syslog to be had: %s", error_text(errno));
}
