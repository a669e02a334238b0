/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/runtime.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define START_TIMEOUT_MS 20000

static int fits(int length, size_t capacity)
{
	return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
}

int runtime_directory(char *path, size_t capacity)
{
	const char *own = getenv("LODGE_RUNTIME_DIR"), *user = getenv("XDG_RUNTIME_DIR");

	if (own && *own == '/')
		return fits(snprintf(path, capacity, "%s", own), capacity);
	if (geteuid() == 0)
		return fits(snprintf(path, capacity, "/run/lodge"), capacity);
	if (user && *user == '/')
		return fits(snprintf(path, capacity, "%s/lodge", user), capacity);
	return -ENOENT;
}

bool runtime_has_vms(const char *runtime)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *directory;

	if (fits(snprintf(path, sizeof(path), "%s/vm", runtime), sizeof(path)) < 0)
		return false;
	directory = opendir(path);
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)))
		found = entry->d_name[0] != '.';
	closedir(directory);
	return found;
}

/* lodged beside this program, else in ../libexec/lodge. */
static int find_program(const char *name, char *path, size_t capacity)
{
	static const char *const places[] = {"", "../libexec/lodge/"};
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		return -errno;
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int error =
			fits(snprintf(path, capacity, "%s/%s%s", self, places[i], name), capacity);

		if (error)
			return error;
		if (access(path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

bool runtime_has_program(const char *name)
{
	char path[PATH_MAX];

	return find_program(name, path, sizeof(path)) == 0;
}

bool runtime_has_daemon(const char *runtime)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    fits(snprintf(address.sun_path, sizeof(address.sun_path), "%s/lodged.sock", runtime),
		 sizeof(address.sun_path)) < 0)
		return false;
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

/* In the child: becomes lodged, in a session of its own. Does not return. */
static void become_daemon(const char *program, const char *runtime, int log, int ready)
{
	char ready_text[16];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	fcntl(ready, F_SETFD, 0);
	snprintf(ready_text, sizeof(ready_text), "%d", ready);
	execl(program, "lodged", "--runtime", runtime, "--ready-fd", ready_text, (char *)NULL);
	_exit(127);
}

/* lodged writes a byte to its ready descriptor, or dies and so closes it. */
static int wait_ready(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char byte;
	int count;

	do
		count = poll(&poll_fd, 1, START_TIMEOUT_MS);
	while (count < 0 && errno == EINTR);
	if (count == 0)
		return -ETIMEDOUT;
	return read(fd, &byte, 1) == 1 ? 0 : -EPIPE;
}

/* Prints the last line of lodged's log, which says why it did not start. */
static void tell_why(const char *log_path, int error)
{
	_cleanup_fclose_ FILE *log = fopen(log_path, "re");
	char line[512] = "", last[512] = "";

	while (log && fgets(line, sizeof(line), log))
		memcpy(last, line, sizeof(last));
	last[strcspn(last, "\n")] = '\0';
	log_error("lodged did not start: %s (its log is %s)", *last ? last : error_text(error),
		  log_path);
}

static int start_locked(const char *runtime, const char *program)
{
	char log_path[PATH_MAX];
	_cleanup_close_ int log = -EBADF, ready_read = -EBADF, ready_write = -EBADF;
	int pipe_fds[2], error;
	pid_t child;

	error = fits(snprintf(log_path, sizeof(log_path), "%s/lodged.log", runtime),
		     sizeof(log_path));
	if (error)
		return error;
	log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (log < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	ready_read = pipe_fds[0];
	ready_write = pipe_fds[1];
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		/* Twice, so that nobody has to wait for lodged. */
		if (fork() == 0)
			become_daemon(program, runtime, log, ready_write);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	close(take_fd(&ready_write));
	error = wait_ready(ready_read);
	if (error)
		tell_why(log_path, error);
	return error;
}

static int lock_start(const char *runtime)
{
	char path[PATH_MAX];
	_cleanup_close_ int lock = -EBADF;
	int error = fits(snprintf(path, sizeof(path), "%s/start.lock", runtime), sizeof(path));

	if (error)
		return error;
	if (mkdir(runtime, 0700) < 0 && errno != EEXIST)
		return -errno;
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return -errno;
	while (flock(lock, LOCK_EX) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return take_fd(&lock);
}

int runtime_start_daemon(const char *runtime)
{
	char program[PATH_MAX];
	_cleanup_close_ int lock = lock_start(runtime);
	int error;

	if (lock < 0) {
		log_error("cannot use the folder %s: %s; set LODGE_RUNTIME_DIR to one of yours",
			  runtime, error_text(lock));
		return lock;
	}
	/* Another caller may have started it while this one waited for the lock. */
	if (runtime_has_daemon(runtime))
		return 0;
	error = find_program("lodged", program, sizeof(program));
	if (error) {
		log_error("lodged is not installed beside lodge: %s", error_text(error));
		return error;
	}
	return start_locked(runtime, program);
}
