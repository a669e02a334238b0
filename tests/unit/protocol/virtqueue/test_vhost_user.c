/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "protocol/virtqueue/vhost_user.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static int pair[2];
static struct vhost_user_message sent, received;

static void set_up(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	memset(&sent, 0, sizeof(sent));
}

static void tear_down(void)
{
	close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(a_message_arrives_with_its_descriptors)
{
	sent.header = (struct vhost_user_header){VHOST_USER_SET_VRING_KICK, VHOST_USER_VERSION, 8};
	sent.payload.number = 7;
	sent.fd[0] = pair[0];
	sent.fd[1] = pair[1];
	sent.fds = 2;
	ck_assert_int_eq(vhost_user_send(pair[0], &sent), 0);
	ck_assert_int_eq(vhost_user_receive(pair[1], &received, -1), 1);
	ck_assert_uint_eq(received.header.request, VHOST_USER_SET_VRING_KICK);
	ck_assert_uint_eq(received.payload.number, 7);
	ck_assert_uint_eq(received.fds, 2);
	ck_assert_int_eq(fcntl(received.fd[0], F_GETFD), FD_CLOEXEC);
	vhost_user_close(&received);
	ck_assert(!is_open(received.fd[0]) || received.fd[0] == -EBADF);
}
END_TEST

START_TEST(a_message_in_pieces_is_put_together)
{
	const uint8_t *bytes = (const uint8_t *)&sent.header;

	sent.header = (struct vhost_user_header){VHOST_USER_SET_FEATURES, VHOST_USER_VERSION, 8};
	sent.payload.number = 0x1122334455667788;
	for (size_t i = 0; i < sizeof(sent.header) + 8; i++)
		ck_assert_int_eq(write(pair[0], bytes + i, 1), 1);
	ck_assert_int_eq(vhost_user_receive(pair[1], &received, -1), 1);
	ck_assert_uint_eq(received.payload.number, 0x1122334455667788);
}
END_TEST

static const struct vhost_user_header bad[] = {
	{VHOST_USER_GET_FEATURES, 0, 0},
	{VHOST_USER_GET_FEATURES, 2, 0},
	{VHOST_USER_GET_FEATURES, VHOST_USER_VERSION, sizeof(union vhost_user_payload) + 1},
	{VHOST_USER_GET_FEATURES, VHOST_USER_VERSION, UINT32_MAX},
};

START_TEST(headers_that_cannot_be_are_refused)
{
	ck_assert_int_eq(write(pair[0], &bad[_i], sizeof(bad[_i])), sizeof(bad[_i]));
	ck_assert_int_eq(vhost_user_receive(pair[1], &received, -1), -EBADMSG);
}
END_TEST

START_TEST(more_descriptors_than_any_message_has_are_refused_and_closed)
{
	int next;

	sent.header = (struct vhost_user_header){VHOST_USER_SET_MEM_TABLE, VHOST_USER_VERSION, 0};
	sent.fds = VHOST_USER_MAX_FDS;
	for (unsigned int i = 0; i < sent.fds; i++)
		sent.fd[i] = pair[0];
	next = dup(pair[0]);
	close(next);
	/* Half of the header with the first, the rest with as many again. */
	for (int half = 0; half < 2; half++) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(sent.fd))];
		} control = {0};
		struct iovec iov = {(char *)&sent.header + half * 6, 6};
		struct msghdr packet = {&(int){0}, 0, &iov, 1, control.bytes, sizeof(control), 0};
		struct cmsghdr *header = CMSG_FIRSTHDR(&packet);

		packet.msg_name = NULL;
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(sent.fd));
		memcpy(CMSG_DATA(header), sent.fd, sizeof(sent.fd));
		ck_assert_int_eq(sendmsg(pair[0], &packet, 0), 6);
	}
	ck_assert_int_eq(vhost_user_receive(pair[1], &received, -1), -EBADMSG);
	ck_assert(!is_open(next));
}
END_TEST

START_TEST(an_end_is_an_end_only_between_messages)
{
	ck_assert_int_eq(write(pair[0], &sent.header, 3), 3);
	close(pair[0]);
	ck_assert_int_eq(vhost_user_receive(pair[1], &received, -1), -EBADMSG);
	ck_assert_int_eq(vhost_user_receive(pair[1], &received, -1), 0);
	pair[0] = pair[1];
	pair[1] = -1;
	ck_assert_int_eq(vhost_user_send(pair[0], &sent), -EPIPE);
}
END_TEST

START_TEST(who_says_nothing_is_not_waited_for)
{
	ck_assert_int_eq(vhost_user_receive(pair[1], &received, 1), -ETIMEDOUT);
	ck_assert_int_eq(write(pair[0], &sent.header, 3), 3);
	ck_assert_int_eq(vhost_user_receive(pair[1], &received, 1), -ETIMEDOUT);
}
END_TEST

START_TEST(a_reply_is_one)
{
	received.header =
		(struct vhost_user_header){VHOST_USER_GET_FEATURES, VHOST_USER_VERSION, 0};
	received.fds = 0;
	vhost_user_reply(&received, 8);
	ck_assert_uint_eq(received.header.flags, VHOST_USER_VERSION | VHOST_USER_REPLY);
	ck_assert_uint_eq(received.header.size, 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhost_user");
	TCase *tc = tcase_create("vhost_user");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_message_arrives_with_its_descriptors);
	tcase_add_test(tc, a_message_in_pieces_is_put_together);
	tcase_add_loop_test(tc, headers_that_cannot_be_are_refused, 0, ARRAY_SIZE(bad));
	tcase_add_test(tc, more_descriptors_than_any_message_has_are_refused_and_closed);
	tcase_add_test(tc, an_end_is_an_end_only_between_messages);
	tcase_add_test(tc, who_says_nothing_is_not_waited_for);
	tcase_add_test(tc, a_reply_is_one);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
