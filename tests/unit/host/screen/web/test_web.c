/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/web/web.h"

#include "host/screen/tls.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#define TOKEN "0123456789abcdef0123456789abcdef"

/* The server and its browsers are in one thread: each turn of the loop is made by hand. */
static struct {
	uv_loop_t loop;
	struct screen *screen;
	struct web *web;
	uint16_t port;
	struct link *viewer; /* what came by WebSocket: echoes */
	unsigned int viewers;
	char cookie[160];
	char answer[200000];
	size_t length;
} test;

static size_t echo(void *owner, const uint8_t *bytes, size_t length)
{
	(void)owner;
	ck_assert_int_eq(link_send(test.viewer, bytes, length), 0);
	return length;
}

static void echo_closed(void *owner, int error)
{
	(void)owner;
	(void)error;
	link_free(take_ptr(test.viewer));
}

static const struct link_handlers echo_handlers = {echo, NULL, echo_closed};

static int take_viewer(void *owner, struct link *link, const char *peer)
{
	ck_assert_ptr_eq(owner, &test);
	ck_assert_int_eq(strncmp(peer, "127.0.0.1:", 10), 0);
	test.viewers++;
	if (test.viewer) {
		link_free(link);
		return -EMFILE;
	}
	test.viewer = link;
	link_set_handlers(link, &echo_handlers, NULL);
	return 0;
}

static int listening_socket(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	test.port = ntohs(address.sin_port);
	return fd;
}

static struct web_options options(void)
{
	return (struct web_options){.token = TOKEN, .viewer = take_viewer, .owner = &test};
}

static void start(const struct web_options *how)
{
	ck_assert_int_eq(web_listen(test.screen, listening_socket(), NULL, how, &test.web), 0);
}

static void setup(void)
{
	memset(&test, 0, sizeof(test));
	uv_loop_init(&test.loop);
	test.screen = screen_new(&test.loop, "my \"vm\"\xff");
	ck_assert_ptr_nonnull(test.screen);
}

static void teardown(void)
{
	web_close(test.web);
	link_free(take_ptr(test.viewer));
	screen_free(test.screen);
	uv_run(&test.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&test.loop), 0);
}

static void turn(void)
{
	uv_run(&test.loop, UV_RUN_NOWAIT);
}

