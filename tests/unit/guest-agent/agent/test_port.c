/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/port.h"
#include "tests/unit/guest-agent/folder.h"
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

struct seen {
	unsigned int connected, failed;
	bool is_port;
};

static void on_connected(void *owner, int fd, bool is_port)
{
	struct seen *seen = owner;

	seen->connected++;
	seen->is_port = is_port;
	close(fd);
}

static void on_removed(void *owner)
{
	(void)owner;
}

static void on_failed(void *owner, int error)
{
	struct seen *seen = owner;

	(void)error;
	seen->failed++;
}

static const struct port_handlers handlers = {
	.connected = on_connected, .removed = on_removed, .failed = on_failed};

static void finish(uv_loop_t *loop, struct port *port)
{
	port_free(port);
	uv_run(loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(loop), 0);
}

START_TEST(one_host_at_a_time_is_taken_from_a_socket)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct seen seen = {0};
	struct port *port;
	char path[256];
	uv_loop_t loop;
	int first, second;

	uv_loop_init(&loop);
	strcpy(address.sun_path, in_folder("socket"));
	snprintf(path, sizeof(path), "unix:%s", address.sun_path);
	ck_assert_int_eq(port_new(&loop, path, &handlers, &seen, &port), 0);
	first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	second = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(first, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(connect(second, (struct sockaddr *)&address, sizeof(address)), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(seen.connected, 1);
	ck_assert(!seen.is_port);
	port_listen(port);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(seen.connected, 2);
	close(first);
	close(second);
	finish(&loop, port);
	ck_assert_int_lt(access(address.sun_path, F_OK), 0);
}
END_TEST

START_TEST(a_device_by_path_is_opened_at_once)
{
	struct seen seen = {0};
	struct port *port;
	uv_loop_t loop;

	uv_loop_init(&loop);
	ck_assert_int_eq(port_new(&loop, "/dev/null", &handlers, &seen, &port), 0);
	ck_assert_uint_eq(seen.connected, 1);
	ck_assert(seen.is_port);
	port_reopen(port);
	ck_assert_uint_eq(seen.connected, 2);
	finish(&loop, port);
}
END_TEST

START_TEST(a_missing_device_is_waited_for)
{
	struct seen seen = {0};
	struct port *port;
	uv_loop_t loop;

	uv_loop_init(&loop);
	ck_assert_int_eq(port_new(&loop, in_folder("none"), &handlers, &seen, &port), 0);
	ck_assert_uint_eq(seen.connected + seen.failed, 0);
	finish(&loop, port);
}
END_TEST

START_TEST(what_is_no_device_fails)
{
	struct seen seen = {0};
	struct port *port;
	uv_loop_t loop;

	uv_loop_init(&loop);
	ck_assert_int_eq(port_new(&loop, folder, &handlers, &seen, &port), 0);
	ck_assert_uint_eq(seen.failed, 1);
	finish(&loop, port);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("port");

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, one_host_at_a_time_is_taken_from_a_socket);
	tcase_add_test(tc, a_device_by_path_is_opened_at_once);
	tcase_add_test(tc, a_missing_device_is_waited_for);
	tcase_add_test(tc, what_is_no_device_fails);
	return suite_run_case("port", tc);
}
