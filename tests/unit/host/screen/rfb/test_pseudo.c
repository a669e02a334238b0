/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a viewer is sent beside pixels: cursors, LEDs, the name. */
#include "talk.h"

#include "host/screen/rfb/encodings.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/input-event-codes.h>

static struct talk *talk;

static void setup(void)
{
	talk = talk_begin();
}

static void teardown(void)
{
	talk_free(talk);
}

static void set_cursor(bool visible, uint32_t pixel)
{
	uint32_t pixels[9 * 2];
	struct desktop_cursor cursor = {
		.visible = visible,
		.width = 9,
		.height = 2,
		.hot_x = 3,
		.hot_y = 1,
		.pixels = pixels,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(pixels); i++)
		pixels[i] = htole32(i % 9 == 8 ? 0 : pixel);
	screen_set_cursor(talk->screen, 0, &cursor);
}

START_TEST(test_cursor)
{
	struct rectangle place;
	uint32_t colour;

	talk_encodings(talk, RFB_RAW, RFB_CURSOR, NO_MORE);
	talk_request(talk, true);
	talk_hear_pixels(talk, &colour); /* the guest has no cursor */
	talk_request(talk, true);
	set_cursor(true, 0x80402010); /* half transparent: twice as light without */
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	place = talk_hear_header(talk, RFB_CURSOR);
	ck_assert(place.x == 3 && place.y == 1 && place.width == 9 && place.height == 2);
	talk_hear(talk, 9 * 2 * 4);
	ck_assert_uint_eq(load_le32(talk->bytes), 0x7f3f1f);
	ck_assert_uint_eq(load_le32(talk->bytes + 32), 0);
	ck_assert_mem_eq(talk_hear(talk, 4), "\xff\0\xff\0", 4);
	talk_request(talk, true);
	set_cursor(false, 0);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	place = talk_hear_header(talk, RFB_CURSOR);
	ck_assert(place.width == 0 && place.height == 0);
}
END_TEST

START_TEST(test_alpha_cursor)
{
	unsigned int count;
	uint32_t colour;

	set_cursor(true, 0x80402010);
	talk_encodings(talk, RFB_RAW, RFB_CURSOR, RFB_ALPHA_CURSOR, RFB_POINTER_POSITION, NO_MORE);
	talk_request(talk, true);
	count = talk_hear_update(talk);
	talk_hear_header(talk, RFB_ALPHA_CURSOR);
	ck_assert_mem_eq(talk_hear(talk, 4 + 9 * 2 * 4), "\0\0\0\0\x40\x20\x10\x80", 8);
	ck_assert_uint_eq(talk_hear_raw(talk, count - 1, &colour), 320 * 200);
	talk_request(talk, true);
	{
		struct desktop_cursor moved = *screen_cursor(talk->screen);
		struct rectangle place;

		moved.x = 33;
		moved.y = 900;
		screen_set_cursor(talk->screen, 0, &moved);
		ck_assert_uint_eq(talk_hear_update(talk), 1);
		place = talk_hear_header(talk, RFB_POINTER_POSITION);
		ck_assert_uint_eq(place.x, 33);
		ck_assert_uint_eq(place.y, 199);
		/* Where it has put it itself it need not be told. */
		SAY(talk, 5, 0, 0, 9, 0, 9);
		talk_request(talk, true);
		talk_run(talk, 10);
		moved.x = 9;
		screen_set_cursor(talk->screen, 0, &moved);
		talk_hear_nothing(talk);
	}
}
END_TEST

/* Every pixel of an update that has but whole rows of tiles. */
static void hear_picture(uint32_t *picture)
{
	unsigned int count = talk_hear_update(talk);

	for (unsigned int i = 0; i < count; i++) {
		struct rectangle place = talk_hear_header(talk, RFB_RAW);
		const uint8_t *bytes = talk_hear(talk, (size_t)place.width * place.height * 4);

		for (uint32_t at = 0; at < place.width * place.height; at++)
			picture[(place.y + at / place.width) * 320 + place.x + at % place.width] =
				load_le32(bytes + at * 4UL);
	}
}

static size_t pixels_that_are(const uint32_t *picture, uint32_t colour)
{
	size_t count = 0;

	for (size_t i = 0; i < 320UL * 200; i++)
		count += picture[i] == colour;
	return count;
}

