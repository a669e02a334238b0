/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A VM's screen over D-Bus: viewers that are handed over, and listeners. */
#include "tests/unit/host/daemon/bus/played_lodged.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct played_lodged lodged;

static void setup(void)
{
	played_lodged_start(&lodged);
}

static void teardown(void)
{
	played_lodged_end(&lodged);
}

static DBusMessage *screen_call(const char *method, const char *kind, const char *option,
				const char *value)
{
	DBusMessage *message = new_call(VM_PATH, VM, method);
	DBusMessageIter iter, dict, entry, variant;
	dbus_bool_t yes = TRUE;
	int type = value ? DBUS_TYPE_STRING : DBUS_TYPE_BOOLEAN;

	dbus_message_iter_init_append(message, &iter);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &kind);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &dict);
	if (option) {
		dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
		dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &option);
		dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, value ? "s" : "b",
						 &variant);
		dbus_message_iter_append_basic(&variant, type,
					       value ? (const void *)&value : (const void *)&yes);
		dbus_message_iter_close_container(&entry, &variant);
		dbus_message_iter_close_container(&dict, &entry);
	}
	dbus_message_iter_close_container(&iter, &dict);
	return message;
}

START_TEST(a_viewer_is_handed_over)
{
	char error[128], text[256] = "";
	DBusMessage *reply =
		call(&lodged, screen_call("OpenScreen", "vnc", "view_only", NULL), error);
	int fd = -1;

	ck_assert_str_eq(error, "");
	ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
	ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, "kind=vnc-client\npeer=lodge\nview_only=1\n");
	close(fd);
	dbus_message_unref(reply);
	expect_text(&lodged, "Screen", "ready");
}
END_TEST

START_TEST(the_control_socket_is_handed_out)
{
	char error[128];
	DBusMessage *reply = call(&lodged, new_call(VM_PATH, VM, "OpenScreenControl"), error);
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	int fd = -1;

	ck_assert_str_eq(error, "");
	ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
	ck_assert_int_eq(getpeername(fd, (struct sockaddr *)&address, &length), 0);
	ck_assert_ptr_nonnull(strstr(address.sun_path, "/screen.sock"));
	close(fd);
	dbus_message_unref(reply);
}
END_TEST

static void expect_listener(DBusMessage *message, char id[64], char address[256], char secret[64])
{
	const char *texts[3];
	char error[128];
	DBusMessage *reply = call(&lodged, message, error);

	ck_assert_str_eq(error, "");
	ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &texts[0], DBUS_TYPE_STRING,
					&texts[1], DBUS_TYPE_STRING, &texts[2], DBUS_TYPE_INVALID));
	snprintf(id, 64, "%s", texts[0]);
	snprintf(address, 256, "%s", texts[1]);
	snprintf(secret, 64, "%s", texts[2]);
	dbus_message_unref(reply);
}

static int connect_port(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	ck_assert_int_eq(strncmp(address, "127.0.0.1:", 10), 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(address + 10));
	r = connect(fd, (struct sockaddr *)&to, sizeof(to));
	close(fd);
	return r;
}

static DBusMessage *close_call(const char *id)
{
	DBusMessage *message = new_call(VM_PATH, VM, "CloseScreen");

	dbus_message_append_args(message, DBUS_TYPE_STRING, &id, DBUS_TYPE_INVALID);
	return message;
}

START_TEST(a_listener_comes_and_goes)
{
	char id[64], address[256], secret[64], error[128];
	DBusMessage *reply;

	expect_listener(screen_call("ListenScreen", "vnc", NULL, NULL), id, address, secret);
	ck_assert_uint_eq(strlen(secret), 8);
	ck_assert_int_eq(connect_port(address), 0);
	reply = call(&lodged, close_call(id), error);
	ck_assert_str_eq(error, "");
	dbus_message_unref(reply);
	ck_assert_int_eq(connect_port(address), -1);
	expect_error(&lodged, close_call(id), "org.lodge1.Error.NotFound");
}
END_TEST

START_TEST(a_browsers_listener_is_found_again)
{
	char id[2][64], address[2][256], secret[2][64], url[300];

	for (int i = 0; i < 2; i++)
		expect_listener(screen_call("ListenScreen", "web", "id", "w"), id[i], address[i],
				secret[i]);
	ck_assert_str_eq(id[0], "w");
	ck_assert_str_eq(address[0], address[1]);
	ck_assert_uint_eq(strlen(secret[0]), 32);
	snprintf(url, sizeof(url), "%.*s/#%s", (int)strcspn(address[0] + 7, "/") + 7, address[0],
		 secret[0]);
	ck_assert_str_eq(address[0], url);
}
END_TEST

static const struct {
	const char *method, *kind, *option, *value, *error;
} refusals[] = {
	{"OpenScreen", "spice", NULL, NULL, "org.lodge1.Error.InvalidArgument"},
	{"OpenScreen", "web", NULL, NULL, "org.lodge1.Error.InvalidArgument"},
	{"OpenScreen", "vnc", "password", "x", "org.lodge1.Error.InvalidArgument"},
	{"OpenScreen", "vnc", "colour", NULL, "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "dbus", NULL, NULL, "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "id", "../x", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "password", "a\nkind=agent", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "address", "/tmp/anywhere", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "address", "elsewhere:1", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "tls", "maybe", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "web", "password", "x", "org.lodge1.Error.InvalidArgument"},
	{"ListenScreen", "vnc", "tls", "required", "org.lodge1.Error.Failed"},
};

START_TEST(what_cannot_be_is_refused)
{
	expect_error(&lodged,
		     screen_call(refusals[_i].method, refusals[_i].kind, refusals[_i].option,
				 refusals[_i].value),
		     refusals[_i].error);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("dispatch-screen");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, a_viewer_is_handed_over);
	tcase_add_test(tests, the_control_socket_is_handed_out);
	tcase_add_test(tests, a_listener_comes_and_goes);
	tcase_add_test(tests, a_browsers_listener_is_found_again);
	tcase_add_loop_test(tests, what_cannot_be_is_refused, 0, ARRAY_SIZE(refusals));
	return suite_run_case("dispatch-screen", tests);
}
