/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a viewer is sent, and when: pixels, sizes, cursors, LEDs; flow. */
#include "talk.h"

#include "protocol/base/bytes.h"

#include <check.h>
#include <linux/input-event-codes.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RAW = 0,
	COPY_RECT = 1,
	DESKTOP_SIZE = -223,
	LAST_RECT = -224,
	POINTER_POSITION = -232,
	CURSOR = -239,
	QEMU_MOTION = -257,
	QEMU_KEYS = -258,
	QEMU_LEDS = -261,
	DESKTOP_NAME = -307,
	EXTENDED_SIZE = -308,
	FENCE = -312,
	CONTINUOUS = -313,
	ALPHA_CURSOR = -314,
	MOUSE_BUTTONS = -316,
	VMWARE_LEDS = 0x574d5668,
};

static struct talk *talk;
static const struct rfb_options open_to_all = {0};

static void setup(void)
{
	talk = talk_new(320, 200);
	ck_assert_int_eq(talk_connect(talk, &open_to_all), 0);
	talk_enter(talk);
}

static void teardown(void)
{
	talk_free(talk);
}

/* An update of raw pixels only. Return: how many pixels; *@colour: of the first. */
static size_t hear_raw(unsigned int count, uint32_t *colour)
{
	size_t pixels = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct rectangle place = talk_hear_header(talk, RAW);
		const uint8_t *bytes = talk_hear(talk, (size_t)place.width * place.height * 4);

		if (i == 0)
			*colour = load_le32(bytes);
		pixels += (size_t)place.width * place.height;
	}
	return pixels;
}

static size_t hear_pixels(uint32_t *colour)
{
	return hear_raw(talk_hear_update(talk), colour);
}

START_TEST(test_pixels)
{
	uint32_t colour;

	talk_hear_nothing(talk); /* it has not asked */
	talk_request(talk, true);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
	ck_assert_uint_eq(colour, 0x102030);
	talk_request(talk, true);
	talk_hear_nothing(talk); /* nothing has changed */
	talk_paint(talk, 0x102030);
	talk_hear_nothing(talk); /* as it was */
	talk_paint(talk, 0x405060);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
	ck_assert_uint_eq(colour, 0x405060);
	talk_paint(talk, 0x708090);
	talk_hear_nothing(talk); /* it has not asked again */
	talk_request(talk, true);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
	talk_request(talk, false);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
	ck_assert_uint_eq(colour, 0x708090);
}
END_TEST

START_TEST(test_part)
{
	uint32_t colour;

	SAY(talk, 3, 0, 0, 17, 0, 18, 0, 10, 0, 10);
	ck_assert_uint_eq(hear_pixels(&colour), 16 * 16);
	SAY(talk, 3, 0, 0xff, 0xff, 0xff, 0xff, 0, 10, 0, 10);
	talk_hear_nothing(talk);
}
END_TEST

static struct rectangle hear_screens(unsigned int count, struct rectangle *screens)
{
	struct rectangle size = talk_hear_header(talk, EXTENDED_SIZE);

	ck_assert_uint_eq(*talk_hear(talk, 4), count);
	for (unsigned int i = 0; i < count; i++) {
		const uint8_t *bytes = talk_hear(talk, 16);

		ck_assert_uint_eq(talk_be32(bytes), i + 1);
		screens[i] = (struct rectangle){
			(uint32_t)bytes[4] << 8 | bytes[5], (uint32_t)bytes[6] << 8 | bytes[7],
			(uint32_t)bytes[8] << 8 | bytes[9], (uint32_t)bytes[10] << 8 | bytes[11]};
	}
	return size;
}

START_TEST(test_extended_size)
{
	struct rectangle screens[2], size;
	uint32_t colour;

	talk_encodings(talk, RAW, EXTENDED_SIZE, NO_MORE);
	talk_request(talk, false);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 0);
	ck_assert_uint_eq(size.width, 320);
	ck_assert_uint_eq(screens[0].height, 200);
	/* Pixels may not be in the same update; but nobody has to ask twice. */
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
	talk_hear_nothing(talk);
	/* Who asks for everything is told the size again. */
	talk_request(talk, false);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	hear_screens(1, screens);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);

	screen_head_changed(talk->screen, 1, 64, 100);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(2, screens);
	ck_assert_uint_eq(size.x, 0);
	ck_assert_uint_eq(size.width, 384);
	ck_assert_uint_eq(screens[1].x, 320);
	ck_assert_uint_eq(screens[1].height, 100);
	talk_request(talk, true);
	ck_assert_uint_eq(hear_pixels(&colour), 384 * 200);
}
END_TEST