static int open_connection(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons(test.port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Whatever the server has to say; true: it has closed. */
static bool hear(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	test.length = 0;
	for (unsigned int calm = 0; calm < 20;) {
		ssize_t got;

		turn();
		if (test.length == sizeof(test.answer) - 1)
			break;
		if (poll(&wait, 1, 1) == 0) {
			calm++;
			continue;
		}
		got = recv(fd, test.answer + test.length, sizeof(test.answer) - 1 - test.length,
			   MSG_DONTWAIT);
		if (got <= 0) {
			test.answer[test.length] = '\0';
			return true;
		}
		test.length += (size_t)got;
		calm = 0;
	}
	test.answer[test.length] = '\0';
	return false;
}

static unsigned int status(void)
{
	unsigned int number = 0;

	sscanf(test.answer, "HTTP/1.1 %3u", &number);
	return number;
}

static bool answered(const char *text)
{
	return memmem(test.answer, test.length, text, strlen(text)) != NULL;
}

/* One request on a connection of its own, with the right Host; @more: further lines. */
static unsigned int ask(const char *line, const char *more, const char *body)
{
	_cleanup_close_ int fd = open_connection();
	char text[2048];

	snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n%s", line,
		 test.port, more, body);
	say(fd, text);
	hear(fd);
	return status();
}

static void log_in(void)
{
	char more[256], *cookie, *end;

	snprintf(more, sizeof(more), "Origin: http://127.0.0.1:%u\r\nContent-Length: 32\r\n",
		 test.port);
	ck_assert_uint_eq(ask("POST /session", more, TOKEN), 204);
	cookie = strstr(test.answer, "Set-Cookie: ");
	ck_assert_ptr_nonnull(cookie);
	ck_assert(answered("; HttpOnly; SameSite=Strict\r\n"));
	cookie += strlen("Set-Cookie: ");
	end = strchr(cookie, ';');
	ck_assert_ptr_nonnull(end);
	ck_assert_ptr_null(strstr(cookie, TOKEN));
	snprintf(test.cookie, sizeof(test.cookie), "Cookie: %.*s\r\n", (int)(end - cookie), cookie);
}

START_TEST(the_first_page_tells_nothing)
{
	struct web_options how = options();

	start(&how);
	ck_assert_uint_eq(ask("GET /", "", ""), 200);
	ck_assert(answered("door.js"));
	ck_assert(!answered("my "));
	ck_assert(answered("Content-Security-Policy: default-src 'none'"));
	ck_assert_uint_eq(ask("GET /door.js", "", ""), 200);
	ck_assert_uint_eq(ask("GET /page.js", "", ""), 403);
	ck_assert_uint_eq(ask("GET /about.json", "", ""), 403);
	ck_assert_uint_eq(ask("GET /novnc/core/rfb.js", "", ""), 403);
	ck_assert_uint_eq(ask("GET /socket", "", ""), 403);
	ck_assert_uint_eq(ask("GET /../etc/passwd", "", ""), 403);
}
END_TEST

START_TEST(a_token_buys_the_page)
{
	struct web_options how = options();

	start(&how);
	log_in();
	ck_assert_uint_eq(ask("GET /", test.cookie, ""), 200);
	ck_assert(answered("page.js"));
	ck_assert_uint_eq(ask("GET /about.json", test.cookie, ""), 200);
	ck_assert(answered("{\"name\":\"my \\u0022vm\\u0022?\",\"view_only\":false,\"novnc\":false,"
			   "\"heads\":0}"));
	ck_assert_uint_eq(ask("HEAD /page.js", test.cookie, ""), 200);
	ck_assert_int_eq(strcmp(test.answer + test.length - 4, "\r\n\r\n"), 0);
	ck_assert_uint_eq(ask("GET /nothing", test.cookie, ""), 404);
	ck_assert_uint_eq(ask("POST /", test.cookie, ""), 405);
	ck_assert_uint_eq(ask("GET /session", test.cookie, ""), 405);
}
END_TEST

START_TEST(a_wrong_token_buys_nothing)
{
	struct web_options how = options();
	char origin[128], more[256];

	start(&how);
	snprintf(origin, sizeof(origin), "Origin: http://127.0.0.1:%u\r\n", test.port);
	snprintf(more, sizeof(more), "%sContent-Length: 32\r\n", origin);
	ck_assert_uint_eq(ask("POST /session", more, "0123456789abcdef0123456789abcdeX"), 403);
	ck_assert(!answered("Set-Cookie"));
	ck_assert_uint_eq(ask("POST /session", origin, ""), 403);
	/* The right one, from another page. */
	ck_assert_uint_eq(ask("POST /session", "Content-Length: 32\r\n", TOKEN), 403);
	ck_assert_uint_eq(ask("POST /session",
			      "Origin: http://evil.example\r\nContent-Length: 32\r\n", TOKEN),
			  403);
	ck_assert(!answered("Set-Cookie"));
}
END_TEST

START_TEST(other_names_are_refused)
{
	struct web_options how = options();
	_cleanup_close_ int fd = -EBADF;

	start(&how);
	fd = open_connection();
	say(fd, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	ck_assert(hear(fd));
	ck_assert_uint_eq(status(), 421);
}
END_TEST

START_TEST(one_connection_serves_several)
{
	struct web_options how = options();
	_cleanup_close_ int fd = -EBADF;
	char *second;

	start(&how);
	fd = open_connection();
	say(fd, "GET /door.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
		"GET /page.css HTTP/1.1\r\nHost: localhost\r\n\r\nGET /");
	ck_assert(!hear(fd));
	ck_assert_uint_eq(status(), 200);
	second = strstr(test.answer + 8, "HTTP/1.1 200");
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_nonnull(strstr(second, "text/css"));
	ck_assert_ptr_null(strstr(second + 8, "HTTP/1.1"));
	say(fd, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	ck_assert(hear(fd));
	ck_assert_uint_eq(status(), 200);
}
END_TEST

START_TEST(many_requests_at_once_wait_for_their_answers_to_be_read)
{
	struct web_options how = options();
	_cleanup_close_ int fd = -EBADF;
	size_t sent = 0, got = 0, each;
	static const char text[] = "GET /door.js HTTP/1.1\r\nHost: localhost\r\n\r\n";

	start(&how);
	fd = open_connection();
	say(fd, text);
	hear(fd);
	each = test.length;
	ck_assert_uint_eq(status(), 200);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	/* Several times what the server queues, and the kernel. */
	while (sent < 8000 && send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) == sizeof(text) - 1) {
		sent++;
		turn();
	}
	ck_assert_uint_gt(sent, 3000);
	do {
		ck_assert(!hear(fd));
		got += test.length;
	} while (test.length > 0);
	ck_assert_uint_eq(got, sent * each);
}
END_TEST

START_TEST(nonsense_is_answered_and_ends)
{
	struct web_options how = options();
	_cleanup_close_ int fd = -EBADF;

	start(&how);
	fd = open_connection();
	say(fd, "RFB 003.008\r\n\r\n\r\n");
	ck_assert(hear(fd));
	ck_assert_uint_eq(status(), 400);
}
END_TEST

static void ask_socket(int fd, const char *cookie, const char *origin, const char *token)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "GET /socket HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%sOrigin: %s\r\n"
		 "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
		 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		 "Sec-WebSocket-Protocol: binary, lodge.%s\r\n\r\n",
		 test.port, cookie, origin, token);
	say(fd, text);
}

