/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU's source in front of a QEMU that is ours: two consoles, and nonsense. tests/e2e/display/qemu
 * has a real one. */
#include "host/screen/source/qemu.h"

#include "host/screen/bus_peer.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BGRX 0x20020888U

/* --- QEMU ------------------------------------------------------------------------------------- */

static uv_loop_t loop;
static struct bus_peer *bus, *listener[2];
static char calls[2048];
static unsigned int replies, errors, registrations;

static void on_listener_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	(void)owner, (void)message, (void)fds, (void)count;
}

static void on_listener_closed(void *owner, int error)
{
	struct bus_peer **place = owner;

	(void)error;
	bus_peer_free(*place);
	*place = NULL;
}

static const struct bus_peer_handlers listener_handlers = {.message = on_listener_message,
							   .closed = on_listener_closed};

static void put_variant(DBusMessageIter *array, const char *name, int type, const void *value)
{
	const char signature[] = {(char)type, '\0'};
	DBusMessageIter entry, variant;

	dbus_message_iter_open_container(array, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
	dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &name);
	dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signature, &variant);
	dbus_message_iter_append_basic(&variant, type, value);
	dbus_message_iter_close_container(&entry, &variant);
	dbus_message_iter_close_container(array, &entry);
}

static void put_console(DBusMessageIter *iter, const char *type, uint32_t width, uint32_t height)
{
	DBusMessageIter array;

	dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &array);
	put_variant(&array, "Type", DBUS_TYPE_STRING, &type);
	put_variant(&array, "Width", DBUS_TYPE_UINT32, &width);
	put_variant(&array, "Height", DBUS_TYPE_UINT32, &height);
	dbus_message_iter_close_container(iter, &array);
}

static void answer_all(DBusMessage *message, DBusMessageIter *iter)
{
	const dbus_bool_t absolute = TRUE;
	const uint32_t modifiers = 4;
	const char *interface = "";
	DBusMessageIter array;

	dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &interface, DBUS_TYPE_INVALID);
	if (strstr(interface, "Console")) {
		bool is_text = strstr(dbus_message_get_path(message), "_1") != NULL;

		put_console(iter, is_text ? "Text" : "Graphic", 640, 480);
		return;
	}
	dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "{sv}", &array);
	if (strstr(interface, "Mouse"))
		put_variant(&array, "IsAbsolute", DBUS_TYPE_BOOLEAN, &absolute);
	else
		put_variant(&array, "Modifiers", DBUS_TYPE_UINT32, &modifiers);
	dbus_message_iter_close_container(iter, &array);
}

static void answer_ids(DBusMessageIter *iter)
{
	static const uint32_t ids[] = {0, 1, 2};
	const uint32_t *first = ids;
	DBusMessageIter variant, array;

	dbus_message_iter_open_container(iter, DBUS_TYPE_VARIANT, "au", &variant);
	dbus_message_iter_open_container(&variant, DBUS_TYPE_ARRAY, "u", &array);
	dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_UINT32, &first, 3);
	dbus_message_iter_close_container(&variant, &array);
	dbus_message_iter_close_container(iter, &variant);
}

#define VM_UUID "12345678-9abc-def0-1234-56789abcdef0"

static void answer_uuid(DBusMessageIter *iter)
{
	const char *uuid = VM_UUID;
	DBusMessageIter variant;

	dbus_message_iter_open_container(iter, DBUS_TYPE_VARIANT, "s", &variant);
	dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &uuid);
	dbus_message_iter_close_container(iter, &variant);
}

static bool asks_for(DBusMessage *message, const char *property)
{
	const char *interface, *name;

	return dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING,
				     &name, DBUS_TYPE_INVALID) &&
	       strcmp(name, property) == 0;
}

static void note_call(DBusMessage *message)
{
	size_t used = strlen(calls);
	uint32_t a = 0, b = 0;
	DBusMessageIter iter;

	dbus_message_iter_init(message, &iter);
	/* Of SetUIInfo the size is last. */
	for (int i = 0; dbus_message_has_member(message, "SetUIInfo") && i < 4; i++)
		dbus_message_iter_next(&iter);
	if (dbus_message_iter_get_arg_type(&iter) == DBUS_TYPE_UINT32)
		dbus_message_iter_get_basic(&iter, &a);
	if (dbus_message_iter_next(&iter) &&
	    dbus_message_iter_get_arg_type(&iter) == DBUS_TYPE_UINT32)
		dbus_message_iter_get_basic(&iter, &b);
	snprintf(calls + used, sizeof(calls) - used, "%s%s %u %u;",
		 dbus_message_get_member(message),
		 strstr(dbus_message_get_path(message), "_2") ? "2" : "", a, b);
}

