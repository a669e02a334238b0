/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * checks - judgements as lines, and what groups share
 */
#include "suite.h"

#include <grp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

static void line(const struct suite *suite, const char *verdict, const char *name,
		 const char *detail)
{
	if (detail)
		printf("%-4s %s/%s: %s\n", verdict, suite->group, name, detail);
	else
		printf("%-4s %s/%s\n", verdict, suite->group, name);
	/* A line that was printed is not lost by what comes after it. */
	fflush(stdout);
}

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "an unknown error";
}

void expect(const struct suite *suite, const char *name, bool holds)
{
	line(suite, holds ? "ok" : "FAIL", name, holds ? NULL : "it does not hold");
}

void expect_done(const struct suite *suite, const char *name, long result)
{
	if (result >= 0)
		line(suite, "ok", name, NULL);
	else
		line(suite, "FAIL", name, error_name(errno));
}

void expect_error(const struct suite *suite, const char *name, long result, int error)
{
	int got = errno;
	char detail[96];

	if (result < 0 && got == error) {
		line(suite, "ok", name, error_name(error));
		return;
	}
	snprintf(detail, sizeof(detail), "%s instead of %s", result < 0 ? error_name(got) : "done",
		 error_name(error));
	line(suite, "FAIL", name, detail);
}

void expect_equal(const struct suite *suite, const char *name, long long got, long long wanted)
{
	char detail[96];

	if (got == wanted) {
		line(suite, "ok", name, NULL);
		return;
	}
	snprintf(detail, sizeof(detail), "%lld instead of %lld", got, wanted);
	line(suite, "FAIL", name, detail);
}

bool observe(const struct suite *suite, const char *name, long result)
{
	line(suite, "ok", name, result < 0 ? error_name(errno) : "done");
	return result >= 0;
}

void observe_text(const struct suite *suite, const char *name, const char *text)
{
	line(suite, "ok", name, text);
}

void skip(const struct suite *suite, const char *name, const char *why)
{
	line(suite, "skip", name, why);
}

long need(const struct suite *suite, const char *name, long result)
{
	char detail[96];

	if (result >= 0)
		return result;
	snprintf(detail, sizeof(detail), "%s; the rest of the group needs it", error_name(errno));
	line(suite, "FAIL", name, detail);
	exit(EXIT_FAILURE);
}

int create(const struct suite *suite, const char *name, const char *text)
{
	int fd = (int)need(suite, name, open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));

	need(suite, name, pwrite(fd, text, strlen(text), 0));
	return fd;
}

void put(const struct suite *suite, const char *name, const char *text)
{
	close(create(suite, name, text));
}

DIR *open_folder(const struct suite *suite, const char *name)
{
	DIR *dir = opendir(name);

	if (!dir) {
		need(suite, "opendir", -1);
		abort();
	}
	return dir;
}

bool holds_text(const char *name, const char *text)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	char buffer[4096];
	ssize_t length;

	if (fd < 0)
		return false;
	length = read(fd, buffer, sizeof(buffer));
	close(fd);
	return length >= 0 && (size_t)length == strlen(text) &&
	       !memcmp(buffer, text, (size_t)length);
}

bool exists(const char *name)
{
	struct stat stat;

	return !lstat(name, &stat);
}

struct stat status(const struct suite *suite, const char *name)
{
	struct stat stat;

	need(suite, name, lstat(name, &stat));
	return stat;
}

void let_time_pass(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 25000000}, NULL);
}

void in_child(const struct suite *suite, uid_t uid, void (*body)(const struct suite *suite))
{
	pid_t child = (pid_t)need(suite, "fork", fork());
	int state = 0;

	if (!child) {
		if (uid) {
			need(suite, "setgroups", setgroups(0, NULL));
			need(suite, "setgid", setgid(uid));
			need(suite, "setuid", setuid(uid));
		}
		body(suite);
		exit(EXIT_SUCCESS);
	}
	waitpid(child, &state, 0);
	if (WIFSIGNALED(state))
		line(suite, "FAIL", "child process", "ended by a signal");
}

bool can_be_others(const struct suite *suite)
{
	if (!getuid())
		return true;
	skip(suite, "as another user", "needs root");
	return false;
}
