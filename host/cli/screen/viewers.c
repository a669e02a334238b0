/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/screen/viewers.h"

#include "host/cli/command.h"
#include "protocol/base/log.h"

#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL_STATUS 128 /* a signal's number is added */

const struct viewer_program viewers_known[] = {
	{"xtigervncviewer", VIEWER_UNIX, "tigervnc-viewer", "-Shared"},
	{"vncviewer", VIEWER_UNIX, "tigervnc-viewer", "-Shared"},
	{"remote-viewer", VIEWER_FILE, "virt-viewer", NULL},
	{"gvncviewer", VIEWER_DISPLAY, "gvncviewer", NULL},
	{"vinagre", VIEWER_PORT, "vinagre", NULL},
	{"xdg-open", VIEWER_BROWSER, "xdg-utils", NULL},
	{NULL, VIEWER_BROWSER, NULL, NULL},
};

bool viewers_path(const char *name, char *path, size_t capacity)
{
	const char *at = getenv("PATH");

	while (at && *at) {
		size_t length = strcspn(at, ":");
		int written = snprintf(path, capacity, "%.*s/%s", (int)length, at, name);

		if (length > 0 && written > 0 && (size_t)written < capacity &&
		    access(path, X_OK) == 0)
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

const struct viewer_program *viewers_find(bool browser)
{
	char path[PATH_MAX];

	for (const struct viewer_program *at = viewers_known; at->name; at++) {
		if ((at->way == VIEWER_BROWSER) == browser &&
		    viewers_path(at->name, path, sizeof(path)))
			return at;
	}
	return NULL;
}

bool viewers_have_display(void)
{
	const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

	return (x && *x) || (wayland && *wayland);
}

/* Its end. An interrupt of the terminal is the program's as well; what asks us to end is passed on.
 */
static int wait_for(pid_t child, const sigset_t *signals)
{
	int status = 0;
	siginfo_t info;

	while (waitpid(child, &status, WNOHANG) == 0) {
		if (sigwaitinfo(signals, &info) == SIGTERM || info.si_signo == SIGHUP)
			kill(child, SIGTERM);
	}
	return status;
}

/* Runs it until it ends. Return: exit status. */
static int run_program(const char *name, const char *const arguments[])
{
	posix_spawnattr_t attributes;
	sigset_t signals, before;
	int error, status = 0;
	pid_t child;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &before);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	error = posix_spawnp(&child, name, NULL, &attributes, (char **)arguments, environ);
	posix_spawnattr_destroy(&attributes);
	if (!error)
		status = wait_for(child, &signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (error) {
		log_error("%s cannot be started: %s", name, error_text(error));
		return EXIT_FAILED;
	}
	/* Asked to end, it has. */
	if (status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM))
		return EXIT_DONE;
	log_error("%s has failed (status %d)", name,
		  WIFEXITED(status) ? WEXITSTATUS(status) : SHELL_STATUS + WTERMSIG(status));
	return EXIT_FAILED;
}

int viewers_open(const struct viewer_program *program, const char *address)
{
	const char *arguments[4] = {program->name};
	size_t count = 1;

	if (program->arguments)
		arguments[count++] = program->arguments;
	arguments[count] = address;
	return run_program(program->name, arguments);
}

int viewers_attach(const char *uri, const char *domain)
{
	const char *const arguments[] = {VIEWERS_ATTACH, "--attach", "--connect", uri,
					 "--",		 domain,     NULL};

	return run_program(arguments[0], arguments);
}