static void on_message(void *owner, DBusMessage *message, int *fds, size_t count)
{
	DBusMessage *reply = dbus_message_new_method_return(message);
	DBusMessageIter iter;

	(void)owner;
	dbus_message_iter_init_append(reply, &iter);
	if (dbus_message_has_member(message, "GetAll")) {
		answer_all(message, &iter);
	} else if (dbus_message_has_member(message, "Get")) {
		if (asks_for(message, "UUID"))
			answer_uuid(&iter);
		else
			answer_ids(&iter);
	} else if (dbus_message_has_member(message, "RegisterListener")) {
		struct bus_peer **place =
			&listener[strstr(dbus_message_get_path(message), "_2") != NULL];

		ck_assert_uint_eq(count, 1);
		registrations++;
		bus_peer_free(*place);
		ck_assert_int_eq(
			bus_peer_new(&loop, fds[0], true, &listener_handlers, place, place), 0);
		fds[0] = -1;
	} else {
		note_call(message);
	}
	if (!dbus_message_get_no_reply(message))
		ck_assert_int_eq(bus_peer_send(bus, reply, -EBADF), 0);
	dbus_message_unref(reply);
}

static void on_closed(void *owner, int error)
{
	(void)owner;
	(void)error;
	bus_peer_free(bus);
	bus = NULL;
}

static const struct bus_peer_handlers handlers = {.message = on_message, .closed = on_closed};

static void on_reply(void *owner, DBusMessage *reply)
{
	(void)owner;
	replies++;
	errors += dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR;
}

/* --- The screen ------------------------------------------------------------------------------- */

static struct screen *screen;
static struct viewer viewer;
static bool gone;

static void on_changed(struct viewer *unused)
{
	(void)unused;
}

static void on_damaged(struct viewer *unused, const struct rectangle *where)
{
	(void)unused;
	(void)where;
}

static void on_viewer_close(struct viewer *unused)
{
	(void)unused;
	gone = true;
}

static const struct viewer_ops viewer_ops = {.protocol = "test",
					     .desktop_changed = on_changed,
					     .damaged = on_damaged,
					     .close = on_viewer_close};