static void wish_for(uint8_t width_high, uint8_t width_low, uint8_t height)
{
	SAY(talk, 251, 0, width_high, width_low, 0, height, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    width_high, width_low, 0, height, 0, 0, 0, 0);
}

static void begin_sizes(void)
{
	struct rectangle screens[1];
	uint32_t colour;

	talk_encodings(talk, RAW, EXTENDED_SIZE, NO_MORE);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	hear_screens(1, screens);
	hear_pixels(&colour);
	talk_request(talk, true);
}

/* The answer comes with the change. */
START_TEST(test_wish)
{
	struct rectangle screens[1], size;
	uint32_t colour;

	begin_sizes();
	wish_for(1, 144, 150);
	talk_hear_nothing(talk);
	ck_assert_uint_eq(talk->wishes, 1);
	ck_assert(talk->wish.all && talk->wish.head[0].named && talk->wish.head[0].enabled);
	ck_assert(!talk->wish.head[1].named);
	ck_assert_uint_eq(talk->wish.head[0].width, 400);
	ck_assert_uint_eq(talk->wish.head[0].height, 150);
	screen_head_changed(talk->screen, 0, 400, 150);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 1);
	ck_assert_uint_eq(size.y, 0);
	ck_assert_uint_eq(size.width, 400);
	/* What is already so is answered at once. */
	talk_request(talk, true);
	hear_pixels(&colour);
	talk_request(talk, true);
	wish_for(1, 144, 150);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 1);
}
END_TEST

/* It also comes to a viewer that asks for nothing until it has it. */
START_TEST(test_wish_unasked)
{
	struct rectangle screens[1];
	uint32_t colour;

	begin_sizes();
	wish_for(1, 144, 150);
	talk_paint(talk, 1);
	hear_pixels(&colour);
	talk_hear_nothing(talk);
	screen_head_changed(talk->screen, 0, 400, 150);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	ck_assert_uint_eq(hear_screens(1, screens).x, 1);
	talk_hear_nothing(talk);
}
END_TEST

/* Two wishes, two answers; another size than that wished for counts a little later. */
START_TEST(test_wishes)
{
	struct rectangle screens[1], size;

	begin_sizes();
	wish_for(1, 144, 150);
	wish_for(1, 145, 150);
	talk_run(talk, 20);
	screen_head_changed(talk->screen, 0, 408, 150);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 0);
	ck_assert_uint_eq(size.width, 408);
	talk_run(talk, 350);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_update(talk), 2);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 1);
	ck_assert_uint_eq(size.y, 0);
	ck_assert_uint_eq(size.width, 408);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 1);
}
END_TEST

/* A guest that does not follow; who else looks learns whose wish it was. */
START_TEST(test_wish_unheard)
{
	struct rectangle screens[1], size;
	int first = talk->fd;

	begin_sizes();
	wish_for(1, 144, 150);
	ck_assert_uint_eq(talk_hear_update(talk), 1); /* after 2.5 s */
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 1);
	ck_assert_uint_eq(size.y, 4);
	ck_assert_uint_eq(size.width, 320);
	talk_request(talk, true);
	wish_for(1, 160, 150);
	talk_run(talk, 20);
	talk_connect(talk, &open_to_all);
	talk_enter(talk);
	begin_sizes();
	talk_run(talk, 20);
	screen_head_changed(talk->screen, 0, 416, 150);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 2);
	close(talk->fd);
	talk->fd = first;
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 1);
	ck_assert_uint_eq(size.y, 0);
}
END_TEST

static unsigned int status_of_wish(void)
{
	struct rectangle screens[1], size;

	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 1);
	talk_request(talk, true);
	return size.y;
}

START_TEST(test_wish_refused)
{
	uint8_t many[8 + 17 * 16] = {251, 0, 1, 0, 1, 0, 17};
	const struct rfb_options looking = {.view_only = true};

	begin_sizes();
	SAY(talk, 251, 0, 1, 0, 1, 0, 0, 0); /* no screen */
	ck_assert_uint_eq(status_of_wish(), 3);
	/* A screen that is not in the picture. */
	SAY(talk, 251, 0, 1, 0, 1, 0, 2, 0, /* */
	    0, 0, 0, 1, 0, 0, 0, 0, 0, 100, 0, 100, 0, 0, 0, 0, 0, 0, 0, 2, 0, 200, 0, 0, 0, 100, 0,
	    100, 0, 0, 0, 0);
	ck_assert_uint_eq(status_of_wish(), 3);
	wish_for(0, 0, 0);
	ck_assert_uint_eq(status_of_wish(), 3);
	talk_say(talk, many, sizeof(many));
	ck_assert_uint_eq(status_of_wish(), 2);
	ck_assert_uint_eq(talk->wishes, 0);
	close(talk->fd);
	talk_connect(talk, &looking);
	talk_enter(talk);
	begin_sizes();
	wish_for(1, 144, 150);
	ck_assert_uint_eq(status_of_wish(), 1);
	ck_assert_uint_eq(talk->wishes, 0);
}
END_TEST

