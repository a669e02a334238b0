/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child takes a pseudo-terminal to raw mode and ends in every way there is; the terminal must be
 * as it was.
 */
#include "host/cli/terminal.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int controller, terminal;

static void open_terminal(void)
{
	ck_assert_int_eq(openpty(&controller, &terminal, NULL, NULL, NULL), 0);
}

static void close_terminal(void)
{
	close(controller);
	close(terminal);
}

static bool echoes(void)
{
	struct termios settings;

	ck_assert_int_eq(tcgetattr(terminal, &settings), 0);
	return settings.c_lflag & ECHO;
}

/* In the child: how it ends. */
enum { BY_EXIT, BY_RESTORE, BY_SIGNAL };

static int run_child(int way, int number)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		/* Check has handlers of its own for some. */
		if (number)
			signal(number, SIG_DFL);
		if (terminal_raw(terminal) != 0 || echoes())
			_exit(99);
		if (way == BY_RESTORE) {
			terminal_restore();
			_exit(echoes() ? 0 : 98);
		}
		if (way == BY_SIGNAL)
			raise(number);
		exit(7);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

/* A program that draws is killed: its screen goes, and the cursor comes back. */
START_TEST(a_signal_ends_the_screen)
{
	char bytes[256];
	size_t length = 0;
	int status;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGTERM, SIG_DFL);
		if (terminal_raw(terminal) != 0)
			_exit(99);
		terminal_screen(terminal);
		raise(SIGTERM);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	ck_assert(echoes());
	while (length < sizeof(bytes) - 1 && !memmem(bytes, length, "\033[?1049l", 8)) {
		ssize_t count = read(controller, bytes + length, sizeof(bytes) - 1 - length);

		ck_assert_int_gt(count, 0);
		length += (size_t)count;
	}
	bytes[length] = '\0';
	ck_assert_str_eq(bytes, "\033[?1049h\033[?25l\033[?25h\033[?1049l");
}
END_TEST

START_TEST(exit_restores)
{
	int status = run_child(BY_EXIT, 0);

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);
	ck_assert(echoes());
}
END_TEST

START_TEST(restore_restores)
{
	ck_assert_int_eq(run_child(BY_RESTORE, 0), 0);
	ck_assert(echoes());
}
END_TEST

static const int deadly[] = {SIGINT,  SIGTERM, SIGHUP,	SIGQUIT, SIGPIPE,
			     SIGABRT, SIGSEGV, SIGUSR1, SIGALRM};

START_TEST(a_deadly_signal_restores_and_kills)
{
	int status = run_child(BY_SIGNAL, deadly[_i]);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), deadly[_i]);
	ck_assert(echoes());
}
END_TEST

START_TEST(twice_is_refused)
{
	ck_assert_int_eq(terminal_raw(terminal), 0);
	ck_assert_int_eq(terminal_raw(terminal), -EBUSY);
	terminal_restore();
	ck_assert(echoes());
}
END_TEST

START_TEST(what_is_no_terminal_is_refused)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(terminal_raw(null), -ENOTTY);
	close(null);
}
END_TEST

START_TEST(size_is_asked_or_guessed)
{
	struct winsize size = {.ws_row = 33, .ws_col = 101};
	struct terminal_size found;

	ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
	found = terminal_size(terminal);
	ck_assert_int_eq(found.rows, 33);
	ck_assert_int_eq(found.columns, 101);
	found = terminal_size(-1);
	ck_assert_int_eq(found.rows, 24);
	ck_assert_int_eq(found.columns, 80);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("terminal");

	tcase_add_checked_fixture(tc, open_terminal, close_terminal);
	tcase_add_test(tc, exit_restores);
	tcase_add_test(tc, a_signal_ends_the_screen);
	tcase_add_test(tc, restore_restores);
	tcase_add_loop_test(tc, a_deadly_signal_restores_and_kills, 0, ARRAY_SIZE(deadly));
	tcase_add_test(tc, twice_is_refused);
	tcase_add_test(tc, what_is_no_terminal_is_refused);
	tcase_add_test(tc, size_is_asked_or_guessed);
	return suite_run_case("terminal", tc);
}
