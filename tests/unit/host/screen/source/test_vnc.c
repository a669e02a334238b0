/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The VNC source in front of a server that is ours: what it asks, what it makes of answers that
 * come whole or byte by byte, and of nonsense. tests/e2e/display/qemu has a real one. */
#include "tests/unit/host/screen/source/played_vnc.h"

#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <endian.h>
#include <linux/input-event-codes.h>
#include <string.h>
#include <sys/socket.h>

static struct played_vnc vnc;

static void setup(void)
{
	played_vnc_open(&vnc);
}

static void teardown(void)
{
	played_vnc_close(&vnc);
}

static uint32_t pixel_at(uint32_t x, uint32_t y)
{
	const struct desktop *desktop = screen_desktop(vnc.screen);

	ck_assert(x < desktop->width && y < desktop->height);
	return load_le32(desktop->pixels + y * desktop->stride + x * 4UL) & 0xffffff;
}

static void watch(void)
{
	uint8_t both[sizeof(played_vnc_full_request) + sizeof(played_vnc_nudge)];

	memcpy(both, played_vnc_full_request, sizeof(played_vnc_full_request));
	memcpy(both + sizeof(played_vnc_full_request), played_vnc_nudge, sizeof(played_vnc_nudge));
	screen_watch(&vnc.viewer, true);
	played_vnc_expect(&vnc, both, sizeof(both));
}

static void expect_request(void)
{
	EXPECT(&vnc, 3, 1, 0, 0, 0, 0, 0, WIDTH, 0, HEIGHT);
}

START_TEST(pictures_come_while_somebody_looks)
{
	struct wire wire = {0};

	vnc.by_bytes = _i == 1;
	played_vnc_begin(&vnc);
	ck_assert_str_eq(screen_source_name(vnc.screen), "vnc");
	ck_assert_uint_eq(screen_desktop(vnc.screen)->width, WIDTH);
	played_vnc_expect_nothing(&vnc);
	watch();
	ck_assert(!screen_is_current(vnc.screen));
	played_vnc_say_picture(&vnc, 0x11);
	ck_assert(screen_is_current(vnc.screen));
	ck_assert_uint_eq(pixel_at(WIDTH - 1, HEIGHT - 1), 0x111111);
	expect_request();
	played_vnc_put_update(&wire, 2);
	played_vnc_put_pixels(&wire, 3, 1, 2, 2, 0x22);
	played_vnc_put_pixels(&wire, 0, 0, 1, 1, 0x33);
	vnc.damages = 0;
	played_vnc_say_wire(&vnc, &wire);
	ck_assert_uint_eq(vnc.damages, 2);
	ck_assert_uint_eq(vnc.damaged.width, 1);
	ck_assert_uint_eq(pixel_at(3, 1), 0x222222);
	ck_assert_uint_eq(pixel_at(4, 2), 0x222222);
	ck_assert_uint_eq(pixel_at(5, 2), 0x111111);
	ck_assert_uint_eq(pixel_at(0, 0), 0x333333);
	expect_request();
	screen_watch(&vnc.viewer, false);
	played_vnc_expect_nothing(&vnc);
	/* One may be on its way. */
	played_vnc_say_picture(&vnc, 0x44);
	played_vnc_expect_nothing(&vnc);
}
END_TEST

START_TEST(who_looks_before_the_beginning_is_served)
{
	screen_watch(&vnc.viewer, true);
	played_vnc_expect_nothing(&vnc);
	played_vnc_begin(&vnc);
	played_vnc_say_picture(&vnc, 0x11);
	ck_assert_uint_eq(screen_heads(vnc.screen), 1);
	ck_assert(screen_is_current(vnc.screen));
}
END_TEST

