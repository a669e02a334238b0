/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a viewer over D-Bus is told of the machine, and what it may do. */
#include "tests/unit/host/screen/dbus/viewer_world.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

/* --- Properties ------------------------------------------------------------------------------- */

static DBusMessageIter get(const char *path, const char *interface, const char *property)
{
	DBusMessageIter variant, value;
	DBusMessage *reply;
	char name[64];
	const char *full = name;

	snprintf(name, sizeof(name), DISPLAY "%s", interface);
	reply = CALL(path, "org.freedesktop.DBus.Properties", "Get", DBUS_TYPE_STRING, &full,
		     DBUS_TYPE_STRING, &property);
	ck_done(reply);
	ck_assert(dbus_message_iter_init(reply, &variant));
	dbus_message_iter_recurse(&variant, &value);
	return value;
}

static uint32_t get_number(const char *path, const char *interface, const char *property)
{
	DBusMessageIter value = get(path, interface, property);
	uint32_t number;

	ck_assert_int_eq(dbus_message_iter_get_arg_type(&value), DBUS_TYPE_UINT32);
	dbus_message_iter_get_basic(&value, &number);
	return number;
}

static const char *get_string(const char *path, const char *interface, const char *property)
{
	DBusMessageIter value = get(path, interface, property);
	const char *text;

	ck_assert_int_eq(dbus_message_iter_get_arg_type(&value), DBUS_TYPE_STRING);
	dbus_message_iter_get_basic(&value, &text);
	return text;
}

START_TEST(the_machine_is_described)
{
	DBusMessageIter value;

	connect_viewer(false);
	ck_assert_str_eq(get_string(ROOT "/VM", "VM", "Name"), "vm-1");
	ck_assert_str_eq(get_string(ROOT "/VM", "VM", "UUID"), screen_uuid(screen));
	/* A source that knows better, and one that does not. */
	screen_set_uuid(screen, "12345678-9abc-def0-1234-56789abcdef0");
	screen_set_uuid(screen, "00000000-0000-0000-0000-000000000000");
	screen_set_uuid(screen, "12345678-9abc-def0-1234-56789abcdefg");
	screen_set_uuid(screen, "12345678");
	ck_assert_str_eq(get_string(ROOT "/VM", "VM", "UUID"),
			 "12345678-9abc-def0-1234-56789abcdef0");
	ck_assert_str_eq(get_string(CONSOLE, "Console", "Type"), "Graphic");
	ck_assert_uint_eq(get_number(CONSOLE, "Console", "Width"), 64);
	ck_assert_uint_eq(get_number(CONSOLE, "Console", "Height"), 48);
	ck_assert_uint_eq(get_number(CONSOLE, "Keyboard", "Modifiers"), 0);
	value = get(ROOT "/VM", "VM", "ConsoleIDs");
	ck_assert_int_eq(dbus_message_iter_get_element_count(&value), 1);
	screen_set_leds(screen, 1U << LED_CAPSL | 1U << LED_NUML);
	turn(3);
	ck_assert_str_eq(called(&viewer), "PropertiesChanged;");
	ck_assert_uint_eq(get_number(CONSOLE, "Keyboard", "Modifiers"), 6);
	screen_head_changed(screen, 1, 32, 32);
	turn(3);
	ck_assert_str_eq(called(&viewer), "InterfacesAdded;PropertiesChanged;PropertiesChanged;"
					  "PropertiesChanged;");
	ck_assert_uint_eq(get_number(ROOT "/Console_1", "Console", "Head"), 1);
	value = get(ROOT "/VM", "VM", "ConsoleIDs");
	ck_assert_int_eq(dbus_message_iter_get_element_count(&value), 2);
}
END_TEST

