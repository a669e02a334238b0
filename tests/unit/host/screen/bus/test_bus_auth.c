/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/bus/bus_auth.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GUID "0123456789abcdef0123456789abcdef"

static struct bus_auth auth;
static char answer[BUS_AUTH_MAX_ANSWER];
static size_t answer_length;

/* All of @text, line by line: the last result. */
static int take(const char *text, size_t length)
{
	int result = 0;

	while (length && result == 0) {
		size_t used;

		result = bus_auth_take(&auth, (const uint8_t *)text, length, &used, answer,
				       &answer_length);
		ck_assert_uint_le(used, length);
		text += used;
		length -= used;
	}
	return result;
}

#define TAKE(text) take(text, sizeof(text) - 1)

static void ck_answer(const char *text)
{
	ck_assert_uint_eq(answer_length, strlen(text));
	ck_assert_mem_eq(answer, text, strlen(text));
}

static void setup(void)
{
	bus_auth_server(&auth, GUID);
}

START_TEST(a_client_that_knows_its_name)
{
	ck_assert_int_eq(TAKE("\0AUTH EXTERNAL 31303030\r\n"), 0);
	ck_answer("OK " GUID "\r\n");
	ck_assert_int_eq(TAKE("NEGOTIATE_UNIX_FD\r\n"), 0);
	ck_answer("AGREE_UNIX_FD\r\n");
	ck_assert_int_eq(TAKE("BEGIN\r\n"), 0);
	ck_assert_int_eq(auth.state, BUS_AUTH_DONE);
	ck_assert(auth.fds);
}
END_TEST

START_TEST(a_client_that_asks_first)
{
	ck_assert_int_eq(TAKE("\0AUTH\r\n"), 0);
	ck_answer("REJECTED EXTERNAL ANONYMOUS\r\n");
	ck_assert_int_eq(TAKE("AUTH EXTERNAL\r\n"), 0);
	ck_answer("DATA\r\n");
	ck_assert_int_eq(TAKE("DATA\r\n"), 0);
	ck_answer("OK " GUID "\r\n");
	ck_assert_int_eq(TAKE("BEGIN\r\n"), 0);
	ck_assert_int_eq(auth.state, BUS_AUTH_DONE);
	ck_assert(!auth.fds);
}
END_TEST

START_TEST(other_mechanisms_are_refused)
{
	ck_assert_int_eq(TAKE("\0AUTH DBUS_COOKIE_SHA1 00\r\n"), 0);
	ck_answer("REJECTED EXTERNAL ANONYMOUS\r\n");
	ck_assert_int_eq(TAKE("NEGOTIATE_UNIX_FD\r\n"), 0);
	ck_answer("ERROR\r\n");
	ck_assert_int_eq(TAKE("AUTH ANONYMOUS 00\r\n"), 0);
	ck_answer("OK " GUID "\r\n");
}
END_TEST

START_TEST(nonsense_ends)
{
	char line[BUS_AUTH_MAX_LINE + 1];

	ck_assert_int_eq(TAKE("AUTH\r\n"), -EBADMSG); /* no NUL */
	bus_auth_server(&auth, GUID);
	ck_assert_int_eq(TAKE("\0BEGIN\r\n"), -EBADMSG);
	bus_auth_server(&auth, GUID);
	ck_assert_int_eq(TAKE("\0AU\0TH\r\n"), -EBADMSG);
	bus_auth_server(&auth, GUID);
	memset(line, 'a', sizeof(line));
	ck_assert_int_eq(TAKE("\0"), 0);
	ck_assert_int_eq(take(line, BUS_AUTH_MAX_LINE - 1), -EAGAIN);
	ck_assert_int_eq(take(line, BUS_AUTH_MAX_LINE), -EBADMSG);
	bus_auth_server(&auth, GUID);
	ck_assert_int_eq(TAKE("\0"), 0);
	for (unsigned int i = 0; i < BUS_AUTH_MAX_LINES; i++)
		ck_assert_int_eq(TAKE("HUH\r\n"), 0);
	ck_assert_int_eq(TAKE("HUH\r\n"), -EBADMSG);
}
END_TEST

START_TEST(we_are_the_client)
{
	static const char hello[] = "\0AUTH EXTERNAL 31303030\r\n";

	ck_assert_uint_eq(bus_auth_client(&auth, 1000, answer), sizeof(hello) - 1);
	ck_assert_mem_eq(answer, hello, sizeof(hello) - 1);
	ck_assert_int_eq(TAKE("OK " GUID "\r\n"), 0);
	ck_answer("NEGOTIATE_UNIX_FD\r\n");
	ck_assert_int_eq(TAKE("AGREE_UNIX_FD\r\n"), 0);
	ck_answer("BEGIN\r\n");
	ck_assert_int_eq(auth.state, BUS_AUTH_DONE);
	ck_assert(auth.fds);
}
END_TEST

START_TEST(we_are_refused)
{
	bus_auth_client(&auth, 0, answer);
	ck_assert_int_eq(TAKE("REJECTED ANONYMOUS\r\n"), 0);
	ck_answer("AUTH ANONYMOUS\r\n");
	ck_assert_int_eq(TAKE("REJECTED\r\n"), -EACCES);
	bus_auth_client(&auth, 0, answer);
	ck_assert_int_eq(TAKE("HTTP/1.1 400\r\n"), -EBADMSG);
	bus_auth_client(&auth, 0, answer);
	ck_assert_int_eq(TAKE("OK\r\n"), 0);
	ck_assert_int_eq(TAKE("ERROR\r\n"), 0);
	ck_answer("BEGIN\r\n");
	ck_assert(!auth.fds);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bus_auth");
	TCase *tcase = tcase_create("bus_auth");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_client_that_knows_its_name);
	tcase_add_test(tcase, a_client_that_asks_first);
	tcase_add_test(tcase, other_mechanisms_are_refused);
	tcase_add_test(tcase, nonsense_ends);
	tcase_add_test(tcase, we_are_the_client);
	tcase_add_test(tcase, we_are_refused);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
