/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client, and on the same loop what it talks to: a socket that answers, late, wrongly, or never.
 */
#include "host/daemon/screen/handoff_client.h"
#include "host/screen/handoff.h"
#include "protocol/base/log.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static uv_loop_t loop;
static char path[64];
static struct handoff_client *client;
static int listener, peer;
static int closed, closed_error;
static char told[32];

/* --- The other end -----------------------------------------------------------------------------
 */

/* The next packet's text; its descriptor, or -1, in *fd. */
static const char *receive(int *fd)
{
	static char text[HANDOFF_MAX_PACKET + 2];
	struct iovec part = {text, sizeof(text) - 1};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(peer, &message, MSG_DONTWAIT);

	*fd = -1;
	if (length < 0)
		return NULL;
	if (message.msg_controllen > 0)
		memcpy(fd, CMSG_DATA(&control.header), sizeof(*fd));
	text[length] = '\0';
	return text;
}

static void answer(const char *text)
{
	ck_assert_int_eq(send(peer, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* --- Ours --------------------------------------------------------------------------------------
 */

struct outcome {
	int calls, error;
	char text[64];
	bool frees; /* the client, from within */
};

static void on_done(void *owner, int error, const char *text)
{
	struct outcome *outcome = owner;

	outcome->calls++;
	outcome->error = error;
	snprintf(outcome->text, sizeof(outcome->text), "%s", text);
	if (outcome->frees) {
		handoff_client_free(client);
		client = NULL;
	}
}

static void on_closed(void *owner, int error)
{
	(void)owner;
	closed++;
	closed_error = error;
	handoff_client_free(client);
	client = NULL;
}

static void on_told(void *owner, const char *text)
{
	(void)owner;
	snprintf(told, sizeof(told), "%s", text);
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void set_up(void)
{
	static const struct handoff_client_handlers handlers = {.closed = on_closed,
								.told = on_told};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(path, sizeof(path), "/tmp/lodge-test-%d.sock", (int)getpid());
	unlink(path);
	strcpy(address.sun_path, path);
	uv_loop_init(&loop);
	closed = 0;
	ck_assert_int_eq(handoff_client_new(&loop, path, &handlers, NULL, &client), -ENOENT);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(handoff_client_new(&loop, path, &handlers, NULL, &client), -ECONNREFUSED);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(handoff_client_new(&loop, path, &handlers, NULL, &client), 0);
	peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
}

static void tear_down(void)
{
	handoff_client_free(client);
	client = NULL;
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	close(peer);
	close(listener);
	unlink(path);
}

static int some_fd(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	close(ends[1]);
	return ends[0];
}

START_TEST(one_packet_is_under_way_at_a_time)
{
	struct outcome first = {0}, second = {0};
	int fd;

	ck_assert_int_eq(handoff_client_send(client, "kind=agent\n", some_fd(), on_done, &first),
			 0);
	ck_assert_int_eq(handoff_client_send(client, "kind=close\nid=a\n", -1, on_done, &second),
			 0);
	ck_assert_str_eq(receive(&fd), "kind=agent\n");
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_ptr_null(receive(&fd));
	answer("ok");
	turn();
	ck_assert_int_eq(first.calls, 1);
	ck_assert_int_eq(first.error, 0);
	ck_assert_int_eq(second.calls, 0);
	ck_assert_str_eq(receive(&fd), "kind=close\nid=a\n");
	ck_assert_int_eq(fd, -1);
	answer("error=there is no such listener");
	turn();
	ck_assert_int_eq(second.calls, 1);
	ck_assert_int_lt(second.error, 0);
	ck_assert_str_eq(second.text, "there is no such listener");
	ck_assert_int_eq(closed, 0);
	ck_assert_int_eq(handoff_client_pid(client), getpid());
}
END_TEST

START_TEST(its_end_is_noticed_and_nobody_waits_on)
{
	struct outcome outcome = {0};

	ck_assert_int_eq(handoff_client_send(client, "kind=agent\n", some_fd(), on_done, &outcome),
			 0);
	close(peer);
	turn();
	ck_assert_int_eq(closed, 1);
	ck_assert_int_eq(outcome.calls, 1);
	ck_assert_int_eq(outcome.error, -ECONNRESET);
}
END_TEST

START_TEST(an_answer_to_nothing_is_the_end)
{
	answer("ok");
	turn();
	ck_assert_int_eq(closed, 1);
	ck_assert_int_eq(closed_error, -EPROTO);
}
END_TEST

START_TEST(news_come_between_answers)
{
	struct outcome outcome = {0};
	int fd;

	answer(HANDOFF_NEWS "clipboard=off\n");
	turn();
	ck_assert_str_eq(told, "clipboard=off\n");
	ck_assert_int_eq(handoff_client_send(client, "kind=watch\n", -1, on_done, &outcome), 0);
	ck_assert_str_eq(receive(&fd), "kind=watch\n");
	answer(HANDOFF_NEWS "spice=here\n");
	turn();
	ck_assert_str_eq(told, "spice=here\n");
	ck_assert_int_eq(outcome.calls, 0);
	answer("ok");
	turn();
	ck_assert_int_eq(outcome.calls, 1);
	ck_assert_int_eq(outcome.error, 0);
	/* The last words of one that dies. */
	answer(HANDOFF_NEWS "clipboard=all\n");
	close(peer);
	turn();
	ck_assert_str_eq(told, "clipboard=all\n");
	ck_assert_int_eq(closed, 1);
	ck_assert_int_eq(closed_error, 0);
}
END_TEST

START_TEST(nonsense_is_an_error_of_that_packet)
{
	struct outcome outcome = {0};

	ck_assert_int_eq(handoff_client_send(client, "kind=agent\n", some_fd(), on_done, &outcome),
			 0);
	answer("maybe");
	turn();
	ck_assert_int_eq(outcome.error, -EPROTO);
}
END_TEST

START_TEST(it_can_be_freed_by_who_is_told)
{
	struct outcome first = {.frees = true}, second = {0};

	ck_assert_int_eq(handoff_client_send(client, "kind=agent\n", some_fd(), on_done, &first),
			 0);
	ck_assert_int_eq(handoff_client_send(client, "kind=agent\n", some_fd(), on_done, &second),
			 0);
	answer("ok");
	turn();
	ck_assert_int_eq(first.calls, 1);
	ck_assert_int_eq(second.calls, 1);
	ck_assert_int_eq(second.error, -ECONNRESET);
	ck_assert_int_eq(closed, 0);
}
END_TEST

START_TEST(what_waits_is_bounded)
{
	char text[HANDOFF_MAX_PACKET + 2];
	static struct outcome outcome; /* what waits is told in tear_down() */

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(handoff_client_send(client, text, some_fd(), on_done, &outcome),
			 -EMSGSIZE);
	for (int i = 0; i < HANDOFF_MAX_WAITING; i++)
		ck_assert_int_eq(handoff_client_send(client, "kind=agent\n", -1, on_done, &outcome),
				 0);
	ck_assert_int_eq(handoff_client_send(client, "kind=agent\n", some_fd(), on_done, &outcome),
			 -EAGAIN);
	ck_assert_int_eq(outcome.calls, 0);
}
END_TEST

START_TEST(silence_is_death)
{
	struct outcome outcome = {0};

	ck_assert_int_eq(handoff_client_send(client, "kind=agent\n", -1, on_done, &outcome), 0);
	while (closed == 0)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(closed_error, -ETIMEDOUT);
	ck_assert_int_eq(outcome.error, -ECONNRESET);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("handoff_client");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, one_packet_is_under_way_at_a_time);
	tcase_add_test(tc, its_end_is_noticed_and_nobody_waits_on);
	tcase_add_test(tc, an_answer_to_nothing_is_the_end);
	tcase_add_test(tc, news_come_between_answers);
	tcase_add_test(tc, nonsense_is_an_error_of_that_packet);
	tcase_add_test(tc, it_can_be_freed_by_who_is_told);
	tcase_add_test(tc, what_waits_is_bounded);
	tcase_add_test(tc, silence_is_death);
	return suite_run_case("handoff_client", tc);
}
