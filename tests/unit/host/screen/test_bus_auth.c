/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/bus_auth.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct bus_auth auth;
static char answer[BUS_AUTH_MAX_ANSWER];

static int take(const char *line)
{
	return bus_auth_line(&auth, line, strlen(line), answer);
}

/* "OK", and 32 hexadecimal digits. */
static void ck_let_in(void)
{
	ck_assert_int_eq(strncmp(answer, "OK ", 3), 0);
	ck_assert_uint_eq(strspn(answer + 3, "0123456789abcdef"), 32);
	ck_assert_str_eq(answer + 35, "\r\n");
}

static void setup(void)
{
	ck_assert_uint_eq(bus_auth_begin(&auth, true, answer), 0);
}

START_TEST(a_client_that_knows_its_name)
{
	ck_assert_int_eq(take("AUTH EXTERNAL 31303030"), 0);
	ck_let_in();
	ck_assert_int_eq(take("NEGOTIATE_UNIX_FD"), 0);
	ck_assert_str_eq(answer, "AGREE_UNIX_FD\r\n");
	ck_assert_int_eq(take("BEGIN"), 0);
	ck_assert_str_eq(answer, "");
	ck_assert(auth.is_done);
	ck_assert(auth.passes_fds);
}
END_TEST

START_TEST(a_client_that_asks_first)
{
	ck_assert_int_eq(take("AUTH"), 0);
	ck_assert_str_eq(answer, "REJECTED EXTERNAL\r\n");
	ck_assert_int_eq(take("AUTH EXTERNAL"), 0);
	ck_assert_str_eq(answer, "DATA\r\n");
	ck_assert_int_eq(take("DATA"), 0);
	ck_let_in();
	ck_assert_int_eq(take("BEGIN"), 0);
	ck_assert(auth.is_done);
	ck_assert(!auth.passes_fds);
}
END_TEST

START_TEST(other_mechanisms_are_refused)
{
	ck_assert_int_eq(take("AUTH DBUS_COOKIE_SHA1 00"), 0);
	ck_assert_str_eq(answer, "REJECTED EXTERNAL\r\n");
	ck_assert_int_eq(take("NEGOTIATE_UNIX_FD"), 0);
	ck_assert_str_eq(answer, "ERROR\r\n");
	ck_assert_int_eq(take("AUTHORITY"), 0);
	ck_assert_str_eq(answer, "ERROR\r\n");
}
END_TEST

START_TEST(nonsense_ends)
{
	ck_assert_int_eq(take("BEGIN"), -EPROTO);
	setup();
	for (unsigned int i = 0; i < 16; i++)
		ck_assert_int_eq(take("HUH"), 0);
	ck_assert_int_eq(take("HUH"), -EPROTO);
}
END_TEST

START_TEST(we_are_the_client)
{
	ck_assert_uint_eq(bus_auth_begin(&auth, false, answer), strlen(answer));
	ck_assert_int_eq(strncmp(answer, "AUTH EXTERNAL 3", 15), 0);
	ck_assert_int_eq(take("OK 0123456789abcdef0123456789abcdef"), 0);
	ck_assert_str_eq(answer, "NEGOTIATE_UNIX_FD\r\n");
	ck_assert_int_eq(take("AGREE_UNIX_FD"), 0);
	ck_assert_str_eq(answer, "BEGIN\r\n");
	ck_assert(auth.is_done);
	ck_assert(auth.passes_fds);
}
END_TEST

START_TEST(we_are_refused)
{
	bus_auth_begin(&auth, false, answer);
	ck_assert_int_eq(take("REJECTED ANONYMOUS"), -EACCES);
	bus_auth_begin(&auth, false, answer);
	ck_assert_int_eq(take("HTTP/1.1 400"), -EPROTO);
	bus_auth_begin(&auth, false, answer);
	ck_assert_int_eq(take("OK"), 0);
	ck_assert_int_eq(take("ERROR"), 0);
	ck_assert_str_eq(answer, "BEGIN\r\n");
	ck_assert(auth.is_done);
	ck_assert(!auth.passes_fds);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("bus_auth");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_client_that_knows_its_name);
	tcase_add_test(tcase, a_client_that_asks_first);
	tcase_add_test(tcase, other_mechanisms_are_refused);
	tcase_add_test(tcase, nonsense_ends);
	tcase_add_test(tcase, we_are_the_client);
	tcase_add_test(tcase, we_are_refused);
	return suite_run_case("bus_auth", tcase);
}