/* A viewer that cannot show a cursor sees it in the picture, where it is and nowhere else. */
START_TEST(test_painted_cursor)
{
	static uint32_t picture[320 * 200];
	struct desktop_cursor moved;

	talk_paint(talk, 0x204060);
	set_cursor(true, 0x80402010); /* hot spot at 3, 1 of 9 x 2, the last column clear */
	talk_request(talk, true);
	hear_picture(picture);
	/* The spot is at 0, 0: three columns and a row of it are outside. */
	ck_assert_uint_eq(picture[0], 0x4f3f3f);
	ck_assert_uint_eq(pixels_that_are(picture, 0x4f3f3f), 5);
	ck_assert_uint_eq(pixels_that_are(picture, 0x204060), 320 * 200 - 5);
	talk_request(talk, true);
	moved = *screen_cursor(talk->screen);
	moved.x = 318;
	moved.y = 100;
	screen_set_cursor(talk->screen, 0, &moved);
	hear_picture(picture);
	ck_assert_uint_eq(picture[0], 0x204060);
	ck_assert_uint_eq(picture[100 * 320 + 318], 0x4f3f3f);
	ck_assert_uint_eq(pixels_that_are(picture, 0x4f3f3f), 10);
	/* What is below it changes, it stays. */
	talk_request(talk, true);
	talk_paint(talk, 0);
	hear_picture(picture);
	ck_assert_uint_eq(picture[100 * 320 + 318], 0x402010);
	ck_assert_uint_eq(pixels_that_are(picture, 0x402010), 10);
	talk_request(talk, true);
	set_cursor(false, 0);
	hear_picture(picture);
	ck_assert_uint_eq(pixels_that_are(picture, 0), 320 * 200);
	/* It learns to show one. */
	talk_request(talk, true);
	set_cursor(true, 0xff000001);
	hear_picture(picture);
	ck_assert_uint_eq(pixels_that_are(picture, 1), 5);
	talk_request(talk, true);
	talk_encodings(talk, RFB_RAW, RFB_CURSOR, NO_MORE);
	ck_assert_uint_eq(talk_hear_update(talk), 2);
	talk_hear_header(talk, RFB_CURSOR);
	talk_hear(talk, 9 * 2 * 4 + 4);
	{
		struct rectangle place = talk_hear_header(talk, RFB_RAW);

		ck_assert(place.x == 0 && place.y == 0 && place.width == 16 && place.height == 16);
		ck_assert_uint_eq(load_le32(talk_hear(talk, 16UL * 16 * 4)), 0);
	}
}
END_TEST

START_TEST(test_leds_name_keys)
{
	uint32_t colour;

	screen_set_leds(talk->screen, 1U << LED_CAPSL | 1U << LED_NUML);
	talk_encodings(talk, RFB_RAW, RFB_QEMU_LEDS, RFB_VMWARE_LEDS, RFB_DESKTOP_NAME,
		       RFB_QEMU_KEYS, RFB_QEMU_MOTION, RFB_MOUSE_BUTTONS, RFB_LAST_RECT, NO_MORE);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_update(talk), 0xffff);
	talk_hear_header(talk, RFB_QEMU_LEDS);
	ck_assert_uint_eq(*talk_hear(talk, 1), 6);
	talk_hear_header(talk, RFB_VMWARE_LEDS);
	ck_assert_uint_eq(talk_be32(talk_hear(talk, 4)), 6);
	talk_hear_header(talk, RFB_DESKTOP_NAME);
	ck_assert_mem_eq(talk_hear(talk, 9), "\0\0\0\5cabin", 9);
	talk_hear_header(talk, RFB_QEMU_KEYS);
	ck_assert_uint_eq(talk_hear_header(talk, RFB_QEMU_MOTION).x, 1);
	talk_hear_header(talk, RFB_MOUSE_BUTTONS);
	for (size_t pixels = 0; pixels < 320 * 200;)
		pixels += talk_hear_raw(talk, 1, &colour);
	talk_hear_header(talk, RFB_LAST_RECT);
	talk_request(talk, true);
	talk_hear_nothing(talk);
	screen_set_leds(talk->screen, 1U << LED_SCROLLL);
	ck_assert_uint_eq(talk_hear_update(talk), 2);
	talk_hear_header(talk, RFB_QEMU_LEDS);
	ck_assert_uint_eq(*talk_hear(talk, 1), 1);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("pseudo");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_cursor);
	tcase_add_test(tests, test_alpha_cursor);
	tcase_add_test(tests, test_painted_cursor);
	tcase_add_test(tests, test_leds_name_keys);
	return suite_run_case("pseudo", tests);
}