static void turns(void)
{
	for (int i = 0; i < 60; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void setup(void)
{
	struct source *source;
	int pair[2];

	uv_loop_init(&loop);
	calls[0] = '\0';
	replies = errors = registrations = 0;
	gone = false;
	viewer = (struct viewer){.ops = &viewer_ops};
	listener[0] = listener[1] = NULL;
	screen = screen_new(&loop, "vm");
	screen_set_patience(screen, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(bus_peer_new(&loop, pair[0], true, &handlers, NULL, &bus), 0);
	ck_assert_int_eq(qemu_source_new(screen, pair[1], &source), 0);
	screen_set_source(screen, source);
	ck_assert_int_eq(screen_add_viewer(screen, &viewer), 0);
	turns();
}

static void teardown(void)
{
	bus_peer_free(bus);
	bus_peer_free(listener[0]);
	bus_peer_free(listener[1]);
	screen_free(screen);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

/* A call of QEMU: numbers, then bytes. */
static void tell(unsigned int head, const char *member, int type, const uint32_t *numbers,
		 size_t count, const void *bytes, int length)
{
	DBusMessage *message = dbus_message_new_method_call(NULL, "/org/qemu/Display1/Listener",
							    "org.qemu.Display1.Listener", member);

	for (size_t i = 0; i < count; i++) {
		/* Of Update the first four are signed. */
		int one = i < 4 ? type : DBUS_TYPE_UINT32;

		ck_assert(dbus_message_append_args(message, one, &numbers[i], DBUS_TYPE_INVALID));
	}
	if (bytes)
		ck_assert(dbus_message_append_args(message, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes,
						   length, DBUS_TYPE_INVALID));
	ck_assert_int_eq(bus_peer_call(listener[head], message, -EBADF, on_reply, NULL), 0);
	dbus_message_unref(message);
	turns();
}

/* The console's properties have changed. */
static void tell_size(unsigned int head, uint32_t width, uint32_t height)
{
	const char *interface = "org.qemu.Display1.Console";
	DBusMessage *message = dbus_message_new_signal(
		head == 0 ? "/org/qemu/Display1/Console_0" : "/org/qemu/Display1/Console_2",
		"org.freedesktop.DBus.Properties", "PropertiesChanged");
	DBusMessageIter iter, array;

	dbus_message_iter_init_append(message, &iter);
	dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &interface);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &array);
	put_variant(&array, "Width", DBUS_TYPE_UINT32, &width);
	put_variant(&array, "Height", DBUS_TYPE_UINT32, &height);
	dbus_message_iter_close_container(&iter, &array);
	dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &array);
	dbus_message_iter_close_container(&iter, &array);
	ck_assert_int_eq(bus_peer_send(bus, message, -EBADF), 0);
	dbus_message_unref(message);
	turns();
}

static void tell_picture(unsigned int head, uint32_t width, uint32_t height, uint32_t pixel)
{
	const uint32_t numbers[] = {width, height, width * 4, BGRX};
	uint32_t *pixels = malloc((size_t)width * height * 4);

	for (size_t i = 0; i < (size_t)width * height; i++)
		pixels[i] = pixel;
	tell(head, "Scanout", DBUS_TYPE_UINT32, numbers, 4, pixels, (int)(width * height * 4));
	free(pixels);
}

/* As QEMU does: another size is a property, too. */
static void tell_scanout(unsigned int head, uint32_t width, uint32_t height, uint32_t pixel)
{
	tell_size(head, width, height);
	tell_picture(head, width, height, pixel);
}

static uint32_t pixel_at(uint32_t x, uint32_t y)
{
	const struct desktop *desktop = screen_desktop(screen);

	ck_assert(x < desktop->width && y < desktop->height);
	return load_le32(desktop->pixels + y * desktop->stride + x * 4UL) & 0xffffff;
}

static void expect_calls(const char *text)
{
	turns();
	ck_assert_str_eq(calls, text);
	calls[0] = '\0';
}

START_TEST(graphic_consoles_are_heads)
{
	const struct desktop *desktop = screen_desktop(screen);

	ck_assert_str_eq(screen_source_name(screen), "qemu");
	ck_assert_str_eq(screen_uuid(screen), VM_UUID);
	ck_assert_uint_eq(screen_heads(screen), 2);
	ck_assert_uint_eq(desktop->width, 640);
	ck_assert_uint_eq(desktop->height, 480);
	ck_assert(!desktop->head[1].enabled);
	ck_assert_uint_eq(screen_leds(screen), 1U << LED_CAPSL);
	/* Nobody watches: nobody is listened to. */
	ck_assert_ptr_null(listener[0]);
	screen_watch(&viewer, true);
	turns();
	ck_assert_ptr_nonnull(listener[0]);
	ck_assert_ptr_null(listener[1]);
	ck_assert(!screen_is_current(screen));
	tell_scanout(0, 300, 200, 0x123456);
	ck_assert_uint_eq(desktop->width, 300);
	ck_assert_uint_eq(pixel_at(299, 199), 0x123456);
	while (!screen_is_current(screen))
		uv_run(&loop, UV_RUN_ONCE);
}
END_TEST

START_TEST(updates_are_copied_where_they_are)
{
	const uint32_t numbers[] = {10, 20, 2, 1, 8, BGRX};
	const uint32_t pixels[] = {0xaa1111, 0xaa2222};
	const uint32_t beyond[] = {299, 0, 2, 1, 8, BGRX};

	screen_watch(&viewer, true);
	turns();
	tell_scanout(0, 300, 200, 0);
	tell(0, "Update", DBUS_TYPE_INT32, numbers, 6, pixels, sizeof(pixels));
	ck_assert_uint_eq(pixel_at(10, 20), 0xaa1111);
	ck_assert_uint_eq(pixel_at(11, 20), 0xaa2222);
	ck_assert_uint_eq(pixel_at(12, 20), 0);
	tell(0, "Update", DBUS_TYPE_INT32, beyond, 6, pixels, sizeof(pixels));
	ck_assert_uint_eq(pixel_at(299, 0), 0);
	ck_assert_uint_eq(replies, 3);
	ck_assert_uint_eq(errors, 0);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	static const struct {
		const char *member;
		int type;
		size_t count;
		uint32_t numbers[6];
	} nonsense[] = {
		{"Scanout", DBUS_TYPE_UINT32, 4, {0, 1, 4, BGRX}},
		{"Scanout", DBUS_TYPE_UINT32, 4, {100000, 1, 400000, BGRX}},
		{"Scanout", DBUS_TYPE_UINT32, 4, {4, 4, 8, BGRX}},
		{"Scanout", DBUS_TYPE_UINT32, 4, {4, 1000, 16, BGRX}},
		{"Scanout", DBUS_TYPE_UINT32, 4, {16384, 16384, UINT32_MAX, BGRX}},
		{"Scanout", DBUS_TYPE_UINT32, 3, {4, 4, 16}},
		{"Update", DBUS_TYPE_INT32, 6, {UINT32_MAX, 0, 1, 1, 4, BGRX}},
		{"Update", DBUS_TYPE_INT32, 6, {0, 0, UINT32_MAX, 1, 4, BGRX}},
		{"Update", DBUS_TYPE_INT32, 6, {0x7fffffff, 0x7fffffff, 1, 1, 4, BGRX}},
		{"Update", DBUS_TYPE_INT32, 6, {0, 0, 100, 100, 4, BGRX}},
		{"CursorDefine", DBUS_TYPE_INT32, 4, {600, 600, 0, 0}},
		{"CursorDefine", DBUS_TYPE_INT32, 4, {64, 64, 0, 0}},
		{"CursorDefine", DBUS_TYPE_INT32, 4, {UINT32_MAX, 1, 0, 0}},
		{"Nothing", DBUS_TYPE_INT32, 0, {0}},
	};
	static const uint8_t bytes[64];

	screen_watch(&viewer, true);
	turns();
	tell_scanout(0, 300, 200, 0x777777);
	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		tell(0, nonsense[i].member, nonsense[i].type, nonsense[i].numbers,
		     nonsense[i].count, bytes, sizeof(bytes));
		ck_assert_msg(errors == i + 1, "%zu was taken", i);
	}
	ck_assert_uint_eq(screen_desktop(screen)->width, 300);
	ck_assert_uint_eq(pixel_at(0, 0), 0x777777);
	/* A format that is not known is one that is not shown. */
	tell(0, "Scanout", DBUS_TYPE_UINT32, (const uint32_t[]){4, 4, 16, 7}, 4, bytes,
	     sizeof(bytes));
	ck_assert_uint_eq(errors, ARRAY_SIZE(nonsense));
	ck_assert_uint_eq(screen_desktop(screen)->width, 4);
}
END_TEST

