/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/bus_peer.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <dbus/dbus.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Two peers on one loop; or one, and libdbus in a thread. */
struct side {
	struct bus_peer *peer;
	unsigned int calls, replies, ready, drained, closed;
	int error, fd;
	char text[64];
	uint32_t number;
	bool refuse, free_in_call, silent;
	DBusMessage *last; /* call that came */
};

static uv_loop_t loop;
static struct side server, client;
static int raw; /* the other end, where there is no client */

static void on_ready(void *owner)
{
	((struct side *)owner)->ready++;
}

static void send_and_drop(struct side *side, DBusMessage *message)
{
	ck_assert_int_eq(bus_peer_send(side->peer, message, -1), 0);
	dbus_message_unref(message);
}

static void answer(struct side *side, DBusMessage *message)
{
	uint32_t number = side->number + 1;
	DBusMessage *reply = dbus_message_new_method_return(message);

	dbus_message_append_args(reply, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
	send_and_drop(side, reply);
}

static void on_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	struct side *side = owner;

	side->calls++;
	if (side->last)
		dbus_message_unref(side->last);
	side->last = dbus_message_ref(message);
	snprintf(side->text, sizeof(side->text), "%s", dbus_message_get_member(message));
	if (dbus_message_has_signature(message, "u"))
		dbus_message_get_args(message, NULL, DBUS_TYPE_UINT32, &side->number,
				      DBUS_TYPE_INVALID);
	if (count) {
		cleanup_close(&side->fd);
		side->fd = take_fd(&fds[0]);
	}
	if (side->free_in_call)
		bus_peer_free(take_ptr(side->peer));
	else if (side->refuse)
		send_and_drop(side, dbus_message_new_error(message, DBUS_ERROR_FAILED, "no"));
	else if (!dbus_message_get_no_reply(message) && !side->silent)
		answer(side, message);
}

static void on_drained(void *owner)
{
	((struct side *)owner)->drained++;
}

static void on_closed(void *owner, int error)
{
	struct side *side = owner;

	side->closed++;
	side->error = error;
	bus_peer_free(take_ptr(side->peer));
}

static const struct bus_peer_handlers handlers = {on_ready, on_message, on_drained, on_closed};

static void on_reply(void *owner, DBusMessage *reply)
{
	struct side *side = owner;

	side->replies++;
	if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR)
		snprintf(side->text, sizeof(side->text), "%s", dbus_message_get_error_name(reply));
	else
		dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &side->number,
				      DBUS_TYPE_INVALID);
}

