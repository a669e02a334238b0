/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/handoff_socket.h"

#include "host/screen/socket_path.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static uv_loop_t loop;
static struct handoff_socket *handoff;
static char path[64];
static int client;
static struct handoff taken;
static int taken_fd, refuse;
static unsigned int takes;

static int take(void *owner, const struct handoff *what, int fd, const char **why)
{
	(void)owner;
	takes++;
	taken = *what;
	if (refuse) {
		if (fd >= 0)
			close(fd);
		if (refuse == -EPERM)
			*why = "not today";
		return refuse;
	}
	taken_fd = fd;
	return 0;
}

static int connect_client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strcpy(address.sun_path, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void setup(void)
{
	int fd;

	uv_loop_init(&loop);
	snprintf(path, sizeof(path), "/tmp/test-handoff-%d.sock", (int)getpid());
	fd = socket_path_listen(path, SOCK_SEQPACKET);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(handoff_socket_new(&loop, fd, take, NULL, &handoff), 0);
	client = connect_client();
	taken_fd = -1;
	refuse = 0;
	takes = 0;
}

static void teardown(void)
{
	close(client);
	handoff_socket_free(handoff);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	unlink(path);
}

static void send_packet(const char *text, const int *fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)text, .iov_len = strlen(text)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), fd, sizeof(int));
	}
	ck_assert_int_eq(sendmsg(client, &message, 0), (ssize_t)strlen(text));
}

static const char *answer(void)
{
	static char text[HANDOFF_MAX_ANSWER + 1];
	ssize_t got = -1;

	for (int i = 0; i < 50 && got < 0; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		got = recv(client, text, sizeof(text) - 1, MSG_DONTWAIT);
		if (got < 0)
			usleep(1000);
	}
	if (got < 0)
		return "nothing";
	text[got] = '\0';
	return text;
}

START_TEST(a_descriptor_is_handed_over)
{
	int pair[2];
	char byte = 0;

	ck_assert_int_eq(pipe(pair), 0);
	send_packet("kind=agent\n", &pair[1]);
	ck_assert_str_eq(answer(), "ok");
	ck_assert_int_eq(taken.kind, HANDOFF_AGENT);
	ck_assert(fcntl(taken_fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(write(taken_fd, "x", 1), 1);
	ck_assert_int_eq(read(pair[0], &byte, 1), 1);
	close(taken_fd);
	close(pair[0]);
	close(pair[1]);
	send_packet("kind=close\nid=a\n", NULL);
	ck_assert_str_eq(answer(), "ok");
	ck_assert_int_eq(taken_fd, -EBADF);
}
END_TEST

START_TEST(refusals_say_why_and_close)
{
	int pair[2];
	char byte;

	ck_assert_int_eq(pipe(pair), 0);
	send_packet("kind=nothing\n", &pair[1]);
	ck_assert_int_eq(strncmp(answer(), "error=", 6), 0);
	send_packet("kind=agent\n", NULL);
	ck_assert_str_eq(answer(), "error=a descriptor is missing");
	send_packet("kind=close\nid=a\n", &pair[1]);
	ck_assert_str_eq(answer(), "error=this takes no descriptor");
	send_packet("kind=watch\n", &pair[1]);
	ck_assert_str_eq(answer(), "error=this takes no descriptor");
	ck_assert_uint_eq(takes, 0);
	refuse = -EPERM;
	send_packet("kind=agent\n", &pair[1]);
	ck_assert_str_eq(answer(), "error=not today");
	refuse = -ENOMEM;
	send_packet("kind=agent\n", &pair[1]);
	ck_assert_int_eq(strncmp(answer(), "error=", 6), 0);
	/* Every copy of it is closed. */
	close(pair[1]);
	ck_assert_int_eq(read(pair[0], &byte, 1), 0);
	close(pair[0]);
}
END_TEST

START_TEST(who_watches_is_told)
{
	handoff_socket_tell(handoff, "clipboard=off");
	send_packet("kind=close\nid=a\n", NULL);
	ck_assert_str_eq(answer(), "ok");
	ck_assert_str_eq(answer(), "nothing");
	send_packet("kind=watch\n", NULL);
	ck_assert_str_eq(answer(), "ok");
	ck_assert_str_eq(answer(), "clipboard=off");
	ck_assert_uint_eq(takes, 1);
	/* The same is no news, also when it is asked for again. */
	handoff_socket_tell(handoff, "clipboard=off");
	send_packet("kind=watch\n", NULL);
	ck_assert_str_eq(answer(), "ok");
	handoff_socket_tell(handoff, "clipboard=all");
	ck_assert_str_eq(answer(), "clipboard=all");
	ck_assert_str_eq(answer(), "nothing");
}
END_TEST

START_TEST(who_watches_and_does_not_listen_goes)
{
	static const char *const news[] = {"clipboard=off", "clipboard=all"};
	char text[32];
	ssize_t got = 1;

	send_packet("kind=watch\n", NULL);
	ck_assert_str_eq(answer(), "ok");
	for (int i = 0; i < 100000; i++)
		handoff_socket_tell(handoff, news[i % 2]);
	for (int i = 0; i < 100000 && got > 0; i++)
		got = recv(client, text, sizeof(text), MSG_DONTWAIT);
	ck_assert_int_eq(got, 0);
}
END_TEST

START_TEST(too_long_or_too_many)
{
	char *longest = malloc(HANDOFF_MAX_PACKET + 2);
	int others[HANDOFF_MAX_CLIENTS + 1];
	char byte;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = connect_client();
	for (int i = 0; i < 10; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_int_eq(recv(others[0], &byte, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(recv(others[HANDOFF_MAX_CLIENTS], &byte, 1, MSG_DONTWAIT), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		close(others[i]);
	memset(longest, 'a', HANDOFF_MAX_PACKET + 1);
	longest[HANDOFF_MAX_PACKET + 1] = '\0';
	send_packet(longest, NULL);
	ck_assert_str_eq(answer(), "");
	free(longest);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("handoff_socket");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_descriptor_is_handed_over);
	tcase_add_test(tests, refusals_say_why_and_close);
	tcase_add_test(tests, who_watches_is_told);
	tcase_add_test(tests, who_watches_and_does_not_listen_goes);
	tcase_add_test(tests, too_long_or_too_many);
	return suite_run_case("handoff_socket", tests);
}
