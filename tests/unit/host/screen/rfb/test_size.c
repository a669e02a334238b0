/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sizes of screens: told to a viewer, and wished for by it. */
#include "talk.h"

#include "host/screen/rfb/encodings.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <unistd.h>

static struct talk *talk;

static void setup(void)
{
	talk = talk_begin();
}

static void teardown(void)
{
	talk_free(talk);
}

static struct rectangle hear_screens(unsigned int count, struct rectangle *screens)
{
	struct rectangle size = talk_hear_header(talk, RFB_EXTENDED_DESKTOP_SIZE);

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

	talk_encodings(talk, RFB_RAW, RFB_EXTENDED_DESKTOP_SIZE, NO_MORE);
	talk_request(talk, false);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(1, screens);
	ck_assert_uint_eq(size.x, 0);
	ck_assert_uint_eq(size.width, 320);
	ck_assert_uint_eq(screens[0].height, 200);
	/* Pixels may not be in the same update; but nobody has to ask twice. */
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);
	talk_hear_nothing(talk);
	/* Who asks for everything is told the size again. */
	talk_request(talk, false);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	hear_screens(1, screens);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 320 * 200);

	screen_head_changed(talk->screen, 1, 64, 100);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = hear_screens(2, screens);
	ck_assert_uint_eq(size.x, 0);
	ck_assert_uint_eq(size.width, 384);
	ck_assert_uint_eq(screens[1].x, 320);
	ck_assert_uint_eq(screens[1].height, 100);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_pixels(talk, &colour), 384 * 200);
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

	talk_encodings(talk, RFB_RAW, RFB_EXTENDED_DESKTOP_SIZE, NO_MORE);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	hear_screens(1, screens);
	talk_hear_pixels(talk, &colour);
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
	talk_hear_pixels(talk, &colour);
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
	talk_hear_pixels(talk, &colour);
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
	talk_connect(talk, &talk_open_to_all);
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

	talk_encodings(talk, RFB_RAW, RFB_DESKTOP_SIZE, NO_MORE);
	talk_request(talk, true);
	talk_hear_pixels(talk, &colour);
	screen_head_changed(talk->screen, 0, 100, 90);
	talk_request(talk, true);
	ck_assert_uint_eq(talk_hear_update(talk), 1);
	size = talk_hear_header(talk, RFB_DESKTOP_SIZE);
	ck_assert_uint_eq(size.width, 100);
	ck_assert_uint_eq(size.height, 90);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("size");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_extended_size);
	tcase_add_test(tests, test_wish);
	tcase_add_test(tests, test_wish_unasked);
	tcase_add_test(tests, test_wishes);
	tcase_add_test(tests, test_wish_unheard);
	tcase_add_test(tests, test_wish_refused);
	tcase_add_test(tests, test_several_screens);
	tcase_add_test(tests, test_plain_size);
	return suite_run_case("size", tests);
}