static void turn(unsigned int times)
{
	while (times--)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void begin(void)
{
	memset(&server, 0, sizeof(server));
	memset(&client, 0, sizeof(client));
	server.fd = client.fd = raw = -1;
	uv_loop_init(&loop);
}

static void connect_both(int *fds)
{
	begin();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(bus_peer_new(&loop, fds[0], true, &handlers, &server, &server.peer), 0);
	bus_peer_limit(server.peer, 4096);
}

static void setup(void)
{
	int fds[2];

	connect_both(fds);
	ck_assert_int_eq(bus_peer_new(&loop, fds[1], false, &handlers, &client, &client.peer), 0);
}

static void setup_raw(void)
{
	int fds[2];

	connect_both(fds);
	raw = fds[1];
}

static void teardown(void)
{
	bus_peer_free(server.peer);
	bus_peer_free(client.peer);
	cleanup_close(&raw);
	cleanup_close(&server.fd);
	cleanup_close(&client.fd);
	if (server.last)
		dbus_message_unref(server.last);
	if (client.last)
		dbus_message_unref(client.last);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* @fd: goes along, and stays ours. */
static int call(struct side *side, uint32_t number, int fd)
{
	DBusMessage *message = dbus_message_new_method_call(NULL, "/o", "i.f", "Do");
	int result;

	if (fd >= 0)
		dbus_message_append_args(message, DBUS_TYPE_UINT32, &number, DBUS_TYPE_UNIX_FD, &fd,
					 DBUS_TYPE_INVALID);
	else
		dbus_message_append_args(message, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
	result = bus_peer_call(side->peer, message, fd >= 0 ? dup(fd) : -1, on_reply, side);
	dbus_message_unref(message);
	return result;
}

static void send_bytes(struct side *side, size_t length)
{
	DBusMessage *message = dbus_message_new_method_call(NULL, "/o", "i.f", "Big");
	uint8_t *bytes = calloc(1, length);

	dbus_message_append_args(message, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, (int)length,
				 DBUS_TYPE_INVALID);
	dbus_message_set_no_reply(message, TRUE);
	send_and_drop(side, message);
	free(bytes);
}

START_TEST(both_call_each_other)
{
	/* At once: it waits until the handshake is over. */
	ck_assert_int_eq(call(&client, 5, -1), 0);
	turn(10);
	ck_assert_uint_eq(server.ready, 1);
	ck_assert_uint_eq(client.ready, 1);
	ck_assert_uint_eq(server.calls, 1);
	ck_assert_str_eq(server.text, "Do");
	ck_assert_uint_eq(client.replies, 1);
	ck_assert_uint_eq(client.number, 6);
	ck_assert_uint_eq(bus_peer_queued(client.peer), 0);
	ck_assert_int_eq(call(&server, 20, -1), 0);
	turn(4);
	ck_assert_uint_eq(client.calls, 1);
	ck_assert_uint_eq(server.number, 21);
}
END_TEST

START_TEST(errors_are_replies)
{
	server.refuse = true;
	ck_assert_int_eq(call(&client, 5, -1), 0);
	turn(10);
	ck_assert_uint_eq(client.replies, 1);
	ck_assert_str_eq(client.text, DBUS_ERROR_FAILED);
}
END_TEST

START_TEST(descriptors_go_along)
{
	_cleanup_close_ int memory = memfd_create("test", MFD_CLOEXEC);
	char text[4] = "";

	turn(10);
	ck_assert_int_eq(write(memory, "abc", 3), 3);
	ck_assert_int_eq(call(&client, 1, -1), 0);
	ck_assert_int_eq(call(&client, 2, memory), 0);
	ck_assert_int_eq(call(&client, 3, -1), 0);
	turn(10);
	ck_assert_uint_eq(server.calls, 3);
	ck_assert_int_ge(server.fd, 0);
	ck_assert_int_eq(pread(server.fd, text, 3, 0), 3);
	ck_assert_str_eq(text, "abc");
}
END_TEST

START_TEST(many_bytes_arrive_whole)
{
	turn(10);
	send_bytes(&server, 900000);
	ck_assert_int_eq(call(&server, 1, -1), 0);
	ck_assert_uint_gt(bus_peer_queued(server.peer), 0);
	turn(100);
	ck_assert_uint_eq(client.calls, 2);
	ck_assert_uint_eq(server.replies, 1);
	ck_assert_uint_ge(server.drained, 1);
	ck_assert_uint_eq(bus_peer_queued(server.peer), 0);
}
END_TEST

START_TEST(more_than_is_allowed_ends)
{
	turn(10);
	send_bytes(&client, 5000);
	turn(10);
	ck_assert_uint_eq(server.calls, 0);
	ck_assert_uint_eq(server.closed, 1);
	ck_assert_int_eq(server.error, -EPROTO);
	ck_assert_uint_eq(client.closed, 1);
	ck_assert_int_eq(client.error, 0);
}
END_TEST

START_TEST(replies_that_do_not_come_are_bounded)
{
	unsigned int asked = 0;

	server.silent = true;
	while (asked < 10000 && call(&client, asked, -1) == 0)
		asked++;
	ck_assert_uint_lt(asked, 10000);
	ck_assert_int_eq(call(&client, 0, -1), -ENOBUFS);
	turn(10);
	ck_assert_uint_eq(server.calls, asked);
	/* One answer makes room for one call. */
	answer(&server, server.last);
	turn(10);
	ck_assert_uint_eq(client.replies, 1);
	ck_assert_int_eq(call(&client, 0, -1), 0);
	ck_assert_int_eq(call(&client, 0, -1), -ENOBUFS);
	/* An answer that nobody waits for is of no effect. */
	answer(&server, server.last);
	turn(10);
	ck_assert_uint_eq(client.replies, 1);
	ck_assert_uint_eq(client.closed, 0);
}
END_TEST

START_TEST(freed_in_a_call)
{
	server.free_in_call = true;
	ck_assert_int_eq(call(&client, 1, -1), 0);
	ck_assert_int_eq(call(&client, 2, -1), 0);
	turn(10);
	ck_assert_uint_eq(server.calls, 1);
	ck_assert_uint_eq(server.closed, 0);
	ck_assert_uint_eq(client.closed, 1);
}
END_TEST

static void enter_raw(void)
{
	static const char lines[] = "\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

	ck_assert_int_eq(write(raw, lines, sizeof(lines) - 1), sizeof(lines) - 1);
	turn(5);
	ck_assert_uint_eq(server.ready, 1);
}

START_TEST(nonsense_ends)
{
	static const char nonsense[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

	enter_raw();
	ck_assert_int_eq(write(raw, nonsense, sizeof(nonsense)), sizeof(nonsense));
	turn(5);
	ck_assert_uint_eq(server.closed, 1);
	ck_assert_int_eq(server.error, -EPROTO);
}
END_TEST

/* A length that is only said costs nothing. */
START_TEST(lines_and_lengths_are_bounded)
{
	char line[1000];

	memset(line, 'A', sizeof(line));
	line[0] = '\0';
	ck_assert_int_eq(write(raw, line, sizeof(line)), sizeof(line));
	turn(5);
	ck_assert_uint_eq(server.closed, 1);
	ck_assert_int_eq(server.error, -EPROTO);
}
END_TEST

/* One byte with as many descriptors as a message may have, again and again. */
START_TEST(descriptors_without_messages_are_bounded)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(BUS_PEER_MAX_FDS * sizeof(int))];
	} control = {0};
	char byte = 'l';
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.space,
				 .msg_controllen = sizeof(control.space)};
	int fds[BUS_PEER_MAX_FDS];

	enter_raw();
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = raw;
	control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS,
					  .cmsg_len = CMSG_LEN(sizeof(fds))};
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	for (unsigned int i = 0; i < 10 && !server.closed; i++) {
		ck_assert_int_eq(sendmsg(raw, &message, MSG_NOSIGNAL), 1);
		turn(3);
	}
	ck_assert_uint_eq(server.closed, 1);
}
END_TEST

