/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/exec/spawn.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES 16384

struct child {
	const struct spawn *spawn;
	sigset_t signals; /* of the program */
	/* Written by the child, read after it has gone. */
	int error;
	const char *failed;
};

static int fail(struct child *child, const char *what)
{
	child->error = -errno;
	child->failed = what;
	return -1;
}

/* execve(2) takes care of signals that are handled, not of ignored ones. */
static void default_signals(void)
{
	const struct sigaction action = {.sa_handler = SIG_DFL};

	sigaction(SIGPIPE, &action, NULL);
}

/* Before other files are closed and users changed; that it fails is no reason not to run. */
static void reset_oom_score(void)
{
	const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "0", 1) != 1)
		errno = 0;
	close(fd);
}

static int become(struct child *child)
{
	const struct account *account = child->spawn->account;

	/* Who is no root, in a test, stays who he is. */
	if (geteuid() == 0) {
		if (syscall(SYS_setgroups, account->group_count, account->groups) < 0 ||
		    syscall(SYS_setresgid, account->gid, account->gid, account->gid) < 0 ||
		    syscall(SYS_setresuid, account->uid, account->uid, account->uid) < 0)
			return fail(child, "become the user");
	} else if (geteuid() != account->uid) {
		errno = EPERM;
		return fail(child, "become the user");
	}
	return 0;
}

static int enter_directory(struct child *child)
{
	const struct command *command = child->spawn->command;

	if (chdir(command->directory) == 0)
		return 0;
	if (!command->directory_given && chdir("/") == 0)
		return 0;
	/* ENOENT is for a program that is not there. */
	if (errno == ENOENT)
		errno = ENOTDIR;
	return fail(child, "enter the directory");
}

static int set_files(struct child *child)
{
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(child->spawn->fds[fd], fd) < 0)
			return fail(child, "set the standard files");
	}
	/* All ours are close-on-exec; this is for what a library may have left open. */
	syscall(SYS_close_range, 3U, UINT_MAX, 0U);
	if (child->spawn->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return fail(child, "take the terminal");
	return 0;
}

static void run(struct child *child)
{
	const struct command *command = child->spawn->command;
	int error = ENOENT;

	for (char **path = command->candidates; *path; path++) {
		/* A look costs a tenth of an attempt. */
		if (access(*path, F_OK) < 0 && errno == ENOENT)
			continue;
		execve(*path, command->argv, command->environment);
		/* What is there but may not be run says more than what is not there. */
		if (errno != ENOENT && errno != ENOTDIR && error == ENOENT)
			error = errno;
	}
	errno = error;
	fail(child, "run");
}

static int child_main(void *argument)
{
	struct child *child = argument;

	default_signals();
	umask(022);
	setsid();
	if (child->spawn->reset_oom_score)
		reset_oom_score();
	if (set_files(child) == 0 && become(child) == 0 && enter_directory(child) == 0) {
		sigprocmask(SIG_SETMASK, &child->signals, NULL);
		run(child);
	}
	_exit(127);
}

int spawn_program(const struct spawn *spawn, pid_t *pid, const char **failed)
{
	_cleanup_free_ char *stack = malloc(STACK_BYTES);
	struct child child = {.spawn = spawn};
	sigset_t all, before;

	*failed = "start a process";
	if (!stack)
		return -ENOMEM;
	/* No handler of ours may run in the child: it would write to our memory. */
	sigfillset(&all);
	sigemptyset(&child.signals);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	*pid = clone(child_main, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, &child);
	if (*pid < 0)
		fail(&child, "start a process");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (*pid >= 0 && child.error) {
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*failed = child.failed;
	return child.error;
}
