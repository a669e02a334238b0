/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A viewer over D-Bus: the client's end is a bus_peer too, on the same loop. */
#include "host/screen/dbus/dbus_viewer.h"

#include "host/screen/bus_peer.h"
#include "host/screen/clipboard.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <check.h>
#include <linux/input-event-codes.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROOT	"/org/qemu/Display1"
#define CONSOLE ROOT "/Console_0"
#define DISPLAY "org.qemu.Display1."

static uv_loop_t loop;
static struct screen *screen;
static struct clipboard *clipboard;

/* --- The machine ------------------------------------------------------------------------------ */

static struct {
	struct source source;
	bool watching;
	char log[1024];
} machine;

static void __attribute__((format(printf, 1, 2))) note(const char *format, ...)
{
	size_t used = strlen(machine.log);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(machine.log + used, sizeof(machine.log) - used, format, arguments);
	va_end(arguments);
}

static const char *noted(void)
{
	static char last[sizeof(machine.log)];

	memcpy(last, machine.log, sizeof(last));
	machine.log[0] = '\0';
	return last;
}

static void on_watch(struct source *source, bool watching)
{
	(void)source;
	machine.watching = watching;
}

static void on_key(struct source *source, uint32_t code, bool down)
{
	(void)source;
	note("key %u %d;", code, down);
}

static void on_pointer(struct source *source, uint32_t x, uint32_t y, unsigned int head,
		       const struct rectangle *at)
{
	(void)source;
	(void)x;
	(void)y;
	note("pointer %u %u,%u;", head, at->x, at->y);
}

static void on_motion(struct source *source, int32_t dx, int32_t dy)
{
	(void)source;
	note("motion %d,%d;", dx, dy);
}

static void on_button(struct source *source, uint32_t code, bool down)
{
	(void)source;
	note("button %u %d;", code, down);
}

static void on_wheel(struct source *source, int32_t dx, int32_t dy)
{
	(void)source;
	note("wheel %d,%d;", dx, dy);
}

static void on_free(struct source *source)
{
	(void)source;
}

static const struct source_ops ops = {
	.name = "test",
	.watch = on_watch,
	.key = on_key,
	.pointer = on_pointer,
	.motion = on_motion,
	.button = on_button,
	.wheel = on_wheel,
	.free = on_free,
};

static uint32_t pixel(uint32_t x, uint32_t y)
{
	return (x * 7 + y * 1031) & 0xffffff;
}

/* Fills a part of a head with the pattern, moved by @shift. */
static void paint(unsigned int head, struct rectangle where, uint32_t shift)
{
	struct rectangle place;
	size_t stride;
	uint8_t *pixels = screen_pixels(screen, head, &place, &stride);

	ck_assert_ptr_nonnull(pixels);
	for (uint32_t y = where.y; y < where.y + where.height; y++) {
		for (uint32_t x = where.x; x < where.x + where.width; x++)
			store_le32(pixels + y * stride + x * 4UL, pixel(x, y) + shift);
	}
	screen_damaged(screen, head, &where);
}

static void on_requested(void *owner, enum screen_who who, const struct screen_wish *wish)
{
	(void)owner;
	ck_assert_int_eq(who, SCREEN_BY_VIEWER);
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++) {
		if (wish->head[i].named)
			note("wish %u %d %ux%u %ux%umm;", i, wish->head[i].enabled,
			     wish->head[i].width, wish->head[i].height, wish->head[i].width_mm,
			     wish->head[i].height_mm);
	}
}

static void on_viewer_gone(void *owner, struct viewer *viewer)
{
	(void)owner;
	clipboard_forget(clipboard, viewer);
}

static const struct screen_hooks hooks = {.requested = on_requested, .viewer_gone = on_viewer_gone};

static void on_clipboard(void *owner, struct viewer *by)
{
	(void)owner;
	screen_clipboard_changed(screen, by);
}

/* --- The viewer ------------------------------------------------------------------------------- */

struct client {
	struct bus_peer *peer;
	DBusMessage *reply; /* the last one */
	DBusMessage *call;  /* the last one, not answered unless it is a listener that answers */
	char calls[512];
	int fd;	      /* that came last */
	bool answers; /* calls */
	bool maps;    /* says that it can */
	bool refuses_map;
	unsigned int closed;
};

