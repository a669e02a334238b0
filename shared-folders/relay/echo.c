/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * echo: the process. Changes go in and ids come out by a socket pair of whole messages; it lives as
 * long as the other end of that.
 */
#include "shared-folders/relay/echo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/cleanup.h"
#include "shared-folders/server/server.h"

#define CHANGE_MAX (sizeof(struct server_change) + 2 * PATH_MAX)
/* Changes that may wait in the socket: a burst that an editor or a build makes. */
#define SOCKET_BYTES (1 << 20)

struct echo {
	pid_t pid;
	int socket;
};

/* The mount's root, if it is still what it was. */
static int open_root(const char *mount, dev_t device)
{
	_cleanup_close_ int root = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (root < 0 || fstat(root, &status) < 0)
		return -errno;
	return status.st_dev == device ? take_fd(&root) : -ENODEV;
}

/* @reading: echo_open_reading(), opened when it is needed */
static void act(int root, int *reading, const void *body, size_t length, uint64_t *id)
{
	if (echo_is_look(body, length)) {
		if (*reading < 0)
			*reading = echo_open_reading(root);
		root = *reading;
	}
	if (root >= 0)
		echo_act(root, body, length, id);
}

static void run(int socket, const char *mount, dev_t device)
{
	_cleanup_close_ int reading = -EBADF;
	_Alignas(8) static char body[CHANGE_MAX];

	for (;;) {
		/* Only while there is something to look at: it keeps the file system. */
		ssize_t length = recv(socket, body, sizeof(body), reading < 0 ? 0 : MSG_DONTWAIT);
		uint64_t id = 0;
		int root;

		if (length < 0 && errno == EAGAIN)
			cleanup_close(&reading);
		if (length < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (length <= 0)
			return;
		root = open_root(mount, device);
		if (root == -ENODEV || root == -ENOENT || root == -ENOTDIR)
			return;
		/* Where it fails, somebody was faster, or the mount is read-only: an event is lost.
		 */
		if (root >= 0) {
			act(root, &reading, body, (size_t)length, &id);
			close(root);
		}
		if (id && send(socket, &id, sizeof(id), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno == EPIPE)
			return;
	}
}

/* In the new process: nothing of the caller but the socket. Never returns. */
static _Noreturn void become(int socket, pid_t parent, const char *mount, dev_t device)
{
	sigset_t none;

	sigemptyset(&none);
	for (int number = 1; number < NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP)
			signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, "lodge-echo");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && dup2(socket, 0) == 0) {
		/* Above all not /dev/fuse, which would keep the mount when the relay is gone. */
		syscall(SYS_close_range, 1U, ~0U, 0U);
		umask(0);
		if (chdir("/") == 0)
			run(0, mount, device);
	}
	_exit(0);
}

int echo_start(const char *mount, struct echo **result)
{
	_cleanup_free_ struct echo *echo = calloc(1, sizeof(*echo));
	_cleanup_free_ char *path = realpath(mount, NULL);
	int pair[2], bytes = SOCKET_BYTES;
	pid_t parent = getpid();
	struct statx status;

	if (!echo)
		return -ENOMEM;
	/* Nothing that the relay, which may be the caller, would have to answer. */
	if (!path || statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &status) < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	echo->socket = pair[0];
	echo->pid = fork();
	if (echo->pid == 0)
		become(pair[1], parent, path, makedev(status.stx_dev_major, status.stx_dev_minor));
	close(pair[1]);
	if (echo->pid < 0) {
		int error = errno;

		close(pair[0]);
		return -error;
	}
	*result = take_ptr(echo);
	return 0;
}

void echo_stop(struct echo *echo)
{
	if (!echo)
		return;
	close(echo->socket);
	kill(echo->pid, SIGKILL);
	/* It may be waiting for an answer that comes only when /dev/fuse is closed. */
	waitpid(echo->pid, NULL, WNOHANG);
	free(echo);
}

pid_t echo_pid(const struct echo *echo)
{
	return echo->pid;
}

int echo_change(struct echo *echo, const void *body, size_t length)
{
	if (length > CHANGE_MAX)
		return -EMSGSIZE;
	return send(echo->socket, body, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int echo_descriptor(const struct echo *echo)
{
	return echo->socket;
}

int64_t echo_finished(struct echo *echo)
{
	uint64_t id, last = 0;

	for (;;) {
		ssize_t length = recv(echo->socket, &id, sizeof(id), MSG_DONTWAIT);

		if (length == sizeof(id))
			last = id & INT64_MAX;
		else if (length < 0 && errno == EINTR)
			continue;
		else if (length < 0 && errno == EAGAIN)
			return (int64_t)last;
		else
			return last ? (int64_t)last : -EPIPE;
	}
}