START_TEST(all_is_introspected)
{
	static const char *const paths[] = {"/",	"/org",	 "/org/qemu",	   ROOT,
					    ROOT "/VM", CONSOLE, ROOT "/Clipboard"};
	static const char *const words[] = {
		"<node name=\"org\"/>",
		"<node name=\"qemu\"/>",
		"<node name=\"Display1\"/>",
		"<node name=\"Console_0\"/>",
		"<property name=\"ConsoleIDs\" type=\"au\" access=\"read\"/>",
		"<arg type=\"u\" name=\"height\" direction=\"in\"/>",
		"<arg type=\"ay\" name=\"data\" direction=\"out\"/>",
	};
	const char *xml;

	connect_viewer(false);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		DBusMessage *reply =
			ask(new_call(paths[i], "org.freedesktop.DBus.Introspectable", "Introspect"),
			    -1);

		ck_done(reply);
		ck_assert(dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &xml,
						DBUS_TYPE_INVALID));
		ck_assert_msg(strstr(xml, words[i]), "no %s in %s", words[i], xml);
		ck_assert_str_eq(xml + strlen(xml) - 8, "</node>\n");
	}
	ck_done(ask(new_call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"), -1));
	ck_assert_str_eq(dbus_message_get_signature(viewer.reply), "a{oa{sa{sv}}}");
}
END_TEST

START_TEST(what_is_not_there_is_refused)
{
	const char *text = "x";
	uint32_t number = 9;

	connect_viewer(false);
	ck_error(ask(new_call("/other", "VM", "X"), -1), DBUS_ERROR_UNKNOWN_OBJECT);
	ck_error(ask(new_call(ROOT "/Console_1", "Keyboard", "Press"), -1),
		 DBUS_ERROR_UNKNOWN_OBJECT);
	ck_error(ask(new_call(ROOT "/Console_99999999999999999999", "Keyboard", "Press"), -1),
		 DBUS_ERROR_UNKNOWN_OBJECT);
	ck_error(ask(new_call(CONSOLE, "Keyboard", "Hold"), -1), DBUS_ERROR_UNKNOWN_METHOD);
	ck_error(ask(new_call(CONSOLE, "Keyboard", "Press"), -1), DBUS_ERROR_INVALID_ARGS);
	ck_error(CALL(CONSOLE, "Keyboard", "Press", DBUS_TYPE_STRING, &text),
		 DBUS_ERROR_INVALID_ARGS);
	ck_error(CALL(CONSOLE, "Mouse", "Press", DBUS_TYPE_UINT32, &number),
		 DBUS_ERROR_INVALID_ARGS);
	ck_error(CALL(CONSOLE, "org.freedesktop.DBus.Properties", "Get", DBUS_TYPE_STRING, &text,
		      DBUS_TYPE_STRING, &text),
		 DBUS_ERROR_UNKNOWN_PROPERTY);
	ck_error(ask(new_call(CONSOLE, "Console", "RegisterListener"), -1),
		 DBUS_ERROR_INVALID_ARGS);
	ck_assert_uint_eq(viewer.closed, 0);
}
END_TEST

/* --- Input ------------------------------------------------------------------------------------ */

static void number_call(const char *interface, const char *member, uint32_t number)
{
	ck_done(CALL(CONSOLE, interface, member, DBUS_TYPE_UINT32, &number));
}

START_TEST(input_arrives)
{
	uint32_t x = 10, y = 5000;
	int32_t dx = -3, dy = 4;

	connect_viewer(false);
	number_call("Keyboard", "Press", 0x1e);
	number_call("Keyboard", "Release", 0x1e);
	number_call("Keyboard", "Press", 0x9d);
	ck_assert_str_eq(noted(), "key 30 1;key 30 0;key 97 1;");
	ck_done(CALL(CONSOLE, "Mouse", "SetAbsPosition", DBUS_TYPE_UINT32, &x, DBUS_TYPE_UINT32,
		     &y));
	number_call("Mouse", "Press", 0);
	number_call("Mouse", "Press", 2);
	number_call("Mouse", "Release", 0);
	number_call("Mouse", "Press", 6);
	ck_assert_str_eq(noted(),
			 "pointer 0 10,47;button 272 1;button 273 1;button 272 0;button 276 1;");
	number_call("Mouse", "Press", 3);
	number_call("Mouse", "Release", 3);
	number_call("Mouse", "Press", 4);
	ck_done(CALL(CONSOLE, "Mouse", "RelMotion", DBUS_TYPE_INT32, &dx, DBUS_TYPE_INT32, &dy));
	ck_assert_str_eq(noted(), "wheel 0,1;wheel 0,-1;motion -3,4;");
	/* What it holds is let go when it goes. */
	bus_peer_free(take_ptr(viewer.peer));
	turn(5);
	ck_assert_str_eq(noted(), "key 97 0;button 273 0;button 276 0;");
}
END_TEST

static DBusMessage *set_ui_info(uint32_t width, uint32_t height)
{
	uint16_t width_mm = 300, height_mm = 200;
	int32_t zero = 0;

	return CALL(CONSOLE, "Console", "SetUIInfo", DBUS_TYPE_UINT16, &width_mm, DBUS_TYPE_UINT16,
		    &height_mm, DBUS_TYPE_INT32, &zero, DBUS_TYPE_INT32, &zero, DBUS_TYPE_UINT32,
		    &width, DBUS_TYPE_UINT32, &height);
}

START_TEST(sizes_are_wished_for)
{
	connect_viewer(false);
	ck_done(set_ui_info(1366, 768));
	ck_assert_str_eq(noted(), "wish 0 1 1366x768 300x200mm;");
	ck_error(set_ui_info(0, 0), DBUS_ERROR_INVALID_ARGS); /* the only one */
}
END_TEST

START_TEST(who_may_look_only_changes_nothing)
{
	connect_viewer(true);
	ck_error(set_ui_info(1366, 768), DBUS_ERROR_ACCESS_DENIED);
	number_call("Keyboard", "Press", 0x1e);
	number_call("Mouse", "Press", 0);
	number_call("Mouse", "Press", 3);
	ck_assert_str_eq(noted(), "");
}
END_TEST

/* The loop's clock, which is the machine's and what a test adds to it. */
static int64_t later_s;

int clock_gettime(clockid_t clock, struct timespec *time)
{
	int result = (int)syscall(SYS_clock_gettime, clock, time);

	time->tv_sec += later_s;
	return result;
}

/* A handshake that does not end. */
START_TEST(who_says_nothing_goes)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(dbus_viewer_accept(screen, fds[0], false, "test"), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_ptr_nonnull(screen_viewers(screen));
	later_s = BUS_PEER_START_MS / 1000 + 1;
	while (screen_viewers(screen))
		uv_run(&loop, UV_RUN_ONCE);
	later_s = 0;
	close(fds[1]);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("dbus_viewer");

	tcase_add_checked_fixture(tests, world_setup, world_teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, the_machine_is_described);
	tcase_add_test(tests, all_is_introspected);
	tcase_add_test(tests, what_is_not_there_is_refused);
	tcase_add_test(tests, input_arrives);
	tcase_add_test(tests, sizes_are_wished_for);
	tcase_add_test(tests, who_may_look_only_changes_nothing);
	tcase_add_test(tests, who_says_nothing_goes);
	return suite_run_case("dbus_viewer", tests);
}
