/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/pump/pumped_session.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct side {
	struct pumped_session *pumped;
	unsigned int established, lost, closed, requests;
	int result; /* of the request; 1: none yet */
};

static uv_loop_t loop;
static struct side host, guest;

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)peer;
	((struct side *)owner)->established++;
}

static void on_lost(void *owner, int reason)
{
	(void)reason;
	((struct side *)owner)->lost++;
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	(void)params;
	ck_assert(slice_is(method, "ask"));
	((struct side *)owner)->requests++;
	stream_reply(stream, (struct slice){NULL, 0});
}

static void on_closed(void *owner, int error)
{
	struct side *side = owner;

	(void)error;
	side->closed++;
	pumped_session_free(take_ptr(side->pumped));
}

static void on_result(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	((struct side *)owner)->result = result->error;
}

static const struct stream_handlers stream_handlers = {.closed = on_result};
static const struct pumped_session_handlers all = {on_established, on_lost, on_request, on_closed};
static const struct pumped_session_handlers only_closed = {.closed = on_closed};

static void start(struct side *side, enum session_role role, int fd,
		  const struct pumped_session_handlers *handlers)
{
	static const char *const capabilities[] = {NULL};
	const struct pumped_session_options options = {
		.loop = &loop,
		.role = role,
		.software = "test",
		.capabilities = capabilities,
		.handlers = handlers,
		.owner = side,
	};

	*side = (struct side){.result = 1};
	ck_assert_int_eq(pumped_session_new(&options, fd, &side->pumped), 0);
}

static void begin(const struct pumped_session_handlers *guests)
{
	int ends[2];

	uv_loop_init(&loop);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	start(&host, SESSION_HOST, ends[0], &all);
	start(&guest, SESSION_GUEST, ends[1], guests);
	while (!host.established)
		uv_run(&loop, UV_RUN_ONCE);
}

static void finish(void)
{
	pumped_session_free(take_ptr(host.pumped));
	pumped_session_free(take_ptr(guest.pumped));
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static int ask(void)
{
	struct stream *stream;

	ck_assert_int_eq(session_request(pumped_session_session(host.pumped), SLICE_LITERAL("ask"),
					 (struct slice){NULL, 0}, &stream_handlers, &host, &stream),
			 0);
	while (host.result > 0)
		uv_run(&loop, UV_RUN_ONCE);
	return host.result;
}

START_TEST(asked_and_answered)
{
	begin(&all);
	ck_assert_int_eq(ask(), 0);
	ck_assert_uint_eq(guest.requests, 1);
	ck_assert_uint_eq(guest.established, 1);
	finish();
}
END_TEST

START_TEST(who_answers_nothing_refuses)
{
	begin(&only_closed);
	ck_assert_int_eq(ask(), -ENOSYS);
	finish();
}
END_TEST

START_TEST(the_other_side_hangs_up)
{
	begin(&all);
	pumped_session_free(take_ptr(guest.pumped));
	while (!host.closed)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(host.lost, 1);
	ck_assert_ptr_null(host.pumped);
	/* Who hung up was told nothing. */
	ck_assert_uint_eq(guest.lost + guest.closed, 0);
	finish();
}
END_TEST

START_TEST(what_is_no_socket_is_closed)
{
	static const char *const capabilities[] = {NULL};
	const struct pumped_session_options options = {.loop = &loop,
						       .software = "test",
						       .capabilities = capabilities,
						       .handlers = &all,
						       .owner = &host};
	struct pumped_session *pumped;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	uv_loop_init(&loop);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_lt(pumped_session_new(&options, fd, &pumped), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("pumped_session");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, asked_and_answered);
	tcase_add_test(tests, who_answers_nothing_refuses);
	tcase_add_test(tests, the_other_side_hangs_up);
	tcase_add_test(tests, what_is_no_socket_is_closed);
	return suite_run_case("pumped_session", tests);
}