/* --- libdbus ---------------------------------------------------------------------------------- */

static char where[128];

/* Calls the server twice, once with a descriptor: NULL if all was right, else what was not. */
static void *libdbus_client(void *unused)
{
	DBusConnection *connection = dbus_connection_open_private(where, NULL);
	DBusMessage *message, *reply;
	dbus_uint32_t number = 41;
	int fd = 0;

	(void)unused;
	if (!connection)
		return "no connection";
	message = dbus_message_new_method_call(NULL, "/o", "i.f", "Do");
	dbus_message_append_args(message, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
	reply = dbus_connection_send_with_reply_and_block(connection, message, 5000, NULL);
	dbus_message_unref(message);
	if (!reply)
		return "no reply";
	if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID) ||
	    number != 42)
		return "another reply";
	dbus_message_unref(reply);
	message = dbus_message_new_method_call(NULL, "/o", "i.f", "Take");
	if (!dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID))
		return "no descriptors";
	reply = dbus_connection_send_with_reply_and_block(connection, message, 5000, NULL);
	dbus_message_unref(message);
	if (!reply)
		return "no second reply";
	dbus_message_unref(reply);
	dbus_connection_close(connection);
	dbus_connection_unref(connection);
	return NULL;
}

START_TEST(libdbus_is_the_client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_t thread;
	void *result;
	int fd;

	begin();
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/lodge-test-bus.%d", getpid());
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listening, 1), 0);
	snprintf(where, sizeof(where), "unix:path=%s", address.sun_path);
	ck_assert_int_eq(pthread_create(&thread, NULL, libdbus_client, NULL), 0);
	fd = accept(listening, NULL, NULL);
	unlink(address.sun_path);
	ck_assert_int_eq(bus_peer_new(&loop, fd, true, &handlers, &server, &server.peer), 0);
	while (!server.closed)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_msg(!result, "%s", (char *)result);
	ck_assert_uint_eq(server.calls, 2);
	ck_assert_int_ge(server.fd, 0);
	ck_assert_int_eq(server.error, 0);
	teardown();
}
END_TEST

