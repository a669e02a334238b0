/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/net/user.h"

#include "host/arguments/network.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#ifndef LODGE_LIBEXEC
#define LODGE_LIBEXEC "/usr/libexec/lodge"
#endif

/* lodge-net --fd 3 --ready-fd 4 --mtu N, and a pair for each forward */
#define FRAMES_FD     3
#define READY_FD      4
#define MAX_ARGUMENTS (5 + 2 * FORWARD_MAX)

struct command {
	char program[PATH_MAX];
	const char *argument[MAX_ARGUMENTS];
};

/* Where this program lies, else where it is installed. */
static void find_program(char path[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - sizeof("lodge-net"));
	char *slash;

	if (size > 0) {
		path[size] = '\0';
		slash = strrchr(path, '/');
		strcpy(slash ? slash + 1 : path, "lodge-net");
		if (access(path, X_OK) == 0)
			return;
	}
	strcpy(path, LODGE_LIBEXEC "/lodge-net");
}

static void write_command(struct command *command, const struct options_net *options)
{
	size_t count = 0;

	find_program(command->program);
	command->argument[count++] = command->program;
	command->argument[count++] = "--fd=3";
	command->argument[count++] = "--ready-fd=4";
	command->argument[count++] = "--mtu=" NETWORK_MTU_TEXT;
	for (size_t i = 0; i < options->forwards; i++) {
		command->argument[count++] = "--forward";
		command->argument[count++] = options->forward[i];
	}
	command->argument[count] = NULL;
}

/* In the child's child: nobody waits for it, and it is in a session of its own, so that a Ctrl-C
 * at the terminal reaches the guest first. */
static void become(const struct command *command, int frames, int ready)
{
	/* Out of the way of their targets first. */
	int frames_high = fcntl(frames, F_DUPFD_CLOEXEC, 10);
	int ready_high = fcntl(ready, F_DUPFD_CLOEXEC, 10);

	setsid();
	if (dup2(frames_high, FRAMES_FD) < 0 || dup2(ready_high, READY_FD) < 0)
		_exit(1);
	execv(command->program, (char *const *)command->argument);
	log_error("cannot run '%s': %s; install Lodge completely", command->program,
		  error_text(errno));
	_exit(1);
}

static int start_process(const struct command *command, int frames, int ready)
{
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0) {
		pid_t grandchild = fork();

		if (grandchild == 0)
			become(command, frames, ready);
		_exit(grandchild < 0 ? 1 : 0);
	}
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* It writes a byte when its ports are bound, or says what is wrong and ends. */
static int wait_until_ready(int ready)
{
	char byte;
	ssize_t got;

	do {
		got = read(ready, &byte, 1);
	} while (got < 0 && errno == EINTR);
	return got == 1 ? 0 : -ECHILD;
}

static int start_lodge_net(const struct options_net *options)
{
	_cleanup_free_ struct command *command = calloc(1, sizeof(*command));
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF, ready = -EBADF, told = -EBADF;
	int pair[2], pipe_ends[2], result;

	if (!command)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	if (pipe2(pipe_ends, O_CLOEXEC) < 0)
		return -errno;
	ready = pipe_ends[0];
	told = pipe_ends[1];
	write_command(command, options);
	result = start_process(command, theirs, told);
	if (result < 0) {
		log_error("cannot start lodge-net: %s", error_text(result));
		return result;
	}
	cleanup_close(&told);
	told = -EBADF;
	result = wait_until_ready(ready);
	if (result < 0)
		return result;
	if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return take_fd(&ours);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return take_fd(&fd);
}

int net_user_new(const struct options_net *options, struct net_backend **backend)
{
	int fd = options->socket ? connect_to(options->socket) : start_lodge_net(options);
	int result;

	if (fd < 0 && options->socket)
		log_error("cannot connect to the network at '%s': %s; is lodge-net or passt "
			  "running there?",
			  options->socket, error_text(fd));
	if (fd < 0)
		return fd;
	result = net_stream_new(fd, options->socket ? 0 : NETWORK_MTU_BYTES, backend);
	if (result < 0)
		close(fd);
	return result;
}
