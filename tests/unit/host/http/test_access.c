/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/http/access.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "0123456789abcdefABCDEF-._~"

static struct access access_;

static void setup(void)
{
	ck_assert_int_eq(access_init(&access_, TOKEN, "vm.example", 5901), 0);
}

static void teardown(void)
{
	access_destroy(&access_);
}

START_TEST(tokens_are_long_and_plain)
{
	struct access other;
	char text[ACCESS_MAX_TOKEN + 2];

	ck_assert_int_eq(access_init(&other, NULL, NULL, 0), -EINVAL);
	ck_assert_int_eq(access_init(&other, "", NULL, 0), -EINVAL);
	ck_assert_int_eq(access_init(&other, "0123456789abcde", NULL, 0), -EINVAL);
	ck_assert_int_eq(access_init(&other, "0123456789abcdef,", NULL, 0), -EINVAL);
	ck_assert_int_eq(access_init(&other, "0123456789abcdef\xc3\xa9", NULL, 0), -EINVAL);
	memset(text, 'x', sizeof(text));
	text[ACCESS_MAX_TOKEN + 1] = '\0';
	ck_assert_int_eq(access_init(&other, text, NULL, 0), -EINVAL);
	text[ACCESS_MAX_TOKEN] = '\0';
	ck_assert_int_eq(access_init(&other, text, NULL, 0), 0);
	access_destroy(&other);
}
END_TEST

START_TEST(the_token_and_nothing_else)
{
	ck_assert(access_has_token(&access_, slice_of(TOKEN)));
	ck_assert(!access_has_token(&access_, slice_of(TOKEN "x")));
	ck_assert(!access_has_token(&access_, slice_of("0123456789abcdefABCDEF-._")));
	ck_assert(!access_has_token(&access_, slice_of("0123456789abcdefABCDEF-._!")));
	ck_assert(!access_has_token(&access_, (struct slice){NULL, 0}));
	ck_assert(!access_has_token(&access_, slice_of(access_.cookie)));
}
END_TEST

static bool has_cookie(const char *format)
{
	char text[512];

	snprintf(text, sizeof(text), format, access_.cookie);
	return access_has_cookie(&access_, slice_of(text));
}

START_TEST(the_cookie_among_others)
{
	struct access other;

	ck_assert_str_eq(access_.cookie_name, "lodge-5901");
	ck_assert(has_cookie("lodge-5901=%s"));
	ck_assert(has_cookie("a=b; lodge-5901=%s; c=d"));
	ck_assert(has_cookie("lodge-5901=old; lodge-5901=%s"));
	ck_assert(has_cookie("; ;lodge-5901=%s"));
	ck_assert(!has_cookie("lodge-590=%s"));
	ck_assert(!has_cookie("lodge-5902=%s"));
	ck_assert(!has_cookie("xlodge-5901=%s"));
	ck_assert(!has_cookie("lodge-5901=%sx"));
	ck_assert(!has_cookie("lodge-5901=" TOKEN));
	ck_assert(!has_cookie("lodge-5901="));
	ck_assert(!has_cookie("lodge-5901"));
	ck_assert(!has_cookie(""));
	/* A lodge-screen that was started again lets the same browser in, one of another token does
	 * not. */
	ck_assert_int_eq(access_init(&other, TOKEN, NULL, 5901), 0);
	ck_assert_str_eq(other.cookie, access_.cookie);
	access_destroy(&other);
	ck_assert_int_eq(access_init(&other, TOKEN "2", NULL, 5901), 0);
	ck_assert_str_ne(other.cookie, access_.cookie);
	access_destroy(&other);
}
END_TEST