START_TEST(sizes_go_both_ways)
{
	static const uint8_t wanted[] = {251, 0, 0, 200, 0, 100, 1, 0,	 0, 0, 0, 0,
					 0,   0, 0, 0,	 0, 200, 0, 100, 0, 0, 0, 0};
	const struct rectangle place = {.width = 200, .height = 100};
	struct source *source;

	played_vnc_begin(&vnc);
	source = screen_source(vnc.screen);
	/* Not before it has said that it takes them. */
	source->ops->set_mode(source, 0, true, &place, 0, 0);
	played_vnc_expect_nothing(&vnc);
	played_vnc_say_size(&vnc, 0, 0, WIDTH, HEIGHT);
	source->ops->set_mode(source, 0, true, &place, 0, 0);
	played_vnc_expect(&vnc, wanted, sizeof(wanted));
	/* Forwarded: nothing has changed. */
	played_vnc_say_size(&vnc, 1, 4, 40, 40);
	ck_assert_uint_eq(screen_desktop(vnc.screen)->width, WIDTH);
	played_vnc_say_size(&vnc, 0, 0, 200, 100);
	ck_assert_uint_eq(screen_desktop(vnc.screen)->width, 200);
	/* An old server rounds up. */
	played_vnc_say_size(&vnc, 0, 0, 208, 100);
	ck_assert_uint_eq(screen_desktop(vnc.screen)->width, 200);
	played_vnc_say_size(&vnc, 0, 0, 208, 101);
	ck_assert_uint_eq(screen_desktop(vnc.screen)->width, 208);
	source->ops->set_mode(source, 1, true, &place, 0, 0);
	played_vnc_expect_nothing(&vnc);
}
END_TEST

START_TEST(a_monitor_is_unplugged_and_plugged_in)
{
	const struct rectangle place = {.width = WIDTH, .height = HEIGHT};
	struct source *source;
	uint8_t heard[256];

	played_vnc_begin(&vnc);
	source = screen_source(vnc.screen);
	played_vnc_say_size(&vnc, 0, 0, WIDTH, HEIGHT);
	source->ops->set_mode(source, 0, false, &place, 0, 0);
	ck_assert_uint_eq(played_vnc_hear(&vnc, heard, sizeof(heard)), 24);
	ck_assert_uint_eq(load_be16(heard + 2), 0);
	played_vnc_turn(&vnc);
	ck_assert_uint_eq(screen_desktop(vnc.screen)->width, 0);
	source->ops->set_mode(source, 0, true, &place, 0, 0);
	ck_assert_uint_eq(played_vnc_hear(&vnc, heard, sizeof(heard)), 24);
	ck_assert_uint_eq(screen_desktop(vnc.screen)->width, WIDTH);
}
END_TEST

START_TEST(cursors_are_shown)
{
	const struct desktop_cursor *cursor = screen_cursor(vnc.screen);
	struct wire wire = {0};

	vnc.by_bytes = _i == 1;
	played_vnc_begin(&vnc);
	screen_pointer(&vnc.viewer, 5, 3, 0);
	/* 9 x 1 with a mask of 2 bytes a row: the first and the last pixel. */
	played_vnc_put_update(&wire, 1);
	played_vnc_put_rectangle(&wire, 2, 0, 9, 1, RFB_CURSOR);
	for (uint32_t i = 0; i < 9; i++)
		wire_put32(&wire, 0x10203000);
	wire_put16(&wire, 0x8080);
	played_vnc_say_wire(&vnc, &wire);
	ck_assert(cursor->visible);
	ck_assert_uint_eq(cursor->width, 9);
	ck_assert_uint_eq(cursor->hot_x, 2);
	ck_assert_int_eq(cursor->x, 5);
	ck_assert_uint_eq(le32toh(cursor->pixels[0]), 0xff302010);
	ck_assert_uint_eq(le32toh(cursor->pixels[1]), 0);
	ck_assert_uint_eq(le32toh(cursor->pixels[8]), 0xff302010);
	screen_pointer(&vnc.viewer, 6, 3, 0);
	ck_assert_int_eq(cursor->x, 6);

	played_vnc_put_update(&wire, 1);
	played_vnc_put_rectangle(&wire, 9, 0, 1, 1, RFB_ALPHA_CURSOR);
	wire_put32(&wire, 0);
	wire_put32(&wire, 0x01020380);
	played_vnc_say_wire(&vnc, &wire);
	ck_assert_uint_eq(le32toh(cursor->pixels[0]), 0x80030201);
	ck_assert_uint_eq(cursor->hot_x, 0);
	/* Nothing that could be seen. */
	played_vnc_put_update(&wire, 1);
	played_vnc_put_rectangle(&wire, 0, 0, 1, 1, RFB_ALPHA_CURSOR);
	wire_put32(&wire, 0);
	wire_put32(&wire, 0);
	played_vnc_say_wire(&vnc, &wire);
	ck_assert(!cursor->visible);
}
END_TEST

START_TEST(lights_are_told)
{
	struct wire wire = {0};

	played_vnc_begin(&vnc);
	played_vnc_put_update(&wire, 1);
	played_vnc_put_rectangle(&wire, 0, 0, 1, 1, RFB_QEMU_LEDS);
	wire_put8(&wire, 6);
	played_vnc_say_wire(&vnc, &wire);
	ck_assert_uint_eq(screen_leds(vnc.screen), 1U << LED_NUML | 1U << LED_CAPSL);
}
END_TEST

