/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/terminal.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* xterm's sequences, which all terminals of today know. */
#define SCREEN_BEGIN "\033[?1049h\033[?25l"
#define SCREEN_END   "\033[?25h\033[?1049l"

static struct {
	struct termios settings;
	int fd, screen_fd;
	volatile sig_atomic_t is_raw, has_screen;
	bool registered;
} saved;

/* Signals that end a program. Those that a command handles itself are taken over by its loop. */
static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGABRT, SIGSEGV,
			     SIGBUS, SIGILL, SIGFPE,  SIGSYS,  SIGXCPU, SIGUSR1, SIGUSR2, SIGTRAP};

struct terminal_size terminal_size(int fd)
{
	struct winsize size = {0};

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		return (struct terminal_size){24, 80};
	return (struct terminal_size){size.ws_row, size.ws_col};
}

/* Async-signal-safe. */
void terminal_restore(void)
{
	int error = errno;

	if (saved.has_screen) {
		saved.has_screen = 0;
		if (write(saved.screen_fd, SCREEN_END, sizeof(SCREEN_END) - 1) < 0)
			errno = 0; /* nobody is left to be told */
	}
	if (saved.is_raw) {
		saved.is_raw = 0;
		tcsetattr(saved.fd, TCSANOW, &saved.settings);
	}
	errno = error;
}

static void restore_and_die(int number)
{
	terminal_restore();
	/* The handler was reset by SA_RESETHAND: this is the end, with the right status. */
	raise(number);
}

static int register_restore(void)
{
	if (saved.registered)
		return 0;
	if (atexit(terminal_restore) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(deadly); i++) {
		struct sigaction action = {.sa_handler = restore_and_die,
					   .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
		struct sigaction old;

		/* What is ignored or handled already stays so. */
		if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(deadly[i], &action, NULL);
	}
	saved.registered = true;
	return 0;
}

int terminal_raw(int fd)
{
	struct termios raw;
	int error;

	if (saved.is_raw)
		return -EBUSY;
	if (tcgetattr(fd, &saved.settings) < 0)
		return -errno;
	error = register_restore();
	if (error)
		return error;
	raw = saved.settings;
	cfmakeraw(&raw);
	saved.fd = fd;
	saved.is_raw = 1;
	/* Not TCSAFLUSH: what was typed ahead is meant for the guest. */
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
		error = -errno;
		saved.is_raw = 0;
		return error;
	}
	return 0;
}

void terminal_screen(int fd)
{
	saved.screen_fd = fd;
	saved.has_screen = saved.is_raw;
	if (saved.has_screen && write(fd, SCREEN_BEGIN, sizeof(SCREEN_BEGIN) - 1) < 0)
		saved.has_screen = 0;
}