START_TEST(the_token_among_subprotocols)
{
	bool binary;

	ck_assert(access_has_protocol(&access_, slice_of("binary, lodge." TOKEN), &binary));
	ck_assert(binary);
	ck_assert(access_has_protocol(&access_, slice_of("lodge." TOKEN), &binary));
	ck_assert(!binary);
	ck_assert(!access_has_protocol(&access_, slice_of("binary"), &binary));
	ck_assert(binary);
	ck_assert(!access_has_protocol(&access_, slice_of("binary," TOKEN), &binary));
	ck_assert(!access_has_protocol(&access_, slice_of("lodge."), &binary));
	ck_assert(!access_has_protocol(&access_, (struct slice){NULL, 0}, &binary));
}
END_TEST

static const struct {
	const char *host, *local;
	bool ours;
} hosts[] = {
	{"localhost", "127.0.0.1", true},
	{"LocalHost:5901", "127.0.0.1", true},
	{"127.0.0.1:5901", "127.0.0.1", true},
	{"127.3.2.1", "127.0.0.1", true},
	{"[::1]:5901", "::1", true},
	{"[::1]", "", true},
	{"vm.example:1", "192.0.2.7", true},
	{"192.0.2.7:5901", "192.0.2.7", true},
	{"[2001:db8::1]:1", "2001:db8::1", true},
	{"192.0.2.8:5901", "192.0.2.7", false},
	{"192.0.2.7", "", false},
	{"[2001:db8::2]", "2001:db8::1", false},
	{"evil.example:5901", "127.0.0.1", false},
	{"localhost.evil.example", "127.0.0.1", false},
	{"127.0.0.1.evil.example", "127.0.0.1", false},
	{"localhost:x", "127.0.0.1", false},
	{"localhost@evil.example", "127.0.0.1", false},
	{"[::1", "::1", false},
	{"[::1]x", "::1", false},
	{"[]", "::1", false},
	{"::1", "::1", false},
	{"2130706433", "127.0.0.1", false},
	{"", "127.0.0.1", false},
	{":80", "127.0.0.1", false},
};

START_TEST(names_of_this_machine)
{
	ck_assert_msg(access_host_is_ours(&access_, slice_of(hosts[_i].host), hosts[_i].local) ==
			      hosts[_i].ours,
		      "%s", hosts[_i].host);
}
END_TEST

static const struct {
	const char *origin, *host, *site;
	bool tls, same;
} origins[] = {
	{"http://localhost:1", "localhost:1", NULL, false, true},
	{"http://localhost:1", "localhost:1", "same-origin", false, true},
	{"http://LOCALHOST:1", "localhost:1", NULL, false, true},
	{"https://localhost:1", "localhost:1", NULL, true, true},
	{"http://localhost:1", "localhost:1", NULL, true, false},
	{"https://localhost:1", "localhost:1", NULL, false, false},
	{"http://localhost:2", "localhost:1", NULL, false, false},
	{"http://localhost:1", "localhost:1", "cross-site", false, false},
	{"http://localhost:1", "localhost:1", "same-site", false, false},
	{"http://localhost:1/", "localhost:1", NULL, false, false},
	{"null", "localhost:1", NULL, false, false},
	{"http://", "", NULL, false, false},
	{NULL, "localhost:1", NULL, false, false},
	{NULL, "localhost:1", "same-origin", false, false},
};

START_TEST(pages_of_ours)
{
	struct http_request request = {
		.origin = slice_of(origins[_i].origin),
		.host = slice_of(origins[_i].host),
		.fetch_site = slice_of(origins[_i].site),
	};

	ck_assert(access_is_same_origin(&request, origins[_i].tls) == origins[_i].same);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("access");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, tokens_are_long_and_plain);
	tcase_add_test(tcase, the_token_and_nothing_else);
	tcase_add_test(tcase, the_cookie_among_others);
	tcase_add_test(tcase, the_token_among_subprotocols);
	tcase_add_loop_test(tcase, names_of_this_machine, 0, sizeof(hosts) / sizeof(hosts[0]));
	tcase_add_loop_test(tcase, pages_of_ours, 0, sizeof(origins) / sizeof(origins[0]));
	return suite_run_case("access", tcase);
}