static struct client viewer, listener;

static void drop(DBusMessage **message)
{
	if (*message)
		dbus_message_unref(*message);
	*message = NULL;
}

static void answer_interfaces(struct client *client, DBusMessage *message)
{
	DBusMessage *answer = dbus_message_new_method_return(message);
	DBusMessageIter to, value, array;
	const char *name = DISPLAY "Listener.Unix.Map";

	dbus_message_iter_init_append(answer, &to);
	dbus_message_iter_open_container(&to, DBUS_TYPE_VARIANT, "as", &value);
	dbus_message_iter_open_container(&value, DBUS_TYPE_ARRAY, "s", &array);
	if (client->maps)
		dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &name);
	dbus_message_iter_close_container(&value, &array);
	dbus_message_iter_close_container(&to, &value);
	ck_assert_int_eq(bus_peer_send(client->peer, answer, -1), 0);
	dbus_message_unref(answer);
}

static void answer(struct client *client, DBusMessage *message)
{
	bool refused = client->refuses_map && dbus_message_has_member(message, "ScanoutMap");
	DBusMessage *reply = refused ? dbus_message_new_error(message, DBUS_ERROR_FAILED, "no")
				     : dbus_message_new_method_return(message);

	ck_assert_int_eq(bus_peer_send(client->peer, reply, -1), 0);
	dbus_message_unref(reply);
}

static void on_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	struct client *client = owner;
	size_t used = strlen(client->calls);

	snprintf(client->calls + used, sizeof(client->calls) - used, "%s;",
		 dbus_message_get_member(message));
	drop(&client->call);
	client->call = dbus_message_ref(message);
	if (count) {
		cleanup_close(&client->fd);
		client->fd = take_fd(&fds[0]);
	}
	if (dbus_message_is_method_call(message, "org.freedesktop.DBus.Properties", "Get"))
		answer_interfaces(client, message);
	else if (client->answers && !dbus_message_get_no_reply(message))
		answer(client, message);
}

static void on_closed(void *owner, int error)
{
	struct client *client = owner;

	(void)error;
	client->closed++;
	bus_peer_free(take_ptr(client->peer));
}

static const struct bus_peer_handlers handlers = {NULL, on_message, NULL, on_closed};

static void on_reply(void *owner, DBusMessage *reply)
{
	struct client *client = owner;

	drop(&client->reply);
	client->reply = dbus_message_ref(reply);
}

static void turn(unsigned int times)
{
	while (times--)
		uv_run(&loop, UV_RUN_NOWAIT);
}

/* Until offers have settled, and heads have gone dark. */
static void settle(void)
{
	for (unsigned int i = 0; i < 60; i++) {
		turn(1);
		usleep(1000);
	}
}

static const char *called(struct client *client)
{
	static char last[sizeof(client->calls)];

	memcpy(last, client->calls, sizeof(last));
	client->calls[0] = '\0';
	return last;
}

static void connect_viewer(bool view_only)
{
	int fds[2];

	viewer.fd = -1;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(dbus_viewer_accept(screen, fds[0], view_only, "test"), 0);
	ck_assert_int_eq(bus_peer_new(&loop, fds[1], false, &handlers, &viewer, &viewer.peer), 0);
	turn(10);
}

static DBusMessage *new_call(const char *path, const char *interface, const char *member)
{
	char name[128];

	snprintf(name, sizeof(name), "%s%s", strchr(interface, '.') ? "" : DISPLAY, interface);
	return dbus_message_new_method_call(NULL, path, name, member);
}

/* Sends it and takes the answer; @message is gone. */
static DBusMessage *ask(DBusMessage *message, int fd)
{
	drop(&viewer.reply);
	ck_assert_int_eq(bus_peer_call(viewer.peer, message, fd, on_reply, &viewer), 0);
	dbus_message_unref(message);
	turn(10);
	ck_assert_ptr_nonnull(viewer.reply);
	return viewer.reply;
}

static void ck_done(DBusMessage *reply)
{
	ck_assert_msg(dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN, "%s",
		      dbus_message_get_error_name(reply));
}

