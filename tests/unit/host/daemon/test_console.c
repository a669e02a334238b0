/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/console.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static uv_loop_t loop;
static struct console *console;
static char path[64];
static int listen_fd, guest;

/* Turns of the loop, until what is under way has arrived. */
static void settle(void)
{
	for (int i = 0; i < 20; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(500);
	}
}

static void set_up(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(path, sizeof(path), "/tmp/lodge-test-console-%d", (int)getpid());
	memcpy(address.sun_path, path, sizeof(path));
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listen_fd, 1), 0);
	uv_loop_init(&loop);
	ck_assert_int_eq(console_new(&loop, path, &console), 0);
	settle();
	guest = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
	ck_assert_int_ge(guest, 0);
}

static void tear_down(void)
{
	console_free(console);
	settle();
	close(guest);
	close(listen_fd);
	unlink(path);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static int open_client(bool replay)
{
	int fd;

	ck_assert_int_eq(console_open(console, replay, &fd), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void guest_says(const char *text)
{
	ck_assert_int_eq(write(guest, text, strlen(text)), (ssize_t)strlen(text));
	settle();
}

static void expect(int fd, const char *text)
{
	char bytes[256] = "";

	settle();
	ck_assert_int_eq(read(fd, bytes, sizeof(bytes) - 1), (ssize_t)strlen(text));
	ck_assert_str_eq(bytes, text);
}

static void expect_nothing(int fd)
{
	char byte;

	settle();
	ck_assert_int_eq(read(fd, &byte, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(all_see_what_the_guest_says_and_it_hears_all)
{
	int first = open_client(false), second = open_client(false);

	guest_says("login: ");
	expect(first, "login: ");
	expect(second, "login: ");
	ck_assert_int_eq(write(first, "ro", 2), 2);
	settle();
	ck_assert_int_eq(write(second, "ot", 2), 2);
	expect(guest, "root");
	close(first);
	guest_says("$ ");
	expect(second, "$ ");
	close(second);
}
END_TEST

START_TEST(who_comes_late_may_have_the_replay)
{
	int with, without;

	guest_says("before");
	with = open_client(true);
	without = open_client(false);
	expect(with, "before");
	expect_nothing(without);
	close(with);
	close(without);
}
END_TEST

START_TEST(the_replay_is_the_last_of_it)
{
	static char all[CONSOLE_HISTORY + 5000], replay[sizeof(all)];
	size_t sent = 0;
	ssize_t got;
	int fd;

	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i * 7 + i / 251);
	while (sent < sizeof(all)) {
		ssize_t taken = write(guest, all + sent, MIN(sizeof(all) - sent, (size_t)10000));

		if (taken > 0)
			sent += (size_t)taken;
		settle();
	}
	fd = open_client(true);
	settle();
	sent = 0;
	while ((got = read(fd, replay + sent, sizeof(replay) - sent)) > 0) {
		sent += (size_t)got;
		settle();
	}
	ck_assert_uint_eq(sent, CONSOLE_HISTORY);
	ck_assert_mem_eq(replay, all + sizeof(all) - CONSOLE_HISTORY, CONSOLE_HISTORY);
	close(fd);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_cut_off)
{
	static char block[8192];
	int slow = open_client(false), quick = open_client(false);
	size_t total = 0, received = 0;
	bool cut = false;
	ssize_t got;

	while (total < 4 * CONSOLE_CLIENT_QUEUE) {
		ssize_t taken = write(guest, block, sizeof(block));

		if (taken > 0)
			total += (size_t)taken;
		uv_run(&loop, UV_RUN_NOWAIT);
		while ((got = read(quick, block, sizeof(block))) > 0)
			received += (size_t)got;
	}
	settle();
	while ((got = read(quick, block, sizeof(block))) > 0)
		received += (size_t)got;
	ck_assert_uint_eq(received, total);
	received = 0;
	while ((got = read(slow, block, sizeof(block))) != -1) {
		cut = got == 0;
		if (cut)
			break;
		received += (size_t)got;
		settle();
	}
	ck_assert(cut);
	ck_assert_uint_lt(received, total);
	close(slow);
	close(quick);
}
END_TEST

START_TEST(last_words_reach_who_listens_and_who_comes_later)
{
	int early = open_client(false), late;
	char byte;

	/* The guest's bytes are in the socket, not yet read, when the VM ends. */
	ck_assert_int_eq(write(guest, "panic", 5), 5);
	close(guest);
	guest = -1;
	console_end(console);
	expect(early, "panic");
	ck_assert_int_eq(read(early, &byte, 1), 0);
	late = open_client(true);
	expect(late, "panic");
	ck_assert_int_eq(read(late, &byte, 1), 0);
	close(early);
	close(late);
}
END_TEST

START_TEST(a_console_that_went_is_found_again)
{
	int client = open_client(false);

	close(guest);
	for (guest = -1; guest < 0;) {
		settle();
		guest = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
	}
	guest_says("again");
	expect(client, "again");
	close(client);
}
END_TEST

START_TEST(clients_are_bounded)
{
	int fd[CONSOLE_MAX_CLIENTS], extra;

	for (int i = 0; i < CONSOLE_MAX_CLIENTS; i++)
		fd[i] = open_client(false);
	ck_assert_int_eq(console_open(console, false, &extra), -EMFILE);
	close(fd[0]);
	settle();
	fd[0] = open_client(false);
	for (int i = 0; i < CONSOLE_MAX_CLIENTS; i++)
		close(fd[i]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("console");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, all_see_what_the_guest_says_and_it_hears_all);
	tcase_add_test(tc, who_comes_late_may_have_the_replay);
	tcase_add_test(tc, the_replay_is_the_last_of_it);
	tcase_add_test(tc, a_client_that_does_not_read_is_cut_off);
	tcase_add_test(tc, last_words_reach_who_listens_and_who_comes_later);
	tcase_add_test(tc, a_console_that_went_is_found_again);
	tcase_add_test(tc, clients_are_bounded);
	return suite_run_case("console", tc);
}
