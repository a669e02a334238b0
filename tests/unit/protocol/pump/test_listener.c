/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/pump/listener.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct {
	uv_loop_t loop;
	struct listener *listener;
	struct sockaddr_storage address;
	socklen_t length;
	unsigned int count;
	int fd[64];
	char peer[LISTENER_PEER_SIZE]; /* the last */
	bool free_at_first;
} test;

static void accepted(void *owner, int fd, const char *peer)
{
	ck_assert_ptr_eq(owner, &test);
	ck_assert_uint_lt(test.count, ARRAY_SIZE(test.fd));
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	test.fd[test.count++] = fd;
	snprintf(test.peer, sizeof(test.peer), "%s", peer);
	if (test.free_at_first)
		listener_free(take_ptr(test.listener));
}

static void setup(void)
{
	memset(&test, 0, sizeof(test));
	uv_loop_init(&test.loop);
}

static void teardown(void)
{
	listener_free(test.listener);
	for (unsigned int i = 0; i < test.count; i++)
		close(test.fd[i]);
	uv_run(&test.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&test.loop), 0);
}

/* An address of that family on this host, chosen by the kernel. */
static void start(sa_family_t family)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (family == AF_INET)
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&v4, sizeof(v4)), 0);
	else if (family == AF_INET6)
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&v6, sizeof(v6)), 0);
	else
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, sizeof(sa_family_t)), 0);
	test.length = sizeof(test.address);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&test.address, &test.length), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	ck_assert_int_eq(listener_new(&test.loop, fd, accepted, &test, &test.listener), 0);
}

static int connect_one(void)
{
	int fd = socket(test.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&test.address, test.length), 0);
	return fd;
}

static void turn(unsigned int times)
{
	while (times--)
		uv_run(&test.loop, UV_RUN_NOWAIT);
}

static void ck_peer(sa_family_t family, const char *begin)
{
	int fd;

	start(family);
	fd = connect_one();
	turn(2);
	close(fd);
	ck_assert_uint_eq(test.count, 1);
	ck_assert_msg(strncmp(test.peer, begin, strlen(begin)) == 0, "%s", test.peer);
}

START_TEST(who_comes_is_named)
{
	static const struct {
		sa_family_t family;
		const char *begin;
	} peers[] = {{AF_INET, "127.0.0.1:"}, {AF_UNIX, "unix"}};

	ck_peer(peers[_i].family, peers[_i].begin);
}
END_TEST

START_TEST(who_comes_by_ipv6_is_named)
{
	_cleanup_close_ int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
					.sin6_addr = IN6ADDR_LOOPBACK_INIT};

	/* Not every host has it. */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&v6, sizeof(v6)) < 0)
		return;
	ck_peer(AF_INET6, "[::1]:");
}
END_TEST

START_TEST(many_come_at_once)
{
	int fd[40];

	start(AF_UNIX);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
		fd[i] = connect_one();
	turn(1);
	/* Others in the loop have their turn. */
	ck_assert_uint_lt(test.count, ARRAY_SIZE(fd));
	turn(10);
	ck_assert_uint_eq(test.count, ARRAY_SIZE(fd));
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
		close(fd[i]);
}
END_TEST

START_TEST(freed_when_somebody_comes)
{
	int first, second;

	test.free_at_first = true;
	start(AF_UNIX);
	first = connect_one();
	second = connect_one();
	turn(5);
	close(first);
	close(second);
	ck_assert_uint_eq(test.count, 1);
}
END_TEST

START_TEST(without_descriptors_it_waits)
{
	struct rlimit limit, none;
	uint64_t started;
	unsigned int turns = 0;
	int fd;

	start(AF_UNIX);
	fd = connect_one();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	turn(3);
	ck_assert_uint_eq(test.count, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	started = uv_hrtime();
	while (test.count == 0) {
		uv_run(&test.loop, UV_RUN_ONCE);
		turns++;
	}
	/* It slept meanwhile. */
	ck_assert_uint_gt((uv_hrtime() - started) / 1000000, 100);
	ck_assert_uint_lt(turns, 5);
	close(fd);
}
END_TEST

START_TEST(what_does_not_listen_is_refused)
{
	struct listener *listener;
	int pair[2], pipes[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(listener_new(&test.loop, pair[0], accepted, &test, &listener), -EINVAL);
	ck_assert_int_eq(fcntl(pair[0], F_GETFD), -1);
	close(pair[1]);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(listener_new(&test.loop, pipes[0], accepted, &test, &listener), -ENOTSOCK);
	ck_assert_int_eq(fcntl(pipes[0], F_GETFD), -1);
	close(pipes[1]);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("listener");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, who_comes_is_named, 0, 2);
	tcase_add_test(tcase, who_comes_by_ipv6_is_named);
	tcase_add_test(tcase, many_come_at_once);
	tcase_add_test(tcase, freed_when_somebody_comes);
	tcase_add_test(tcase, without_descriptors_it_waits);
	tcase_add_test(tcase, what_does_not_listen_is_refused);
	return suite_run_case("listener", tcase);
}