START_TEST(a_websocket_becomes_a_viewer)
{
	/* "hi", masked with zeroes. */
	static const uint8_t frame[] = {0x82, 0x82, 0, 0, 0, 0, 'h', 'i'};
	struct web_options how = options();
	_cleanup_close_ int fd = -EBADF;
	char origin[64];

	start(&how);
	log_in();
	snprintf(origin, sizeof(origin), "http://127.0.0.1:%u", test.port);
	fd = open_connection();
	ask_socket(fd, test.cookie, origin, TOKEN);
	/* A frame right behind the request. */
	ck_assert_int_eq(write(fd, frame, sizeof(frame)), sizeof(frame));
	ck_assert(!hear(fd));
	ck_assert_uint_eq(status(), 101);
	ck_assert(answered("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	ck_assert(answered("Sec-WebSocket-Protocol: binary\r\n"));
	ck_assert_uint_eq(test.viewers, 1);
	ck_assert_mem_eq(test.answer + test.length - 4, "\x82\x02hi", 4);
	/* The listener goes, the viewer stays. */
	web_close(take_ptr(test.web));
	ck_assert_int_eq(write(fd, frame, sizeof(frame)), sizeof(frame));
	ck_assert(!hear(fd));
	ck_assert_uint_eq(test.length, 4);
}
END_TEST

START_TEST(a_websocket_needs_all_of_it)
{
	struct web_options how = options();
	char origin[64];
	const struct {
		const char *cookie, *origin, *token;
	} wrong[] = {
		{"", origin, TOKEN},
		{test.cookie, "http://evil.example", TOKEN},
		{test.cookie, "null", TOKEN},
		{test.cookie, origin, "0123456789abcdef0123456789abcdeX"},
		{test.cookie, origin, ""},
	};

	start(&how);
	log_in();
	snprintf(origin, sizeof(origin), "http://127.0.0.1:%u", test.port);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_close_ int fd = open_connection();

		ask_socket(fd, wrong[i].cookie, wrong[i].origin, wrong[i].token);
		ck_assert(hear(fd));
		ck_assert_uint_eq(status(), 403);
	}
	ck_assert_uint_eq(ask("GET /socket", test.cookie, ""), 426);
	ck_assert(answered("Sec-WebSocket-Version: 13"));
	ck_assert_uint_eq(test.viewers, 0);
}
END_TEST

START_TEST(connections_are_bounded)
{
	struct web_options how = options();
	int fd[WEB_MAX_CONNECTIONS + 5];

	start(&how);
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		fd[i] = open_connection();
		turn();
	}
	for (unsigned int i = 0; i < 20; i++)
		turn();
	for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
		char byte;
		ssize_t got = recv(fd[i], &byte, 1, MSG_DONTWAIT);

		/* Those who came first have made room. */
		ck_assert_int_eq(got, i < 5 ? 0 : -1);
		close(fd[i]);
	}
	for (unsigned int i = 0; i < 20; i++)
		turn();
	ck_assert_uint_eq(ask("GET /", "", ""), 200);
}
END_TEST

/* A request that does not end. */
START_TEST(who_says_little_goes)
{
	struct web_options how = options();
	_cleanup_close_ int fd = -EBADF;
	struct pollfd wait = {.events = POLLIN};
	uint64_t started = uv_hrtime();
	char byte;

	start(&how);
	fd = wait.fd = open_connection();
	say(fd, "GET / HTTP/1.1\r\nHost: loc");
	while (poll(&wait, 1, 10) == 0)
		turn();
	ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
	ck_assert_uint_ge((uv_hrtime() - started) / 1000000, 9900);
}
END_TEST

