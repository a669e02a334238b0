/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/net/resolver.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/sandbox/confine.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define MAX_LINKS 8
#define SOCKET_FD 3

struct text {
	size_t length;
	char bytes[RESOLVER_MAX_BYTES];
};

/* --- The process that watches --- */

/* The folder of @path, "" for the current one, with its slash. */
static size_t folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* What @link leads to, seen from where it lies. Return: false if it is no link. */
static bool follow(char link[PATH_MAX])
{
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	size_t folder = folder_length(link);

	if (length <= 0)
		return false;
	target[length] = '\0';
	if (target[0] == '/')
		folder = 0;
	if (folder + (size_t)length >= PATH_MAX)
		return false;
	memcpy(link + folder, target, (size_t)length + 1);
	return true;
}

/* Any change in a folder on the way is a reason to look again. */
static int watch_folders(const char *path)
{
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char at[PATH_MAX], folder[PATH_MAX];

	snprintf(at, sizeof(at), "%s", path);
	for (int i = 0; watch >= 0 && i < MAX_LINKS; i++) {
		snprintf(folder, sizeof(folder), "%.*s.", (int)folder_length(at), at);
		inotify_add_watch(watch, folder,
				  IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
					  IN_DELETE | IN_ONLYDIR);
		if (!follow(at))
			break;
	}
	return watch;
}

/* Return: false if there is nothing in it: it is being written. */
static bool read_text(const char *path, struct text *text)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = 1;

	text->length = 0;
	while (fd >= 0 && got > 0 && text->length < sizeof(text->bytes)) {
		got = read(fd, text->bytes + text->length, sizeof(text->bytes) - text->length);
		if (got > 0)
			text->length += (size_t)got;
	}
	return text->length > 0;
}

static bool same(const struct text *a, const struct text *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static void watch_for_ever(const char *path)
{
	static struct text text, told;
	struct pollfd fds[] = {{.fd = SOCKET_FD, .events = POLLIN}, {.events = POLLIN}};

	for (;;) {
		/* Watched first and read then: nothing is missed in between. */
		_cleanup_close_ int watch = watch_folders(path);

		if (read_text(path, &text) && !same(&text, &told)) {
			told = text;
			if (send(SOCKET_FD, text.bytes, text.length, MSG_NOSIGNAL) < 0)
				return;
		}
		fds[1].fd = watch;
		while (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno == EINTR)
			;
		if (fds[0].revents)
			return;
	}
}

static void become_watcher(const char *path, int socket)
{
	prctl(PR_SET_NAME, "lodge-net-dns");
	/* The frames and the ports are not its own. */
	if (dup2(socket, SOCKET_FD) < 0)
		_exit(1);
	close_range(SOCKET_FD + 1, ~0U, 0);
	if (confine_privileges() == 0)
		watch_for_ever(path);
	_exit(0);
}

int resolver_watch(const char *path)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int pair[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		become_watcher(path, theirs);
	return take_fd(&ours);
}

/* --- The process that is told --- */

int resolver_update(int socket, int copy)
{
	static struct text text;
	struct stat before;
	ssize_t got = recv(socket, text.bytes, sizeof(text.bytes) - 1, MSG_DONTWAIT);

	if (got == 0)
		return -EPIPE;
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	text.length = (size_t)got;
	/* libslirp knows a changed file by its size, or by its time in whole seconds. */
	if (fstat(copy, &before) == 0 && (size_t)before.st_size == text.length)
		text.bytes[text.length++] = '\n';
	if (pwrite(copy, text.bytes, text.length, 0) < 0 || ftruncate(copy, (off_t)text.length) < 0)
		return -errno;
	return 0;
}
