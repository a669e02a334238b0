/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/share/share_program.h"

#include "tests/unit/suite.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(a_program_is_found_in_the_usual_places)
{
	static const char *const argv[] = {"true", NULL};
	const pid_t pid = share_program_start(argv, NULL, -EBADF, -EBADF);
	int status;

	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(what_it_says_goes_where_it_is_to)
{
	static const char *const argv[] = {"sh", "-c", "echo out; echo err >&2", NULL};
	char said[16] = "";
	int ends[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = share_program_start(argv, NULL, -EBADF, ends[1]);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(read(ends[0], said, sizeof(said) - 1), 8);
	ck_assert_str_eq(said, "out\nerr\n");
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* Not ENOENT, which would be the folder's. */
START_TEST(a_program_that_is_not_installed_is_told_from_other_errors)
{
	static const char *const argv[] = {"lodge-that-nobody-has", NULL};

	ck_assert_int_eq(share_program_start(argv, NULL, -EBADF, -EBADF), -ENOPKG);
}
END_TEST

START_TEST(a_user_who_is_not_there_is_told)
{
	static const char *const argv[] = {"true", NULL};

	ck_assert_int_eq(share_program_start(argv, "nobody-knows", -EBADF, -EBADF), -ESRCH);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("share_program");

	tcase_add_test(tests, a_program_is_found_in_the_usual_places);
	tcase_add_test(tests, what_it_says_goes_where_it_is_to);
	tcase_add_test(tests, a_program_that_is_not_installed_is_told_from_other_errors);
	tcase_add_test(tests, a_user_who_is_not_there_is_told);
	return suite_run_case("share_program", tests);
}