START_TEST(cursors)
{
	uint32_t pixels[4] = {0xff010203, 0, 0, 0};
	const uint32_t define[] = {2, 2, 1, 0}, place[] = {50, 60, 1};

	screen_watch(&viewer, true);
	turns();
	tell_scanout(0, 300, 200, 0);
	tell(0, "CursorDefine", DBUS_TYPE_INT32, define, 4, pixels, sizeof(pixels));
	tell(0, "MouseSet", DBUS_TYPE_INT32, place, 3, NULL, 0);
	ck_assert_uint_eq(errors, 0);
	ck_assert(screen_cursor(screen)->visible);
	ck_assert_uint_eq(screen_cursor(screen)->width, 2);
	ck_assert_uint_eq(screen_cursor(screen)->pixels[0], 0xff010203);
	/* It says the corner, we say the hot spot. */
	ck_assert_int_eq(screen_cursor(screen)->x, 51);
	ck_assert_int_eq(screen_cursor(screen)->y, 60);
}
END_TEST

START_TEST(a_second_monitor_comes_and_goes)
{
	struct source *source = screen_source(screen);
	const struct rectangle size = {.width = 800, .height = 600};

	screen_watch(&viewer, true);
	turns();
	tell_scanout(0, 300, 200, 0x111111);
	source->ops->set_mode(source, 1, true, &size, 0, 0);
	expect_calls("SetUIInfo2 800 600;");
	ck_assert_ptr_nonnull(listener[1]);
	tell_scanout(1, 800, 600, 0x222222);
	ck_assert_uint_eq(screen_desktop(screen)->width, 1100);
	ck_assert_uint_eq(pixel_at(300, 0), 0x222222);
	/* One tablet for both: half of the desktop is half of each. */
	screen_pointer(&viewer, 550, 300, 0);
	expect_calls("SetAbsPosition2 400 300;");
	source->ops->set_mode(source, 1, false, &size, 0, 0);
	expect_calls("SetUIInfo2 0 0;");
	uv_run(&loop, UV_RUN_NOWAIT);
	turns();
	ck_assert_uint_eq(screen_desktop(screen)->width, 300);
}
END_TEST

