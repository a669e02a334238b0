/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/socket_list.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/lodge-test-sockets-XXXXXX";
static char path[sizeof(folder) + 8];
static struct socket_list list;

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/lodge-test-sockets-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	ck_assert_int_eq(socket_list_start(&list), 0);
}

static void remove_folder(void)
{
	socket_list_end(&list);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static bool exists(void)
{
	return access(path, F_OK) == 0;
}

START_TEST(a_socket_is_gone_at_the_end)
{
	int fd = socket_list_listen(&list, path);
	struct stat status;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFSOCK | 0600);
	socket_list_end(&list);
	ck_assert(!exists());
	close(fd);
}
END_TEST

START_TEST(a_socket_in_use_is_not_taken)
{
	int fd = socket_list_listen(&list, path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(socket_list_listen(&list, path), -EADDRINUSE);
	ck_assert(exists());
	close(fd);
}
END_TEST

START_TEST(a_stale_socket_is_replaced)
{
	int fd = socket_list_listen(&list, path);

	close(fd);
	ck_assert(exists());
	fd = socket_list_listen(&list, path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

START_TEST(another_file_is_not_touched)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	ck_assert_int_eq(socket_list_listen(&list, path), -EEXIST);
	socket_list_end(&list);
	ck_assert(exists());
}
END_TEST

START_TEST(long_paths_are_refused)
{
	char text[200];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(socket_list_listen(&list, text), -ENAMETOOLONG);
	ck_assert_int_eq(socket_list_listen(&list, "/nonexistent/s"), -ENOENT);
}
END_TEST

/* Who breaks out of the sandbox cannot have files of others unlinked. */
START_TEST(a_sealed_list_takes_no_more)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	socket_list_seal(&list);
	ck_assert_int_gt(write(list.pipe_fd, path, strlen(path) + 1), 0);
	socket_list_end(&list);
	ck_assert(exists());
}
END_TEST

START_TEST(a_killed_vmm_leaves_nothing)
{
	pid_t child = fork();

	if (child == 0) {
		struct socket_list own;

		close(list.pipe_fd);
		if (socket_list_start(&own) < 0 || socket_list_listen(&own, path) < 0)
			_exit(1);
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	for (int i = 0; i < 500 && exists(); i++)
		usleep(10000);
	ck_assert(!exists());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("socket_list");
	TCase *tc = tcase_create("socket_list");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, a_socket_is_gone_at_the_end);
	tcase_add_test(tc, a_socket_in_use_is_not_taken);
	tcase_add_test(tc, a_stale_socket_is_replaced);
	tcase_add_test(tc, another_file_is_not_touched);
	tcase_add_test(tc, long_paths_are_refused);
	tcase_add_test(tc, a_sealed_list_takes_no_more);
	tcase_add_test(tc, a_killed_vmm_leaves_nothing);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