START_TEST(test_several_screens)
{
	begin_sizes();
	SAY(talk, 251, 0, 2, 0, 1, 0, 2, 0,		    /* */
	    0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, /* number 3 */
	    0xff, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0);
	talk_run(talk, 20);
	ck_assert_uint_eq(talk->wishes, 1);
	ck_assert(talk->wish.head[2].named && talk->wish.head[2].placed);
	ck_assert(talk->wish.head[0].named && talk->wish.head[0].placed);
	ck_assert_int_eq(talk->wish.head[0].x, 256);
	ck_assert(!talk->wish.head[1].named);
	/* One alone is the one that there is, whatever it is called, wherever it is said to be. */
	SAY(talk, 251, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 7, 9, 9, 9, 9, 1, 0, 1, 0, 0, 0, 0, 0);
	talk_run(talk, 20);
	ck_assert_uint_eq(talk->wishes, 2);
	ck_assert(talk->wish.head[0].named && !talk->wish.head[0].placed);
	ck_assert_uint_eq(talk->wish.head[0].width, 256);
}
END_TEST

START_TEST(test_plain_size)
{
	struct rectangle size;
	uint32_t colour;

	talk_encodings(talk, RAW, DESKTOP_SIZE, NO_MORE);
	talk_request(talk, true);
	hear_pixels(&colour);
	screen_head_changed(talk->screen, 0, 100, 90);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = talk_hear_header(talk, DESKTOP_SIZE);
	ck_assert_uint_eq(size.width, 100);
	ck_assert_uint_eq(size.height, 90);
}
END_TEST

/* A viewer that knows of no sizes keeps its own: cut, or black. */
START_TEST(test_no_size)
{
	uint32_t colour;

	talk_request(talk, true);
	hear_pixels(&colour);
	screen_head_changed(talk->screen, 0, 100, 90);
	talk_request(talk, true);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
	ck_assert_uint_eq(colour, 0);
	screen_head_changed(talk->screen, 0, 1000, 900);
	talk_paint(talk, 0x112233);
	talk_request(talk, true);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
	ck_assert_uint_eq(colour, 0x112233);
}
END_TEST

/* --- Beside pixels -----------------------------------------------------------------------------
 */

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

	talk_encodings(talk, RAW, CURSOR, NO_MORE);
	talk_request(talk, true);
	hear_pixels(&colour); /* the guest has no cursor */
	talk_request(talk, true);
	set_cursor(true, 0x80402010); /* half transparent: twice as light without */
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	place = talk_hear_header(talk, CURSOR);
	ck_assert(place.x == 3 && place.y == 1 && place.width == 9 && place.height == 2);
	talk_hear(talk, 9 * 2 * 4);
	ck_assert_uint_eq(load_le32(talk->bytes), 0x7f3f1f);
	ck_assert_uint_eq(load_le32(talk->bytes + 32), 0);
	ck_assert_mem_eq(talk_hear(talk, 4), "\xff\0\xff\0", 4);
	talk_request(talk, true);
	set_cursor(false, 0);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	place = talk_hear_header(talk, CURSOR);
	ck_assert(place.width == 0 && place.height == 0);
}
END_TEST

