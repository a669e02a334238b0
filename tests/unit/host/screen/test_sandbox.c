/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/sandbox.h"

#include "host/screen/keyboard.h"
#include "host/screen/tls.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

/* Exit statuses of what is tried inside. */
enum {
	INSIDE_AS_IT_SHOULD_BE,
	INSIDE_NOT_ENTERED,
	INSIDE_A_FILE_OPENS,
	INSIDE_A_FILE_IS_MADE,
	INSIDE_A_SOCKET_IS_MADE,
	INSIDE_A_PROGRAM_STARTS,
	INSIDE_A_PROCESS_STARTS,
	INSIDE_CODE_CAN_BE_MADE,
	INSIDE_NO_LAYOUT,
	INSIDE_NO_CERTIFICATE,
	INSIDE_NO_MEMORY,
	INSIDE_NO_PAIR,
	INSIDE_A_SIGNAL_GOES_OUT,
};

static bool was_made(int fd)
{
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int try_what_is_forbidden(void)
{
	char *const arguments[] = {(char *)"true", NULL};
	void *code;

	if (was_made(open("/etc/passwd", O_RDONLY)))
		return INSIDE_A_FILE_OPENS;
	if (was_made(open("/tmp/lodge-test", O_WRONLY | O_CREAT, 0600)) ||
	    was_made(open("/lodge-test", O_WRONLY | O_CREAT, 0600)))
		return INSIDE_A_FILE_IS_MADE;
	if (was_made(socket(AF_UNIX, SOCK_STREAM, 0)) || was_made(socket(AF_INET, SOCK_STREAM, 0)))
		return INSIDE_A_SOCKET_IS_MADE;
	execv("/bin/true", arguments);
	if (errno != EPERM)
		return INSIDE_A_PROGRAM_STARTS;
	if (fork() >= 0)
		return INSIDE_A_PROCESS_STARTS;
	if (kill(getppid(), 0) == 0)
		return INSIDE_A_SIGNAL_GOES_OUT;
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return code != MAP_FAILED ? INSIDE_CODE_CAN_BE_MADE : INSIDE_AS_IT_SHOULD_BE;
}

static int try_what_is_needed(void)
{
	struct tls_credentials *credentials;
	struct keyboard *keyboard;
	int pair[2];

	/* Where the host has no namespaces for us no path is left at all. */
	if (access("/usr/share/X11/xkb", R_OK) == 0 && keyboard_new("de", &keyboard) < 0)
		return INSIDE_NO_LAYOUT;
	if (tls_credentials_self_signed("vm", &credentials) < 0)
		return INSIDE_NO_CERTIFICATE;
	if (!was_made(memfd_create("test", MFD_CLOEXEC)))
		return INSIDE_NO_MEMORY;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return INSIDE_NO_PAIR;
	return INSIDE_AS_IT_SHOULD_BE;
}

static int run_inside(int (*what)(void))
{
	pid_t child = fork();
	int status = -1;

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(screen_sandbox_enter() < 0 ? INSIDE_NOT_ENTERED : what());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

START_TEST(nothing_can_be_opened_or_started)
{
	ck_assert_int_eq(run_inside(try_what_is_forbidden), INSIDE_AS_IT_SHOULD_BE);
}
END_TEST

START_TEST(what_is_needed_later_can_be_had)
{
	ck_assert_int_eq(run_inside(try_what_is_needed), INSIDE_AS_IT_SHOULD_BE);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("sandbox");

	if (IS_SANITIZED) {
		puts("left out: a sanitizer's own system calls are not on the sandbox's list");
	} else {
		tcase_add_test(tests, nothing_can_be_opened_or_started);
		tcase_add_test(tests, what_is_needed_later_can_be_had);
	}
	return suite_run_case("sandbox", tests);
}
