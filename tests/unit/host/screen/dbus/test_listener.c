/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures and cursors that go to a listener over D-Bus. */
#include "tests/unit/host/screen/dbus/viewer_world.h"

#include <sys/mman.h>

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

int main(void)
{
	TCase *tests = tcase_create("dbus_listener");

	tcase_add_checked_fixture(tests, world_setup, world_teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, pictures_go_as_bytes);
	tcase_add_test(tests, pictures_go_by_memory);
	tcase_add_test(tests, who_cannot_map_after_all_gets_bytes);
	tcase_add_test(tests, a_listener_that_stalls_gets_no_more);
	tcase_add_test(tests, a_head_that_goes_dark_is_disabled);
	tcase_add_test(tests, the_cursor_is_told);
	tcase_add_test(tests, listeners_are_bounded);
	tcase_add_test(tests, a_message_that_is_too_long_ends);
	return suite_run_case("dbus_listener", tests);
}