#define CALL(path, interface, member, ...)                                                         \
	({                                                                                         \
		DBusMessage *made_ = new_call(path, interface, member);                            \
		ck_assert(dbus_message_append_args(made_, __VA_ARGS__, DBUS_TYPE_INVALID));        \
		ask(made_, -1);                                                                    \
	})

static void connect_listener(unsigned int console)
{
	DBusMessage *message;
	char path[64];
	int fds[2];

	listener.fd = -1;
	snprintf(path, sizeof(path), ROOT "/Console_%u", console);
	message = new_call(path, "Console", "RegisterListener");
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(bus_peer_new(&loop, fds[0], false, &handlers, &listener, &listener.peer),
			 0);
	ck_assert(dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &fds[1], DBUS_TYPE_INVALID));
	ck_done(ask(message, fds[1]));
	turn(20);
}

static void setup(void)
{
	memset(&machine, 0, sizeof(machine));
	memset(&viewer, 0, sizeof(viewer));
	memset(&listener, 0, sizeof(listener));
	viewer.fd = listener.fd = -1;
	listener.answers = viewer.answers = true;
	uv_loop_init(&loop);
	screen = screen_new(&loop, "vm-1");
	clipboard = clipboard_new(&loop, on_clipboard, NULL);
	clipboard_set_policy(clipboard, (struct clipboard_policy){.to_guest = CLIPBOARD_ALL,
								  .to_host = CLIPBOARD_ALL});
	screen_set_clipboard(screen, clipboard);
	screen_set_hooks(screen, &hooks, NULL);
	machine.source.ops = &ops;
	machine.source.heads = DESKTOP_MAX_HEADS;
	screen_set_source(screen, &machine.source);
	screen_head_changed(screen, 0, 64, 48);
	paint(0, (struct rectangle){0, 0, 64, 48}, 0);
}

static void teardown(void)
{
	bus_peer_free(viewer.peer);
	bus_peer_free(listener.peer);
	drop(&viewer.reply);
	drop(&viewer.call);
	drop(&listener.call);
	cleanup_close(&viewer.fd);
	cleanup_close(&listener.fd);
	turn(5);
	screen_free(screen);
	clipboard_free(clipboard);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	dbus_shutdown();
}

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

static void ck_error(DBusMessage *reply, const char *name)
{
	ck_assert_int_eq(dbus_message_get_type(reply), DBUS_MESSAGE_TYPE_ERROR);
	ck_assert_str_eq(dbus_message_get_error_name(reply), name);
}

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

/* --- Pictures --------------------------------------------------------------------------------- */

/* The last call of the listener had these numbers in front; @pixels may be NULL. */
static size_t take_picture(const char *member, unsigned int count, int64_t *numbers,
			   const uint8_t **pixels)
{
	DBusMessageIter values, bytes;
	int length = 0;

	ck_assert_ptr_nonnull(listener.call);
	ck_assert_str_eq(dbus_message_get_member(listener.call), member);
	dbus_message_iter_init(listener.call, &values);
	for (unsigned int i = 0; i < count; i++) {
		int32_t number;

		dbus_message_iter_get_basic(&values, &number);
		numbers[i] = number;
		dbus_message_iter_next(&values);
	}
	if (pixels) {
		dbus_message_iter_recurse(&values, &bytes);
		dbus_message_iter_get_fixed_array(&bytes, pixels, &length);
	}
	return (size_t)length;
}

static void ck_pixels(const uint8_t *pixels, size_t stride, struct rectangle where, uint32_t shift)
{
	for (uint32_t y = 0; y < where.height; y++) {
		for (uint32_t x = 0; x < where.width; x++)
			ck_assert_uint_eq(load_le32(pixels + y * stride + x * 4UL),
					  pixel(where.x + x, where.y + y) + shift);
	}
}