START_TEST(options_are_checked)
{
	struct web_options how = options();
	int pair[2];

	how.token = "short";
	ck_assert_int_eq(web_listen(test.screen, listening_socket(), NULL, &how, &test.web),
			 -EINVAL);
	how = options();
	how.tls = WEB_TLS_REQUIRED;
	ck_assert_int_eq(web_listen(test.screen, listening_socket(), NULL, &how, &test.web),
			 -EINVAL);
	how = options();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(web_listen(test.screen, pair[0], NULL, &how, &test.web), -EINVAL);
	ck_assert_int_eq(fcntl(pair[0], F_GETFD), -1); /* closed */
	close(pair[1]);
	ck_assert_ptr_null(test.web);
}
END_TEST

START_TEST(tls_that_is_required_is_said_to_be)
{
	struct tls_credentials *credentials;
	struct web_options how = options();
	_cleanup_close_ int fd = -EBADF;

	ck_assert_int_eq(tls_credentials_self_signed("vm", &credentials), 0);
	how.tls = WEB_TLS_REQUIRED;
	how.credentials = credentials;
	start(&how);
	fd = open_connection();
	say(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	ck_assert(hear(fd));
	ck_assert_uint_eq(status(), 426);
	ck_assert(answered("https://"));
	web_close(take_ptr(test.web));
	turn();
	tls_credentials_free(credentials);
}
END_TEST

/* The browser's side of a handshake, which the loop takes part in. */
static void shake_hands(gnutls_session_t session, int fd)
{
	int result;

	gnutls_transport_set_int(session, fd);
	for (unsigned int i = 0; i < 5000; i++) {
		turn();
		result = gnutls_handshake(session);
		if (result == 0)
			return;
		ck_assert_msg(result == GNUTLS_E_AGAIN, "%s", gnutls_strerror(result));
		poll(NULL, 0, 1);
	}
	ck_abort_msg("no handshake");
}

START_TEST(pages_by_tls)
{
	struct tls_credentials *credentials;
	struct web_options how = options();
	gnutls_certificate_credentials_t certificates;
	gnutls_session_t session;
	_cleanup_close_ int fd = -EBADF;
	static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char answer[4096];
	ssize_t got = GNUTLS_E_AGAIN;

	ck_assert_int_eq(tls_credentials_self_signed("vm", &credentials), 0);
	how.tls = WEB_TLS_OPTIONAL;
	how.credentials = credentials;
	start(&how);
	ck_assert_uint_eq(ask("GET /", "", ""), 200); /* without */
	fd = open_connection();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	gnutls_certificate_allocate_credentials(&certificates);
	gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, certificates);
	shake_hands(session, fd);
	ck_assert_int_eq(gnutls_record_send(session, text, sizeof(text) - 1), sizeof(text) - 1);
	for (unsigned int i = 0; i < 1000 && got == GNUTLS_E_AGAIN; i++) {
		turn();
		poll(NULL, 0, 1);
		got = gnutls_record_recv(session, answer, sizeof(answer) - 1);
	}
	ck_assert_int_gt(got, 0);
	answer[got] = '\0';
	ck_assert_int_eq(strncmp(answer, "HTTP/1.1 200 OK", 15), 0);
	ck_assert_ptr_nonnull(strstr(answer, "wss://localhost"));
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(certificates);
	web_close(take_ptr(test.web));
	turn();
	tls_credentials_free(credentials);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("web");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_first_page_tells_nothing);
	tcase_add_test(tcase, a_token_buys_the_page);
	tcase_add_test(tcase, a_wrong_token_buys_nothing);
	tcase_add_test(tcase, other_names_are_refused);
	tcase_add_test(tcase, one_connection_serves_several);
	tcase_add_test(tcase, many_requests_at_once_wait_for_their_answers_to_be_read);
	tcase_add_test(tcase, nonsense_is_answered_and_ends);
	tcase_add_test(tcase, a_websocket_becomes_a_viewer);
	tcase_add_test(tcase, a_websocket_needs_all_of_it);
	tcase_add_test(tcase, connections_are_bounded);
	tcase_add_test(tcase, who_says_little_goes);
	tcase_add_test(tcase, options_are_checked);
	tcase_add_test(tcase, tls_that_is_required_is_said_to_be);
	tcase_add_test(tcase, pages_by_tls);
	return suite_run_case("web", tcase);
}
