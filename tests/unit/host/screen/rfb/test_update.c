/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a viewer is sent of the picture, and when. */
#include "talk.h"

#include "host/screen/rfb/encodings.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>

static struct talk *talk;

static void setup(void)
{
	talk = talk_begin();
}

static void teardown(void)
{
	talk_free(talk);
}

START_TEST(test_pixels)
{
	uint32_t colour;

	talk_hear_nothing(talk); /* it has not asked */
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
	ck_assert_uint_eq(colour, 0x102030);
	talk_request(talk, true);
	talk_hear_nothing(talk); /* nothing has changed */
	talk_paint(talk, 0x102030);
	talk_hear_nothing(talk); /* as it was */
	talk_paint(talk, 0x405060);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
	ck_assert_uint_eq(colour, 0x405060);
	talk_paint(talk, 0x708090);
	talk_hear_nothing(talk); /* it has not asked again */
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
	talk_request(talk, false);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
	ck_assert_uint_eq(colour, 0x708090);
}
END_TEST

START_TEST(test_part)
{
	uint32_t colour;

	SAY(talk, 3, 0, 0, 17, 0, 18, 0, 10, 0, 10);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 16 * 16);
	SAY(talk, 3, 0, 0xff, 0xff, 0xff, 0xff, 0, 10, 0, 10);
	talk_hear_nothing(talk);
}
END_TEST

/* A viewer that knows of no sizes keeps its own: cut, or black. */
START_TEST(test_no_size)
{
	uint32_t colour;

	talk_request(talk, true);
	talk_hear_pixels(talk, &colour);
	screen_head_changed(talk->screen, 0, 100, 90);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
	ck_assert_uint_eq(colour, 0);
	screen_head_changed(talk->screen, 0, 1000, 900);
	talk_paint(talk, 0x112233);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
	ck_assert_uint_eq(colour, 0x112233);
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
	talk_encodings(talk, RFB_RAW, RFB_COPY_RECT, NO_MORE);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
	talk_request(talk, true);
	paint_lines(16);
	count = talk_hear_update(talk);
	{
		struct rectangle to = talk_hear_header(talk, RFB_COPY_RECT);

		ck_assert(to.x == 0 && to.y == 0 && to.width == 320 && to.height == 176);
		ck_assert_mem_eq(talk_hear(talk, 4), "\0\0\0\20", 4);
	}
	ck_assert_uint_eq(talk_hear_raw(talk, count - 1, &colour), 320 * 24);
	ck_assert_uint_eq(colour, ((176 + 16) * 320 * 0x9e3779b1U) >> 8);
	talk_request(talk, true);
	paint_lines(0);
	count = talk_hear_update(talk);
	ck_assert_uint_eq(talk_hear_header(talk, RFB_COPY_RECT).y, 16);
	ck_assert_mem_eq(talk_hear(talk, 4), "\0\0\0\0", 4);
	talk_hear_raw(talk, count - 1, &colour);
	talk_encodings(talk, RFB_RAW, NO_MORE);
	talk_request(talk, true);
	paint_lines(16);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
}
END_TEST

START_TEST(test_watch)
{
	uint32_t colour;

	ck_assert(!talk->watching);
	talk_request(talk, true);
	talk_hear_pixels(talk, &colour);
	ck_assert(talk->watching);
	talk_run(talk, 2100);
	ck_assert(talk->watching);
	talk_paint(talk, 5); /* nobody takes it */
	ck_assert(!talk->watching);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
	ck_assert_uint_eq(colour, 5);
	ck_assert(talk->watching);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("update");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_pixels);
	tcase_add_test(tests, test_part);
	tcase_add_test(tests, test_no_size);
	tcase_add_test(tests, test_scrolled);
	tcase_add_test(tests, test_watch);
	return suite_run_case("update", tests);
}