START_TEST(pictures_go_as_bytes)
{
	const uint8_t *pixels;
	int64_t numbers[6];

	connect_viewer(false);
	ck_assert(!machine.watching);
	connect_listener(0);
	ck_assert(machine.watching);
	ck_assert_str_eq(called(&listener), "Get;Scanout;MouseSet;Update;");
	drop(&listener.call);
	paint(0, (struct rectangle){3, 5, 10, 20}, 1);
	turn(5);
	ck_assert_str_eq(called(&listener), "Update;");
	ck_assert_uint_eq(take_picture("Update", 6, numbers, &pixels), 800);
	ck_assert_int_eq(numbers[0], 3);
	ck_assert_int_eq(numbers[1], 5);
	ck_assert_int_eq(numbers[2], 10);
	ck_assert_int_eq(numbers[3], 20);
	ck_assert_int_eq(numbers[4], 40);
	ck_assert_int_eq(numbers[5], 0x20020888);
	ck_pixels(pixels, 40, (struct rectangle){3, 5, 10, 20}, 1);
	screen_head_changed(screen, 0, 100, 30);
	turn(5);
	ck_assert_uint_eq(take_picture("MouseSet", 3, numbers, NULL), 0);
	ck_assert_str_eq(called(&listener), "Scanout;MouseSet;");
	bus_peer_free(take_ptr(listener.peer));
	turn(5);
	ck_assert(!machine.watching);
	ck_assert_uint_eq(viewer.closed, 0);
}
END_TEST