static DBusConnection *accepted;

static void on_connection(DBusServer *dbus_server, DBusConnection *connection, void *data)
{
	(void)dbus_server;
	(void)data;
	accepted = dbus_connection_ref(connection);
}

/* libdbus' server, moved on by hand: it has one watch. */
static DBusWatch *server_watch;

static dbus_bool_t add_watch(DBusWatch *watch, void *data)
{
	(void)data;
	if (dbus_watch_get_flags(watch) & DBUS_WATCH_READABLE)
		server_watch = watch;
	return TRUE;
}

START_TEST(libdbus_is_the_server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char *text;
	DBusServer *theirs = dbus_server_listen("unix:dir=/tmp", NULL);
	DBusMessage *message = NULL, *reply;
	dbus_uint32_t number = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	begin();
	ck_assert_ptr_nonnull(theirs);
	dbus_server_set_new_connection_function(theirs, on_connection, NULL, NULL);
	ck_assert(dbus_server_set_watch_functions(theirs, add_watch, NULL, NULL, NULL, NULL));
	text = dbus_server_get_address(theirs);
	ck_assert_int_eq(sscanf(text, "unix:path=%107[^,]", address.sun_path), 1);
	dbus_free(text);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(bus_peer_new(&loop, fd, false, &handlers, &client, &client.peer), 0);
	ck_assert(dbus_watch_handle(server_watch, DBUS_WATCH_READABLE));
	ck_assert_ptr_nonnull(accepted);
	ck_assert_int_eq(call(&client, 5, -1), 0);
	for (unsigned int i = 0; i < 1000 && !message; i++) {
		turn(1);
		dbus_connection_read_write(accepted, 1);
		message = dbus_connection_pop_message(accepted);
	}
	ck_assert_ptr_nonnull(message);
	ck_assert(dbus_message_is_method_call(message, "i.f", "Do"));
	ck_assert(
		dbus_message_get_args(message, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID));
	reply = dbus_message_new_method_return(message);
	number *= 2;
	dbus_message_append_args(reply, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
	dbus_connection_send(accepted, reply, NULL);
	dbus_connection_flush(accepted);
	for (unsigned int i = 0; i < 100 && !client.replies; i++)
		turn(1);
	ck_assert_uint_eq(client.number, 10);
	dbus_message_unref(reply);
	dbus_message_unref(message);
	dbus_connection_close(accepted);
	dbus_connection_unref(accepted);
	dbus_server_disconnect(theirs);
	dbus_server_unref(theirs);
	turn(3);
	ck_assert_uint_eq(client.closed, 1);
	teardown();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bus_peer");
	TCase *two = tcase_create("two"), *one = tcase_create("one"),
	      *libdbus = tcase_create("libdbus");

	tcase_add_checked_fixture(two, setup, teardown);
	tcase_add_test(two, both_call_each_other);
	tcase_add_test(two, errors_are_replies);
	tcase_add_test(two, descriptors_go_along);
	tcase_add_test(two, many_bytes_arrive_whole);
	tcase_add_test(two, more_than_is_allowed_ends);
	tcase_add_test(two, replies_that_do_not_come_are_bounded);
	tcase_add_test(two, freed_in_a_call);
	suite_add_tcase(suite, two);
	tcase_add_checked_fixture(one, setup_raw, teardown);
	tcase_set_timeout(one, 30);
	tcase_add_test(one, nonsense_ends);
	tcase_add_test(one, lines_and_lengths_are_bounded);
	tcase_add_test(one, descriptors_without_messages_are_bounded);
	suite_add_tcase(suite, one);
	tcase_set_timeout(libdbus, 30);
	tcase_add_test(libdbus, libdbus_is_the_client);
	tcase_add_test(libdbus, libdbus_is_the_server);
	suite_add_tcase(suite, libdbus);
	return suite_run(suite);
}
