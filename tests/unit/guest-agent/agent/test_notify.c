/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/notify.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *path, size_t length)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, length);
	ck_assert_int_eq(
		bind(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + length)),
		0);
	return fd;
}

static void expect(int fd, const char *state)
{
	char bytes[64] = "";

	ck_assert_int_eq(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), (ssize_t)strlen(state));
	ck_assert_str_eq(bytes, state);
}

START_TEST(a_path_is_told)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/lodge-notify-%d", (int)getpid());
	fd = listen_at(path, strlen(path));
	ck_assert_int_eq(notify_send(path, "READY=1"), 0);
	expect(fd, "READY=1");
	close(fd);
	unlink(path);
}
END_TEST

START_TEST(an_abstract_name_is_told)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@lodge-notify-%d", (int)getpid());
	name[0] = '\0';
	fd = listen_at(name, 1 + strlen(name + 1));
	name[0] = '@';
	ck_assert_int_eq(notify_send(name, "STOPPING=1"), 0);
	expect(fd, "STOPPING=1");
	close(fd);
}
END_TEST

START_TEST(nobody_to_tell_is_fine_and_errors_are_told)
{
	char longest[300];

	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(notify_send(NULL, "READY=1"), 0);
	ck_assert_int_eq(notify_send("", "READY=1"), 0);
	ck_assert_int_eq(notify_send(longest, "READY=1"), -ENAMETOOLONG);
	ck_assert_int_eq(notify_send("/there/is/none", "READY=1"), -ENOENT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("notify");

	tcase_add_test(tc, a_path_is_told);
	tcase_add_test(tc, an_abstract_name_is_told);
	tcase_add_test(tc, nobody_to_tell_is_fine_and_errors_are_told);
	return suite_run_case("notify", tc);
}