START_TEST(pictures_go_by_memory)
{
	int64_t numbers[5];
	uint8_t *map;

	connect_viewer(false);
	listener.maps = true;
	connect_listener(0);
	ck_assert_str_eq(called(&listener), "Get;ScanoutMap;MouseSet;UpdateMap;");
	ck_assert_int_ge(listener.fd, 0);
	ck_assert_int_eq(ftruncate(listener.fd, 0), -1); /* would kill who writes to it */
	map = mmap(NULL, 64 * 48 * 4, PROT_READ, MAP_SHARED, listener.fd, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	ck_pixels(map, 64 * 4UL, (struct rectangle){0, 0, 64, 48}, 0);
	paint(0, (struct rectangle){8, 9, 2, 3}, 5);
	turn(5);
	take_picture("UpdateMap", 4, numbers, NULL);
	ck_assert_int_eq(numbers[0], 8);
	ck_assert_int_eq(numbers[3], 3);
	ck_pixels(map + (9 * 64 + 8) * 4, 64 * 4UL, (struct rectangle){8, 9, 2, 3}, 5);
	munmap(map, 64 * 48 * 4);
}
END_TEST

START_TEST(who_cannot_map_after_all_gets_bytes)
{
	connect_viewer(false);
	listener.maps = listener.refuses_map = true;
	connect_listener(0);
	ck_assert_int_eq(strncmp(called(&listener), "Get;ScanoutMap;Scanout;", 23), 0);
	paint(0, (struct rectangle){8, 9, 2, 3}, 5);
	turn(5);
	ck_assert_str_eq(called(&listener), "Update;");
}
END_TEST

START_TEST(a_listener_that_stalls_gets_no_more)
{
	int64_t numbers[6];

	connect_viewer(false);
	connect_listener(0);
	called(&listener);
	listener.answers = false;
	for (uint32_t i = 0; i < 40; i++) {
		paint(0, (struct rectangle){i, 2, 1, 1}, i);
		turn(3);
	}
	ck_assert_str_eq(called(&listener), "Update;");
	/* It answers: what it has missed comes at once. */
	answer(&listener, listener.call);
	turn(5);
	ck_assert_str_eq(called(&listener), "Update;");
	take_picture("Update", 4, numbers, NULL);
	ck_assert_int_eq(numbers[0], 1);
	ck_assert_int_eq(numbers[2], 39);
}
END_TEST

START_TEST(a_head_that_goes_dark_is_disabled)
{
	connect_viewer(false);
	connect_listener(0);
	called(&listener);
	screen_set_patience(screen, 0);
	screen_head_changed(screen, 0, 0, 0);
	settle();
	ck_assert_str_eq(called(&listener), "Disable;");
	screen_head_changed(screen, 0, 64, 48);
	turn(5);
	ck_assert_int_eq(strncmp(called(&listener), "Scanout;", 8), 0);
}
END_TEST

START_TEST(the_cursor_is_told)
{
	uint32_t image[2 * 3] = {0xff000001, 2, 3, 4, 5, 6};
	struct desktop_cursor cursor = {.visible = true,
					.width = 2,
					.height = 3,
					.hot_x = 1,
					.hot_y = 2,
					.x = 20,
					.y = 30,
					.pixels = image};
	int64_t numbers[4];

	connect_viewer(false);
	connect_listener(0);
	called(&listener);
	screen_set_cursor(screen, 0, &cursor);
	turn(6);
	ck_assert_str_eq(called(&listener), "CursorDefine;MouseSet;");
	take_picture("MouseSet", 3, numbers, NULL);
	ck_assert_int_eq(numbers[0], 20);
	ck_assert_int_eq(numbers[1], 30);
	ck_assert_int_eq(numbers[2], 1);
	cursor.x = 21;
	screen_set_cursor(screen, 0, &cursor);
	turn(6);
	ck_assert_str_eq(called(&listener), "MouseSet;");
	cursor.visible = false;
	screen_set_cursor(screen, 0, &cursor);
	turn(6);
	take_picture("MouseSet", 3, numbers, NULL);
	ck_assert_int_eq(numbers[2], 0);
}
END_TEST

START_TEST(listeners_are_bounded)
{
	int64_t refused = 0;

	connect_viewer(false);
	for (unsigned int i = 0; i < 40; i++) {
		DBusMessage *message = new_call(CONSOLE, "Console", "RegisterListener");
		int fds[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		dbus_message_append_args(message, DBUS_TYPE_UNIX_FD, &fds[1], DBUS_TYPE_INVALID);
		ask(message, fds[1]);
		if (dbus_message_get_type(viewer.reply) == DBUS_MESSAGE_TYPE_ERROR) {
			ck_error(viewer.reply, DBUS_ERROR_LIMITS_EXCEEDED);
			refused++;
		}
		/* The other ends are closed when the test ends; until then they say nothing. */
		if (i < 39)
			fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	}
	ck_assert_int_eq(refused, 8);
}
END_TEST

START_TEST(a_message_that_is_too_long_ends)
{
	DBusMessage *message = new_call(CONSOLE, "Keyboard", "Press");
	size_t length = CLIPBOARD_VIEWER_MAX + 65536;
	char *text = malloc(length + 1);

	memset(text, 'x', length);
	text[length] = '\0';
	connect_viewer(false);
	ck_assert(dbus_message_append_args(message, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
	ck_assert_int_eq(bus_peer_send(viewer.peer, message, -1), 0);
	turn(1000);
	ck_assert_uint_eq(viewer.closed, 1);
	ck_assert_ptr_null(screen_viewers(screen));
	dbus_message_unref(message);
	free(text);
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

/* --- Clipboard -------------------------------------------------------------------------------- */

static DBusMessage *grab(uint32_t selection, uint32_t serial, const char *type)
{
	const char **types = &type;

	return CALL(ROOT "/Clipboard", "Clipboard", "Grab", DBUS_TYPE_UINT32, &selection,
		    DBUS_TYPE_UINT32, &serial, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &types, 1);
}

static struct {
	int error;
	char text[64];
	unsigned int times;
} pasted;

static void on_pasted(void *owner, int error, struct slice bytes)
{
	(void)owner;
	pasted.times++;
	pasted.error = error;
	snprintf(pasted.text, sizeof(pasted.text), "%.*s", (int)bytes.length,
		 (const char *)bytes.bytes);
}

START_TEST(what_the_viewer_copies_is_fetched_when_wanted)
{
	struct clipboard_paste *paste;
	const char *type = "text/plain", *text = "copied";
	DBusMessage *reply;

	memset(&pasted, 0, sizeof(pasted));
	connect_viewer(false);
	viewer.answers = false;
	ck_error(grab(0, 1, type), DBUS_ERROR_FAILED); /* not registered */
	ck_done(ask(new_call(ROOT "/Clipboard", "Clipboard", "Register"), -1));
	ck_error(grab(2, 1, type), DBUS_ERROR_INVALID_ARGS);
	ck_done(grab(0, 1, type));
	ck_assert_int_eq(clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 100,
					 on_pasted, NULL, &paste),
			 0);
	turn(5);
	ck_assert_str_eq(called(&viewer), "Request;");
	reply = dbus_message_new_method_return(viewer.call);
	dbus_message_append_args(reply, DBUS_TYPE_STRING, &type, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE,
				 &text, 6, DBUS_TYPE_INVALID);
	bus_peer_send(viewer.peer, reply, -1);
	dbus_message_unref(reply);
	turn(5);
	ck_assert_uint_eq(pasted.times, 1);
	ck_assert_int_eq(pasted.error, 0);
	ck_assert_str_eq(pasted.text, "copied");
	/* The viewer goes while it is asked again. */
	ck_assert_int_eq(clipboard_paste(clipboard, NULL, CLIPBOARD_CLIPBOARD, CLIPBOARD_TEXT, 100,
					 on_pasted, NULL, &paste),
			 0);
	turn(3);
	bus_peer_free(take_ptr(viewer.peer));
	turn(5);
	ck_assert_uint_eq(pasted.times, 2);
	ck_assert_int_lt(pasted.error, 0);
}
END_TEST

START_TEST(what_another_copies_is_offered_and_pasted)
{
	uint32_t selection = 0;
	const char *type = "text/plain", **types = &type, *got;
	static struct viewer other;
	static const struct viewer_ops other_ops = {.protocol = "other", .close = NULL};
	struct viewer_ops with_close = other_ops;
	const uint8_t *bytes;
	int length;

	with_close.close = (void (*)(struct viewer *))(void *)free;
	other = (struct viewer){.ops = &with_close};
	connect_viewer(false);
	ck_assert_int_eq(screen_add_viewer(screen, &other), 0);
	ck_done(ask(new_call(ROOT "/Clipboard", "Clipboard", "Register"), -1));
	ck_assert_int_eq(clipboard_copied_bytes(clipboard, &other, CLIPBOARD_CLIPBOARD,
						CLIPBOARD_TEXT, "hello", 5),
			 0);
	settle();
	ck_assert_str_eq(called(&viewer), "Grab;");
	ck_done(CALL(ROOT "/Clipboard", "Clipboard", "Request", DBUS_TYPE_UINT32, &selection,
		     DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &types, 1));
	ck_assert(dbus_message_get_args(viewer.reply, NULL, DBUS_TYPE_STRING, &got, DBUS_TYPE_ARRAY,
					DBUS_TYPE_BYTE, &bytes, &length, DBUS_TYPE_INVALID));
	ck_assert_str_eq(got, "text/plain");
	ck_assert_int_eq(length, 5);
	ck_assert_mem_eq(bytes, "hello", 5);
	type = "image/png";
	ck_error(CALL(ROOT "/Clipboard", "Clipboard", "Request", DBUS_TYPE_UINT32, &selection,
		      DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &types, 1),
		 DBUS_ERROR_FAILED);
	screen_remove_viewer(&other);
	settle();
	ck_assert_str_eq(called(&viewer), "Release;");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dbus_viewer");
	TCase *tcase = tcase_create("dbus_viewer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, the_machine_is_described);
	tcase_add_test(tcase, all_is_introspected);
	tcase_add_test(tcase, what_is_not_there_is_refused);
	tcase_add_test(tcase, input_arrives);
	tcase_add_test(tcase, sizes_are_wished_for);
	tcase_add_test(tcase, who_may_look_only_changes_nothing);
	tcase_add_test(tcase, pictures_go_as_bytes);
	tcase_add_test(tcase, pictures_go_by_memory);
	tcase_add_test(tcase, who_cannot_map_after_all_gets_bytes);
	tcase_add_test(tcase, a_listener_that_stalls_gets_no_more);
	tcase_add_test(tcase, a_head_that_goes_dark_is_disabled);
	tcase_add_test(tcase, the_cursor_is_told);
	tcase_add_test(tcase, listeners_are_bounded);
	tcase_add_test(tcase, a_message_that_is_too_long_ends);
	tcase_add_test(tcase, who_says_nothing_goes);
	tcase_add_test(tcase, what_the_viewer_copies_is_fetched_when_wanted);
	tcase_add_test(tcase, what_another_copies_is_offered_and_pasted);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
