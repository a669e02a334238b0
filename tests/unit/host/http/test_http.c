/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/http/http.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct http_request request;
static size_t used;

static int parse(const char *text)
{
	return http_parse((const uint8_t *)text, strlen(text), &request, &used);
}

static void ck_slice(struct slice slice, const char *text)
{
	ck_assert_msg(slice_is(slice, text), "\"%.*s\" is not \"%s\"", (int)slice.length,
		      (const char *)slice.bytes, text);
}

START_TEST(a_page_is_asked_for)
{
	static const char text[] = "GET /core/rfb.js?x=1 HTTP/1.1\r\n"
				   "Host: localhost:5901\r\n"
				   "Cookie:\t a=b; c=d \r\n"
				   "X-Unknown: \xc3\xa9\r\n"
				   "\r\nGET";

	ck_assert_int_eq(parse(text), 0);
	ck_assert_uint_eq(used, sizeof(text) - 1 - 3);
	ck_assert_int_eq(request.method, HTTP_GET);
	ck_slice(request.path, "/core/rfb.js");
	ck_slice(request.host, "localhost:5901");
	ck_slice(request.cookie, "a=b; c=d");
	ck_assert(request.keep_alive);
	ck_assert(!request.upgrade);
	ck_assert_ptr_null(request.origin.bytes);
	ck_assert_uint_eq(request.body.length, 0);
}
END_TEST

