/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/screen/viewer_listener.h"
#include "host/screen/handoff.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct listener_plan plan;
static char error[256];

static int parse(const char *text)
{
	return listener_plan_parse(text, &plan, error, sizeof(error));
}

START_TEST(a_plan_says_it_all)
{
	ck_assert_int_eq(parse("127.0.0.1:5901,password-file=/a b,tls=required,view-only,"
			       "tls-certificate=/c,tls-key=/k"),
			 0);
	ck_assert_str_eq(plan.address, "127.0.0.1:5901");
	ck_assert_str_eq(plan.password_file, "/a b");
	ck_assert_str_eq(plan.certificate, "/c");
	ck_assert_str_eq(plan.key, "/k");
	ck_assert_int_eq(plan.tls, LISTENER_TLS_REQUIRED);
	ck_assert(plan.view_only);
}
END_TEST

static const struct {
	const char *text, *about;
} bad_plans[] = {
	{"", "address"},
	{"host:5901", "address"},
	{"127.0.0.1:65536", "address"},
	{"127.0.0.1:", "address"},
	{"/tmp/socket", "address"},
	{"[::1:5901", "address"},
	{"5901,colour=red", "colour"},
	{"5901,password-file=", "password-file"},
	{"5901,tls=maybe", "tls=maybe"},
	{"5901,tls-key=/k", "go together"},
	{"0.0.0.0:5901", "password-file"},
	{"[::]:5901,tls=required", "password-file"},
	{"192.0.2.1:5901,view-only", "password-file"},
};

START_TEST(what_is_no_plan_is_refused)
{
	ck_assert_int_eq(parse(bad_plans[_i].text), -EINVAL);
	ck_assert_msg(strstr(error, bad_plans[_i].about), "%s", error);
}
END_TEST

static const struct {
	const char *address;
	bool is_local;
} addresses[] = {
	{"5901", true},		{":5901", true},     {"localhost:1", true}, {"127.1.2.3:1", true},
	{"[::1]:5901", true},	{"[::]:1", false},   {"0.0.0.0:1", false},  {"10.0.0.1:1", false},
	{"[fe80::1]:1", false}, {"nonsense", false}, {"/run/x", true},
};

START_TEST(local_is_what_others_cannot_reach)
{
	ck_assert(listener_address_is_local(addresses[_i].address) == addresses[_i].is_local);
}
END_TEST

START_TEST(any_port_is_found_and_told)
{
	struct viewer_listener one = {.fd = -1}, two = {.fd = -1};

	ck_assert_int_eq(viewer_listener_open("", &one), 0);
	ck_assert_int_eq(strncmp(one.address, "127.0.0.1:", 10), 0);
	ck_assert_str_ne(one.address, "127.0.0.1:0");
	ck_assert_int_eq(viewer_listener_open(one.address, &two), -EADDRINUSE);
	viewer_listener_close(&one);
	ck_assert_int_eq(viewer_listener_open("nowhere", &two), -EINVAL);
}
END_TEST

START_TEST(a_path_goes_with_its_listener)
{
	struct viewer_listener listener = {.fd = -1};
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "/tmp/lodge-test-%d.sock", (int)getpid());
	ck_assert_int_eq(viewer_listener_open(path, &listener), 0);
	ck_assert_str_eq(listener.address, path);
	ck_assert_int_eq(stat(path, &status), 0);
	viewer_listener_close(&listener);
	ck_assert_int_eq(stat(path, &status), -1);
}
END_TEST

START_TEST(a_packet_has_its_keys)
{
	struct viewer_listener listener = {
		.id = "w", .key = "k", .web = true, .view_only = true, .secret = "t0k"};
	char text[HANDOFF_MAX_PACKET + 1];

	viewer_listener_packet(&listener, text, sizeof(text));
	ck_assert_str_eq(text, "kind=web-listener\nid=k\nview_only=1\ntoken=t0k\n");
	listener =
		(struct viewer_listener){.key = "v", .secret = "pw", .tls = LISTENER_TLS_OPTIONAL};
	viewer_listener_packet(&listener, text, sizeof(text));
	ck_assert_str_eq(text, "kind=vnc-listener\nid=v\npassword=pw\ntls=optional\n");
	memset(listener.key, 'i', LISTENER_ID_MAX);
	memset(listener.secret, 's', LISTENER_SECRET_MAX);
	viewer_listener_packet(&listener, text, sizeof(text));
	ck_assert_uint_lt(strlen(text), HANDOFF_MAX_PACKET);
}
END_TEST

static const struct {
	const char *bytes, *password; /* NULL: refused */
} files[] = {
	{"secret\n", "secret"},
	{"secret", "secret"},
	{"two words\r\nmore\n", "two words"},
	{"", NULL},
	{"\nsecret\n", NULL},
	{"a\x1b[2J\n", NULL},
};

START_TEST(a_password_is_the_first_line)
{
	char path[] = "/tmp/lodge-test-XXXXXX", password[LISTENER_SECRET_MAX + 1] = "";
	int fd = mkstemp(path), r;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, files[_i].bytes, strlen(files[_i].bytes)),
			 (ssize_t)strlen(files[_i].bytes));
	close(fd);
	r = listener_read_password(path, password, sizeof(password));
	unlink(path);
	ck_assert_int_eq(r, files[_i].password ? 0 : -EINVAL);
	ck_assert_str_eq(password, files[_i].password ? files[_i].password : "");
	ck_assert_int_eq(listener_read_password(path, password, sizeof(password)), -ENOENT);
}
END_TEST

START_TEST(secrets_differ)
{
	char one[33], two[33];

	make_secret(one, 32);
	make_secret(two, 32);
	ck_assert_uint_eq(strlen(one), 32);
	ck_assert_str_ne(one, two);
	ck_assert(listener_id_is_valid(one));
	ck_assert(!listener_id_is_valid(""));
	ck_assert(!listener_id_is_valid("a/b"));
	ck_assert(!listener_id_is_valid("a\nb"));
	ck_assert(!listener_id_is_valid(".x"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("viewer_listener");

	tcase_add_test(tc, a_plan_says_it_all);
	tcase_add_loop_test(tc, what_is_no_plan_is_refused, 0,
			    sizeof(bad_plans) / sizeof(bad_plans[0]));
	tcase_add_loop_test(tc, local_is_what_others_cannot_reach, 0,
			    sizeof(addresses) / sizeof(addresses[0]));
	tcase_add_test(tc, any_port_is_found_and_told);
	tcase_add_test(tc, a_path_goes_with_its_listener);
	tcase_add_test(tc, a_packet_has_its_keys);
	tcase_add_loop_test(tc, a_password_is_the_first_line, 0, sizeof(files) / sizeof(files[0]));
	tcase_add_test(tc, secrets_differ);
	return suite_run_case("viewer_listener", tc);
}