START_TEST(other_messages_are_read_past)
{
	struct wire wire = {0};

	vnc.by_bytes = _i == 1;
	played_vnc_begin(&vnc);
	watch();
	wire_put8(&wire, 2);			   /* bell */
	wire_put(&wire, "\1\0\0\0\0\1colour", 12); /* one colour */
	wire_put(&wire, "\3\0\0\0\0\0\0\5Gruss", 13);
	wire_put(&wire, "\3\0\0\0\0\0\0\0", 8);
	played_vnc_put_update(&wire, 0);
	played_vnc_say_wire(&vnc, &wire);
	played_vnc_say_picture(&vnc, 0x11);
	ck_assert_uint_eq(pixel_at(0, 0), 0x111111);
}
END_TEST

START_TEST(what_is_outside_is_left_out)
{
	struct wire wire = {0};

	played_vnc_begin(&vnc);
	watch();
	played_vnc_put_update(&wire, 3);
	played_vnc_put_pixels(&wire, WIDTH - 1, HEIGHT - 1, 2, 2, 0x11);
	played_vnc_put_pixels(&wire, 60000, 60000, 1, 1, 0x22);
	played_vnc_put_pixels(&wire, 0, 0, 0, 7, 0x33);
	played_vnc_say_wire(&vnc, &wire);
	ck_assert(!vnc.gone);
	ck_assert_uint_eq(pixel_at(WIDTH - 1, HEIGHT - 1), 0x111111);
}
END_TEST

START_TEST(nonsense_ends_it)
{
	static const struct {
		uint32_t width, height;
		int32_t encoding;
	} nonsense[] = {
		{1, 1, 7},
		{16385, 1, 0},
		{1, 16385, 0},
		{513, 1, RFB_CURSOR},
		{1, 513, RFB_ALPHA_CURSOR},
		{16385, 1, RFB_EXTENDED_DESKTOP_SIZE},
		{1, 16385, RFB_DESKTOP_SIZE},
	};
	struct wire wire = {0};

	played_vnc_begin(&vnc);
	played_vnc_put_update(&wire, 1);
	played_vnc_put_rectangle(&wire, 0, 0, nonsense[_i].width, nonsense[_i].height,
				 nonsense[_i].encoding);
	wire_put32(&wire, 0);
	played_vnc_say_wire(&vnc, &wire);
	ck_assert(vnc.gone);
}
END_TEST

START_TEST(strange_beginnings_end_it)
{
	static const char *const beginnings[] = {"RFB 003.003\n", "HTTP/1.1 200",
						 "RFB 003.008\n\1\2", "RFB 003.008\n\1\1\1\1\1\1"};

	played_vnc_say(&vnc, beginnings[_i], strlen(beginnings[_i]));
	ck_assert(vnc.gone);
}
END_TEST

START_TEST(a_message_that_nobody_knows_ends_it)
{
	played_vnc_begin(&vnc);
	played_vnc_say(&vnc, "\x55", 1);
	ck_assert(vnc.gone);
}
END_TEST

START_TEST(the_end_of_the_server_is_the_end)
{
	int error = 1;

	played_vnc_begin(&vnc);
	shutdown(vnc.fd, SHUT_RDWR);
	played_vnc_turn(&vnc);
	ck_assert(vnc.gone);
	ck_assert(screen_ended(vnc.screen, &error));
	ck_assert_int_eq(error, 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("source/vnc");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, pictures_come_while_somebody_looks, 0, 2);
	tcase_add_test(tests, who_looks_before_the_beginning_is_served);
	tcase_add_test(tests, sizes_go_both_ways);
	tcase_add_test(tests, a_monitor_is_unplugged_and_plugged_in);
	tcase_add_loop_test(tests, cursors_are_shown, 0, 2);
	tcase_add_test(tests, lights_are_told);
	tcase_add_loop_test(tests, other_messages_are_read_past, 0, 2);
	tcase_add_test(tests, what_is_outside_is_left_out);
	tcase_add_loop_test(tests, nonsense_ends_it, 0, 7);
	tcase_add_loop_test(tests, strange_beginnings_end_it, 0, 4);
	tcase_add_test(tests, a_message_that_nobody_knows_ends_it);
	tcase_add_test(tests, the_end_of_the_server_is_the_end);
	return suite_run_case("source/vnc", tests);
}