/* The second; on a busy machine it may have come. */
static void await_registration_anew(void)
{
	while (registrations < 2)
		uv_run(&loop, UV_RUN_ONCE);
	turns();
}

START_TEST(a_size_that_overtakes_the_first_picture_counts)
{
	screen_watch(&viewer, true);
	turns();
	tell_size(0, 720, 400);
	tell_picture(0, 640, 480, 0x111111);
	/* QEMU would say nothing more: it is listened to anew. */
	await_registration_anew();
	tell_picture(0, 720, 400, 0x222222);
	ck_assert_uint_eq(screen_desktop(screen)->width, 720);
	ck_assert_uint_eq(pixel_at(719, 399), 0x222222);
}
END_TEST

/* One that tells wrong sizes is believed, the second time, to show what it shows. */
START_TEST(a_size_that_is_never_drawn_is_doubted_once)
{
	screen_watch(&viewer, true);
	turns();
	tell_picture(0, 300, 200, 0x111111);
	await_registration_anew();
	tell_picture(0, 300, 200, 0x222222);
	while (!screen_is_current(screen))
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(registrations, 2);
	ck_assert_uint_eq(screen_desktop(screen)->width, 300);
}
END_TEST

START_TEST(input)
{
	screen_watch(&viewer, true);
	turns();
	tell_scanout(0, 300, 200, 0);
	screen_key(&viewer, KEY_A, true);
	screen_key(&viewer, KEY_A, false);
	screen_key(&viewer, KEY_RIGHTALT, true);
	screen_key(&viewer, KEY_MICMUTE, true);
	ck_assert(screen_is_behind(screen));
	expect_calls("Press 30 0;Release 30 0;Press 184 0;");
	ck_assert(!screen_is_behind(screen));
	screen_pointer(&viewer, 299, 100, 4);
	screen_pointer(&viewer, 299, 100, 0);
	expect_calls("SetAbsPosition 299 100;Press 2 0;SetAbsPosition 299 100;Release 2 0;");
	screen_wheel(&viewer, 0, -2);
	expect_calls("Press 4 0;Release 4 0;Press 4 0;Release 4 0;");
}
END_TEST

START_TEST(the_end)
{
	screen_watch(&viewer, true);
	turns();
	tell_scanout(0, 300, 200, 0);
	/* Of a listener alone: the picture stays. */
	bus_peer_free(listener[0]);
	listener[0] = NULL;
	turns();
	ck_assert(!gone);
	ck_assert_uint_eq(screen_desktop(screen)->width, 300);
	/* And it is listened to again. */
	while (!listener[0])
		uv_run(&loop, UV_RUN_ONCE);
	turns();
	tell_scanout(0, 310, 200, 0);
	ck_assert_uint_eq(screen_desktop(screen)->width, 310);
	bus_peer_free(bus);
	bus = NULL;
	turns();
	ck_assert(gone);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("qemu source");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 20);
	tcase_add_test(tests, graphic_consoles_are_heads);
	tcase_add_test(tests, updates_are_copied_where_they_are);
	tcase_add_test(tests, a_size_that_overtakes_the_first_picture_counts);
	tcase_add_test(tests, a_size_that_is_never_drawn_is_doubted_once);
	tcase_add_test(tests, nonsense_is_refused);
	tcase_add_test(tests, cursors);
	tcase_add_test(tests, a_second_monitor_comes_and_goes);
	tcase_add_test(tests, input);
	tcase_add_test(tests, the_end);
	return suite_run_case("qemu source", tests);
}
