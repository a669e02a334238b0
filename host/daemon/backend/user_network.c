/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/backend/user_network.h"

#include "host/arguments/network.h"
#include "host/daemon/lodged.h"
#include "host/daemon/options.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define READY_FD 3

/*
 * In a child of a program with threads: nothing but system calls. Its own child goes on, in a
 * session of its own, with nobody to wait for it.
 */
static void become(char *const arguments[], int ready, int log)
{
	int null;

	if (fork() != 0)
		_exit(0);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
	    dup2(log, STDERR_FILENO) < 0)
		_exit(1);
	if (ready == READY_FD)
		fcntl(ready, F_SETFD, 0);
	else if (dup2(ready, READY_FD) < 0)
		_exit(1);
	close_range(READY_FD + 1, ~0U, 0);
	execv(arguments[0], arguments);
	_exit(1);
}

/* The last line of the log. */
static void last_line(const char *path, const char *prefix, char *text, size_t capacity)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		size_t skip = strncmp(line, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;

		line[strcspn(line, "\n")] = '\0';
		if (line[skip])
			snprintf(text, capacity, "%s", line + skip);
	}
}

/* A byte says that it is ready; the end without one, that it never will be. */
static int wait_until_ready(int fd)
{
	ssize_t length;
	char byte;

	do {
		length = read(fd, &byte, 1);
	} while (length < 0 && errno == EINTR);
	return length == 1 ? 0 : -EIO;
}

int user_network_start(const char *program, const char *socket, char *const *forwards,
		       const char *log, char *error, size_t capacity)
{
	char mtu[] = "--mtu=" NETWORK_MTU_TEXT;
	char *arguments[7 + 2 * OPTION_LIST_MAX] = {(char *)program, "--listen", (char *)socket,
						    mtu, "--ready-fd=3"};
	_cleanup_close_ int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	_cleanup_close_ int ready = -EBADF, told = -EBADF;
	size_t count = 5;
	int ends[2];
	pid_t child;

	snprintf(error, capacity, "the network (lodge-net) does not start");
	if (log_fd < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ready = ends[0];
	told = ends[1];
	for (size_t i = 0; forwards && forwards[i] && i < OPTION_LIST_MAX; i++) {
		arguments[count++] = "--forward";
		arguments[count++] = forwards[i];
	}
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		become(arguments, told, log_fd);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	cleanup_close(&told);
	told = -EBADF;
	if (wait_until_ready(ready) == 0)
		return 0;
	last_line(log, "lodge-net: ", error, capacity);
	return -EIO;
}

void user_network_cancel(const char *socket)
{
	/* It serves the first who comes, and ends when they go. */
	_cleanup_close_ int fd = connect_unix(socket);

	(void)fd;
}