START_TEST(test_alpha_cursor)
{
	unsigned int count;
	uint32_t colour;

	set_cursor(true, 0x80402010);
	talk_encodings(talk, RAW, CURSOR, ALPHA_CURSOR, POINTER_POSITION, NO_MORE);
	talk_request(talk, true);
	count = talk_hear_update(talk);
	talk_hear_header(talk, ALPHA_CURSOR);
	ck_assert_mem_eq(talk_hear(talk, 4 + 9 * 2 * 4), "\0\0\0\0\x40\x20\x10\x80", 8);
	ck_assert_uint_eq(hear_raw(count - 1, &colour), 320 * 200);
	talk_request(talk, true);
	{
		struct desktop_cursor moved = *screen_cursor(talk->screen);
		struct rectangle place;

		moved.x = 33;
		moved.y = 900;
		screen_set_cursor(talk->screen, 0, &moved);
		ck_assert_uint_eq(talk_hear_update(talk), 1);
		place = talk_hear_header(talk, POINTER_POSITION);
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
		struct rectangle place = talk_hear_header(talk, RAW);
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
	talk_encodings(talk, RAW, CURSOR, NO_MORE);
	ck_assert_uint_eq(talk_hear_update(talk), 2);
	talk_hear_header(talk, CURSOR);
	talk_hear(talk, 9 * 2 * 4 + 4);
	{
		struct rectangle place = talk_hear_header(talk, RAW);

		ck_assert(place.x == 0 && place.y == 0 && place.width == 16 && place.height == 16);
		ck_assert_uint_eq(load_le32(talk_hear(talk, 16UL * 16 * 4)), 0);
	}
}
END_TEST

/* Every pixel another, and the same @lines further down. */
static void paint_lines(uint32_t lines)
{
	struct rectangle place, all = {0, 0, 320, 200};
	size_t stride;
	uint8_t *pixels = screen_pixels(talk->screen, 0, &place, &stride);

	for (uint32_t y = 0; y < 200; y++) {
		for (uint32_t x = 0; x < 320; x++)
			store_le32(pixels + y * stride + x * 4UL,
				   ((y + lines) * 320 + x) * 0x9e3779b1U >> 8);
	}
	screen_damaged(talk->screen, 0, &all);
}

/* What was scrolled is copied, before the pixels; for viewers that can. */
START_TEST(test_scrolled)
{
	unsigned int count;
	uint32_t colour;

	paint_lines(0);
	talk_encodings(talk, RAW, COPY_RECT, NO_MORE);
	talk_request(talk, true);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
	talk_request(talk, true);
	paint_lines(16);
	count = talk_hear_update(talk);
	{
		struct rectangle to = talk_hear_header(talk, COPY_RECT);

		ck_assert(to.x == 0 && to.y == 0 && to.width == 320 && to.height == 176);
		ck_assert_mem_eq(talk_hear(talk, 4), "\0\0\0\20", 4);
	}
	ck_assert_uint_eq(hear_raw(count - 1, &colour), 320 * 24);
	ck_assert_uint_eq(colour, ((176 + 16) * 320 * 0x9e3779b1U) >> 8);
	talk_request(talk, true);
	paint_lines(0);
	count = talk_hear_update(talk);
	ck_assert_uint_eq(talk_hear_header(talk, COPY_RECT).y, 16);
	ck_assert_mem_eq(talk_hear(talk, 4), "\0\0\0\0", 4);
	hear_raw(count - 1, &colour);
	talk_encodings(talk, RAW, NO_MORE);
	talk_request(talk, true);
	paint_lines(16);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
}
END_TEST

START_TEST(test_leds_name_keys)
{
	uint32_t colour;

	screen_set_leds(talk->screen, 1U << LED_CAPSL | 1U << LED_NUML);
	talk_encodings(talk, RAW, QEMU_LEDS, VMWARE_LEDS, DESKTOP_NAME, QEMU_KEYS, QEMU_MOTION,
		       MOUSE_BUTTONS, LAST_RECT, NO_MORE);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_update(talk), 0xffff);
	talk_hear_header(talk, QEMU_LEDS);
	ck_assert_uint_eq(*talk_hear(talk, 1), 6);
	talk_hear_header(talk, VMWARE_LEDS);
	ck_assert_uint_eq(talk_be32(talk_hear(talk, 4)), 6);
	talk_hear_header(talk, DESKTOP_NAME);
	ck_assert_mem_eq(talk_hear(talk, 9), "\0\0\0\5cabin", 9);
	talk_hear_header(talk, QEMU_KEYS);
	ck_assert_uint_eq(talk_hear_header(talk, QEMU_MOTION).x, 1);
	talk_hear_header(talk, MOUSE_BUTTONS);
	for (size_t pixels = 0; pixels < 320 * 200;)
		pixels += hear_raw(1, &colour);
	talk_hear_header(talk, LAST_RECT);
	talk_request(talk, true);
	talk_hear_nothing(talk);
	screen_set_leds(talk->screen, 1U << LED_SCROLLL);
	ck_assert_uint_eq(talk_hear_update(talk), 2);
	talk_hear_header(talk, QEMU_LEDS);
	ck_assert_uint_eq(*talk_hear(talk, 1), 1);
}
END_TEST

/* --- Flow --------------------------------------------------------------------------------------
 */

