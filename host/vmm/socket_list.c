/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/socket_list.h"

#include "protocol/base/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define BACKLOG	 8
#define MAX_PATH sizeof(((struct sockaddr_un *)NULL)->sun_path)

/* --- The janitor --------------------------------------------------------------------------------
 */

/* Paths come NUL-terminated; an empty one seals the list. */
struct paths {
	char text[SOCKET_LIST_MAX * MAX_PATH];
	size_t length;
	bool sealed;
};

static void take(struct paths *paths, char byte)
{
	bool at_start = paths->length == 0 || paths->text[paths->length - 1] == '\0';

	if (byte == '\0' && at_start)
		paths->sealed = true;
	if (!paths->sealed && paths->length < sizeof(paths->text))
		paths->text[paths->length++] = byte;
}

static void unlink_all(const struct paths *paths)
{
	size_t at = 0;

	while (at < paths->length && memchr(paths->text + at, '\0', paths->length - at)) {
		unlink(paths->text + at);
		at += strlen(paths->text + at) + 1;
	}
}

/* It must outlive signals to the VMM's group or terminal, and hold none of the VMM's descriptors.
 */
static _Noreturn void janitor(int pipe_fd)
{
	struct paths paths = {.length = 0};
	char bytes[256];
	sigset_t all;
	ssize_t length;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "lodge-janitor");
	dup2(pipe_fd, STDIN_FILENO);
	close_range(STDOUT_FILENO, ~0U, 0);
	while ((length = read(STDIN_FILENO, bytes, sizeof(bytes))) != 0) {
		if (length < 0 && errno != EINTR)
			break;
		for (ssize_t i = 0; i < length; i++)
			take(&paths, bytes[i]);
	}
	unlink_all(&paths);
	_exit(0);
}

int socket_list_start(struct socket_list *list)
{
	int ends[2];

	list->pipe_fd = -EBADF;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	list->janitor = fork();
	if (list->janitor == 0) {
		close(ends[1]);
		janitor(ends[0]);
	}
	close(ends[0]);
	if (list->janitor < 0) {
		close(ends[1]);
		return -errno;
	}
	list->pipe_fd = ends[1];
	return 0;
}

/* A path fits into a pipe whole, so that the janitor gets all of it or nothing. */
static int tell(struct socket_list *list, const char *path)
{
	ssize_t length = (ssize_t)strlen(path) + 1;

	if (list->pipe_fd < 0)
		return -EBADF;
	return write(list->pipe_fd, path, (size_t)length) == length ? 0 : -errno;
}

void socket_list_seal(struct socket_list *list)
{
	if (list->pipe_fd >= 0)
		(void)tell(list, "");
}

void socket_list_end(struct socket_list *list)
{
	if (list->janitor <= 0)
		return;
	cleanup_close(&list->pipe_fd);
	while (waitpid(list->janitor, NULL, 0) < 0 && errno == EINTR)
		;
	list->janitor = 0;
}

/* --- Listening ----------------------------------------------------------------------------------
 */

static int set_address(struct sockaddr_un *address, const char *path)
{
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, strlen(path));
	return 0;
}

static int unix_socket(int type)
{
	return socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A socket file that nobody listens on is left over from a machine that crashed. */
static int remove_stale(const struct sockaddr_un *address, int type)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = unix_socket(type);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

/* The janitor is told first: a file that is not there yet does no harm, one that stays does. */
static int bind_and_listen(struct socket_list *list, int fd, const struct sockaddr_un *address)
{
	mode_t mask;
	int error = tell(list, address->sun_path);

	if (error)
		return error;
	mask = umask(0177);
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		error = -errno;
	umask(mask);
	if (!error && listen(fd, BACKLOG) < 0)
		error = -errno;
	return error;
}

int socket_list_listen_type(struct socket_list *list, const char *path, int type)
{
	_cleanup_close_ int fd = -EBADF;
	struct sockaddr_un address;
	int error = set_address(&address, path);

	if (!error)
		error = remove_stale(&address, type);
	if (error)
		return error;
	fd = unix_socket(type);
	if (fd < 0)
		return -errno;
	error = bind_and_listen(list, fd, &address);
	return error ? error : take_fd(&fd);
}

int socket_list_listen(struct socket_list *list, const char *path)
{
	return socket_list_listen_type(list, path, SOCK_STREAM);
}