START_TEST(a_websocket_is_asked_for)
{
	ck_assert_int_eq(parse("GET /socket HTTP/1.1\r\nHost: [::1]:80\r\n"
			       "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
			       "Origin: http://[::1]:80\r\nSec-WebSocket-Version: 13\r\n"
			       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			       "sec-websocket-protocol: binary,lodge.x\r\n\r\n"),
			 0);
	ck_assert(request.upgrade);
	ck_slice(request.origin, "http://[::1]:80");
	ck_slice(request.websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
	ck_slice(request.websocket_version, "13");
	ck_slice(request.websocket_protocol, "binary,lodge.x");
}
END_TEST

START_TEST(a_body_is_waited_for)
{
	static const char text[] =
		"POST /session HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

	for (size_t length = 0; length < sizeof(text) - 1; length++)
		ck_assert_int_eq(http_parse((const uint8_t *)text, length, &request, &used),
				 -EAGAIN);
	ck_assert_int_eq(parse(text), 0);
	ck_slice(request.body, "hello");
	ck_assert_uint_eq(used, sizeof(text) - 1);
}
END_TEST

START_TEST(connections_end_when_they_are_to)
{
	ck_assert_int_eq(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 0);
	ck_assert(!request.keep_alive);
	ck_assert_int_eq(parse("GET / HTTP/1.0\r\n\r\n"), 0);
	ck_assert(!request.keep_alive);
	ck_assert_int_eq(parse("\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
	ck_assert_int_eq(request.method, HTTP_HEAD);
	ck_assert(request.keep_alive);
}
END_TEST

static const struct {
	const char *text;
	int error;
	unsigned int status;
} bad[] = {
	{"GET / HTTP/1.1\r\n\r\n", -EBADMSG, 400}, /* no host */
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", -EBADMSG, 400},
	{"GET / HTTP/1.1\r\nHost : a\r\n\r\n", -EBADMSG, 400},
	{"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", -EBADMSG, 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", -EBADMSG, 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n", -EBADMSG, 400},
	{"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", -EBADMSG, 400},
	{"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", -EBADMSG, 400},
	{"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400},
	{"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400},
	{"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400},
	{"GET * HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400},
	{"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400},
	{"GET / HTTP/2.0\r\nHost: a\r\n\r\n", -EPROTONOSUPPORT, 505},
	{"GET / HTTP/1.10\r\nHost: a\r\n\r\n", -EBADMSG, 400},
	{"GET /\r\nHost: a\r\n\r\n", -EBADMSG, 400},
	{"\r\n\r\n\r\n", -EBADMSG, 400},
	{"PUT / HTTP/1.1\r\nHost: a\r\n\r\n", -EOPNOTSUPP, 501},
	{"get / HTTP/1.1\r\nHost: a\r\n\r\n", -EOPNOTSUPP, 501},
	{"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", -EBADMSG, 400},
	{"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", -EOPNOTSUPP, 501},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n", -EFBIG, 413},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", -EFBIG, 413},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", -EBADMSG, 400},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", -EBADMSG, 400},
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", -EBADMSG,
	 400},
	{"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", -EREMOTEIO, 417},
};

START_TEST(what_is_no_request_is_refused)
{
	int result = parse(bad[_i].text);

	ck_assert_msg(result == bad[_i].error, "%d for \"%s\"", result, bad[_i].text);
	ck_assert_uint_eq(http_status(result), bad[_i].status);
	ck_assert_str_ne(http_reason(bad[_i].status), "Error");
}
END_TEST

START_TEST(long_ones_are_refused)
{
	char *text = malloc(HTTP_MAX_HEAD + 1);
	static const char start[] = "GET /";

	memset(text, 'a', HTTP_MAX_HEAD);
	text[HTTP_MAX_HEAD] = '\0';
	memcpy(text, start, sizeof(start) - 1);
	ck_assert_int_eq(parse(text), -EMSGSIZE);
	text[HTTP_MAX_HEAD - 1] = '\0';
	ck_assert_int_eq(parse(text), -EAGAIN);
	strcpy(text + HTTP_MAX_TARGET + 10, " HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert_int_eq(parse(text), -ENAMETOOLONG);
	ck_assert_uint_eq(http_status(-ENAMETOOLONG), 414);
	free(text);
}
END_TEST

START_TEST(an_answer_says_how_it_is_kept_safe)
{
	struct http_answer answer = {.status = 200,
				     .type = "text/css",
				     .length = 12,
				     .keep_alive = true,
				     .more = "X-More: 1\r\n",
				     .socket = "ws://localhost"};
	char head[HTTP_HEAD_SIZE];
	size_t length = http_head(&answer, head);

	ck_assert_uint_eq(length, strlen(head));
	ck_assert_str_eq(head + length - 4, "\r\n\r\n");
	ck_assert_int_eq(strncmp(head, "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\n", 41), 0);
	ck_assert_ptr_nonnull(strstr(head, "\r\nContent-Length: 12\r\n"));
	ck_assert_ptr_nonnull(strstr(head, "\r\nX-More: 1\r\n"));
	ck_assert_ptr_nonnull(strstr(head, "\r\nConnection: keep-alive\r\n"));
	ck_assert_ptr_nonnull(strstr(head, "\r\nCache-Control: no-store\r\n"));
	ck_assert_ptr_nonnull(strstr(head, "\r\nX-Frame-Options: DENY\r\n"));
	ck_assert_ptr_nonnull(strstr(head, "\r\nX-Content-Type-Options: nosniff\r\n"));
	ck_assert_ptr_nonnull(strstr(head, "\r\nReferrer-Policy: no-referrer\r\n"));
	ck_assert_ptr_nonnull(strstr(head, "default-src 'none'; script-src 'self'"));
	ck_assert_ptr_nonnull(strstr(head, "connect-src 'self' ws://localhost;"));
	ck_assert_ptr_nonnull(strstr(head, "frame-ancestors 'none'"));

	answer = (struct http_answer){.status = 204};
	http_head(&answer, head);
	ck_assert_ptr_null(strstr(head, "Content-Length"));
	ck_assert_ptr_nonnull(strstr(head, "\r\nConnection: close\r\n"));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("http");

	tcase_add_test(tests, a_page_is_asked_for);
	tcase_add_test(tests, a_websocket_is_asked_for);
	tcase_add_test(tests, a_body_is_waited_for);
	tcase_add_test(tests, connections_end_when_they_are_to);
	tcase_add_loop_test(tests, what_is_no_request_is_refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tests, long_ones_are_refused);
	tcase_add_test(tests, an_answer_says_how_it_is_kept_safe);
	return suite_run_case("http", tests);
}