START_TEST(test_fence)
{
	SAY(talk, 248, 0, 0, 0, 0x80, 0, 0xff, 7, 3, 'a', 'b', 'c');
	ck_assert_mem_eq(talk_hear(talk, 12), "\xf8\0\0\0\0\0\0\7\3abc", 12);
	talk_encodings(talk, RAW, FENCE, NO_MORE);
	ck_assert_mem_eq(talk_hear(talk, 9), "\xf8\0\0\0\x80\0\0\4\0", 9);
	SAY(talk, 248, 0, 0, 0, 0, 0, 0, 4, 0);
	talk_hear_nothing(talk);
	SAY(talk, 248, 0, 0, 0, 0x80, 0, 0, 0, 65);
	talk_hear_end(talk);
}
END_TEST

static void echo_fence(void)
{
	uint8_t answer[13];

	memcpy(answer, talk_hear(talk, 13), sizeof(answer));
	ck_assert_mem_eq(answer, "\xf8\0\0\0\x80", 5);
	answer[4] = 0;
	talk_say(talk, answer, sizeof(answer));
}

/* Updates come unasked, and stop when nothing says that they arrive. */
START_TEST(test_continuous)
{
	uint32_t colour;
	unsigned int updates = 0;

	talk_encodings(talk, RAW, FENCE, CONTINUOUS, NO_MORE);
	talk_hear(talk, 9);
	ck_assert_uint_eq(*talk_hear(talk, 1), 150);
	SAY(talk, 150, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff);
	hear_pixels(&colour);
	echo_fence();
	for (unsigned int i = 0; i < 4; i++) {
		talk_paint(talk, 0x1000 + i);
		hear_pixels(&colour);
		ck_assert_uint_eq(colour, 0x1000 + i);
		echo_fence();
	}
	for (; updates < 20; updates++) {
		ssize_t got;

		talk_paint(talk, 0x2000 + updates);
		talk_run(talk, 60);
		got = recv(talk->fd, talk->bytes, 1, MSG_PEEK);
		if (got < 0)
			break;
		hear_pixels(&colour);
		ck_assert_mem_eq(talk_hear(talk, 13), "\xf8\0\0\0\x80", 5);
	}
	ck_assert_uint_ge(updates, 2);
	ck_assert_uint_le(updates, 8);
	SAY(talk, 150, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	ck_assert_uint_eq(*talk_hear(talk, 1), 150);
	talk_paint(talk, 1);
	talk_hear_nothing(talk);
}
END_TEST

/* A viewer that reads nothing: what is kept for it is bounded, and it stops to be watched for. */
START_TEST(test_stalled)
{
	for (unsigned int i = 0; i < 200; i++) {
		talk_request(talk, false);
		talk_paint(talk, i);
		talk_run(talk, 2);
	}
	talk_run(talk, 100);
	ck_assert_ptr_nonnull(screen_viewers(talk->screen));
	{
		size_t total = 0;
		ssize_t got;

		while ((got = recv(talk->fd, talk->bytes, sizeof(talk->bytes), 0)) > 0 &&
		       total < 100U << 20) {
			total += (size_t)got;
			if (total > 8U << 20)
				break;
			talk_run(talk, 1);
		}
		/* One or two frames of 256000 bytes, and a socket's buffer. */
		ck_assert_uint_lt(total, 4U << 20);
	}
}
END_TEST

START_TEST(test_watch)
{
	uint32_t colour;

	ck_assert(!talk->watching);
	talk_request(talk, true);
	hear_pixels(&colour);
	ck_assert(talk->watching);
	talk_run(talk, 2100);
	ck_assert(talk->watching);
	talk_paint(talk, 5); /* nobody takes it */
	ck_assert(!talk->watching);
	talk_request(talk, true);
	ck_assert_uint_eq(hear_pixels(&colour), 320 * 200);
	ck_assert_uint_eq(colour, 5);
	ck_assert(talk->watching);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("update");
	TCase *tcase = tcase_create("update");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_pixels);
	tcase_add_test(tcase, test_part);
	tcase_add_test(tcase, test_extended_size);
	tcase_add_test(tcase, test_wish);
	tcase_add_test(tcase, test_wish_unasked);
	tcase_add_test(tcase, test_wishes);
	tcase_add_test(tcase, test_wish_unheard);
	tcase_add_test(tcase, test_wish_refused);
	tcase_add_test(tcase, test_several_screens);
	tcase_add_test(tcase, test_plain_size);
	tcase_add_test(tcase, test_no_size);
	tcase_add_test(tcase, test_cursor);
	tcase_add_test(tcase, test_alpha_cursor);
	tcase_add_test(tcase, test_painted_cursor);
	tcase_add_test(tcase, test_scrolled);
	tcase_add_test(tcase, test_leds_name_keys);
	tcase_add_test(tcase, test_fence);
	tcase_add_test(tcase, test_continuous);
	tcase_add_test(tcase, test_stalled);
	tcase_add_test(tcase, test_watch);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
