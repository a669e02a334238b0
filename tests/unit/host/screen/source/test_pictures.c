/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The source of pictures in front of another end that is ours: when it asks, what it makes of
 * pictures whole or byte by byte, broken off and nonsense; which keys it has pressed. */
#include "host/screen/png_encoder.h"
#include "host/screen/source/pictures.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIDTH  5
#define HEIGHT 3

static struct {
	uv_loop_t loop;
	struct screen *screen;
	struct viewer viewer;
	unsigned int damages;
	struct rectangle damaged;
	bool gone;
	int fd; /* the other end */
} world;

static void on_changed(struct viewer *viewer)
{
	(void)viewer;
}

static void on_damaged(struct viewer *viewer, const struct rectangle *where)
{
	(void)viewer;
	world.damages++;
	world.damaged = *where;
}

static void on_close(struct viewer *viewer)
{
	(void)viewer;
	world.gone = true;
}

static const struct viewer_ops viewer_ops = {.protocol = "test",
					     .desktop_changed = on_changed,
					     .damaged = on_damaged,
					     .close = on_close};

static void turn(void)
{
	for (int i = 0; i < 6; i++)
		uv_run(&world.loop, UV_RUN_NOWAIT);
}

static void setup(void)
{
	struct source *source;
	int pair[2];

	memset(&world, 0, sizeof(world));
	world.viewer.ops = &viewer_ops;
	uv_loop_init(&world.loop);
	world.screen = screen_new(&world.loop, "vm");
	screen_set_patience(world.screen, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	world.fd = pair[0];
	ck_assert_int_eq(pictures_source_new(world.screen, pair[1], &source), 0);
	screen_set_source(world.screen, source);
	ck_assert_int_eq(screen_add_viewer(world.screen, &world.viewer), 0);
}

static void teardown(void)
{
	close(world.fd);
	screen_free(world.screen);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&world.loop), 0);
}

static void say(const void *bytes, size_t length, size_t step)
{
	for (size_t at = 0; at < length; at += step) {
		size_t some = MIN(step, length - at);

		ck_assert_int_eq(send(world.fd, (const uint8_t *)bytes + at, some, MSG_NOSIGNAL),
				 (ssize_t)some);
		turn();
	}
	turn();
}

static void say_word(uint32_t word)
{
	uint8_t bytes[4];

	store_le32(bytes, word);
	say(bytes, sizeof(bytes), 4);
}

static void say_chunk(const void *bytes, size_t length)
{
	say_word((uint32_t)length);
	say(bytes, length, length);
}

/* All of one colour but the pixel in the middle, in chunks of @chunk bytes. */
static void say_picture(uint32_t colour, uint32_t middle, size_t chunk)
{
	uint8_t bytes[64 + WIDTH * HEIGHT * 3];
	size_t length = (size_t)sprintf((char *)bytes, "P6\n%d %d\n255\n", WIDTH, HEIGHT);

	for (unsigned int i = 0; i < WIDTH * HEIGHT; i++) {
		uint32_t pixel = i == WIDTH * HEIGHT / 2 ? middle : colour;

		bytes[length++] = (uint8_t)(pixel >> 16);
		bytes[length++] = (uint8_t)(pixel >> 8);
		bytes[length++] = (uint8_t)pixel;
	}
	for (size_t at = 0; at < length; at += chunk)
		say_chunk(bytes + at, MIN(chunk, length - at));
	say_word(PICTURES_WHOLE);
}

static size_t hear(uint8_t *bytes, size_t capacity)
{
	ssize_t got;

	turn();
	got = recv(world.fd, bytes, capacity, MSG_DONTWAIT);
	return got > 0 ? (size_t)got : 0;
}

static void expect(const void *bytes, size_t length)
{
	uint8_t heard[256];

	ck_assert_uint_eq(hear(heard, sizeof(heard)), length);
	ck_assert_mem_eq(heard, bytes, length);
}

static void expect_question(void)
{
	expect("\1", 1);
}

/* Within two seconds. */
static void await_question(void)
{
	uint8_t heard[8];
	size_t length = 0;

	for (int i = 0; i < 200 && length == 0; i++) {
		length = hear(heard, sizeof(heard));
		if (length == 0)
			usleep(10000);
	}
	ck_assert_uint_eq(length, 1);
	ck_assert_uint_eq(heard[0], PICTURES_ASK);
}

static uint32_t pixel_at(uint32_t x, uint32_t y)
{
	const struct desktop *desktop = screen_desktop(world.screen);

	ck_assert(x < desktop->width && y < desktop->height);
	return load_le32(desktop->pixels + y * desktop->stride + x * 4UL) & 0xffffff;
}

/* --- What is tried ---------------------------------------------------------------------------- */

START_TEST(test_size_first)
{
	expect_question();
	say_picture(0x102030, 0xffffff, _i == 0 ? 1000 : 1);
	ck_assert_uint_eq(screen_desktop(world.screen)->width, WIDTH);
	ck_assert_uint_eq(screen_desktop(world.screen)->height, HEIGHT);
	ck_assert_uint_eq(pixel_at(4, 2), 0x102030);
	ck_assert_uint_eq(pixel_at(2, 1), 0xffffff);
	ck_assert_uint_eq(screen_heads(world.screen), 1);
	/* Nobody looks. */
	usleep(2000 * PICTURES_PAUSE_MS);
	expect("", 0);
}
END_TEST

START_TEST(test_watched)
{
	expect_question();
	say_picture(1, 1, 1000);
	screen_watch(&world.viewer, true);
	expect_question();
	ck_assert(!screen_is_current(world.screen));
	world.damages = 0;
	say_picture(1, 1, 1000);
	ck_assert(screen_is_current(world.screen));
	ck_assert_uint_eq(world.damages, 1);
	await_question();
	/* Nothing differs: nothing is to be done. */
	say_picture(1, 1, 1000);
	ck_assert_uint_eq(world.damages, 1);
	await_question();
	say_picture(1, 2, 7);
	ck_assert_uint_eq(world.damages, 2);
	ck_assert_uint_eq(world.damaged.y, 1);
	ck_assert_uint_eq(world.damaged.height, 1);
	screen_watch(&world.viewer, false);
	usleep(2000 * PICTURES_PAUSE_MS);
	expect("", 0);
}
END_TEST

/* What was asked for before somebody looked is not what there is now. */
START_TEST(test_late)
{
	expect_question();
	screen_watch(&world.viewer, true);
	expect("", 0);
	say_picture(1, 1, 1000);
	ck_assert(!screen_is_current(world.screen));
	expect_question();
	say_picture(2, 2, 1000);
	ck_assert(screen_is_current(world.screen));
}
END_TEST

START_TEST(test_broken_off)
{
	static const char part[] = "P6\n5 3\n255\n\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7\7";

	expect_question();
	say_picture(1, 1, 1000);
	screen_watch(&world.viewer, true);
	expect_question();
	say_picture(1, 1, 1000);
	await_question();
	world.damages = 0;
	say_chunk(part, sizeof(part) - 1);
	say_word(PICTURES_FAILED);
	ck_assert_uint_eq(world.damages, 0);
	await_question();
	/* The row that was taken is told with the next. */
	say_picture(0x070707, 0x070707, 1000);
	ck_assert_uint_eq(world.damages, 1);
	ck_assert_uint_eq(world.damaged.y, 0);
	ck_assert_uint_eq(world.damaged.height, HEIGHT);
	await_question();
	say_word(PICTURES_WHOLE); /* of nothing */
	ck_assert(!world.gone);
	await_question();
}
END_TEST

START_TEST(test_png)
{
	static uint8_t pixels[WIDTH * HEIGHT * 4];
	struct png_encoder *encoder = png_encoder_new(WIDTH, HEIGHT);
	const uint8_t *bytes;
	size_t length, half;

	for (unsigned int i = 0; i < WIDTH * HEIGHT; i++)
		store_le32(pixels + i * 4UL, 0x010203 * i);
	ck_assert_int_eq(png_encoder_rows(encoder, pixels, WIDTH * 4UL, HEIGHT), 0);
	bytes = png_encoder_output(encoder, &length);
	half = length / 2;
	expect_question();
	say_chunk(bytes, half);
	say_chunk(bytes + half, length - half);
	say_word(PICTURES_WHOLE);
	ck_assert_uint_eq(screen_desktop(world.screen)->width, WIDTH);
	ck_assert_uint_eq(pixel_at(0, 0), 0);
	ck_assert_uint_eq(pixel_at(4, 2), 0x010203 * 14);
	screen_watch(&world.viewer, true);
	expect_question();
	/* One that broke off is forgotten, one that is not whole is none. */
	say_chunk(bytes, half);
	say_word(PICTURES_FAILED);
	await_question();
	say_chunk(bytes, length);
	say_word(PICTURES_WHOLE);
	ck_assert(screen_is_current(world.screen));
	await_question();
	say_chunk(bytes, half);
	say_word(PICTURES_WHOLE);
	ck_assert(world.gone);
	png_encoder_free(encoder);
}
END_TEST

static const char *const nonsense[] = {
	"P5\n5 3\n255\n",
	"P6\n0 3\n255\n",
	"P6\n5 8193\n255\n",
	"P6\n5 3\n65535\n",
	"P6\n-5 3\n255\n",
	"P6 5 3 255 5",
	"P6\n5 3\n255\n0123456789012345678901234567890123456789012345",
	"P6\n99999999999999999999 3\n255\n",
	"\x88PNG\r\n\x1a\n",
	"P6                                            ",
};

START_TEST(test_nonsense)
{
	const char *text = nonsense[_i];

	expect_question();
	say_chunk(text, strlen(text));
	if (strcmp(text, "P6 5 3 255 5") == 0)
		ck_assert(!world.gone); /* all is well with that one */
	else
		ck_assert(world.gone);
}
END_TEST

START_TEST(test_rules)
{
	expect_question();
	if (_i == 0)
		say_picture(1, 1, 1000); /* and one that nobody has asked for */
	say_word(_i == 0 ? PICTURES_WHOLE : PICTURES_MAX_CHUNK + 1);
	ck_assert(world.gone);
}
END_TEST

START_TEST(test_keys)
{
	static const uint8_t capital[] = {2, 2, KEY_LEFTSHIFT, 0, KEY_A, 0};
	static const uint8_t letter[] = {2, 1, KEY_B, 0}, super[] = {2, 1, KEY_LEFTMETA, 0};

	expect_question();
	screen_key(&world.viewer, KEY_LEFTSHIFT, true);
	screen_key(&world.viewer, KEY_A, true);
	expect("", 0);
	screen_key(&world.viewer, KEY_A, false);
	expect(capital, sizeof(capital));
	screen_key(&world.viewer, KEY_LEFTSHIFT, false);
	expect("", 0);
	screen_key(&world.viewer, KEY_B, true);
	screen_key(&world.viewer, KEY_B, true); /* repeats */
	expect(letter, sizeof(letter));
	screen_key(&world.viewer, KEY_B, false);
	expect("", 0);
	screen_key(&world.viewer, KEY_LEFTMETA, true);
	screen_key(&world.viewer, KEY_LEFTMETA, false);
	expect(super, sizeof(super));
	for (uint32_t code = KEY_1; code < KEY_1 + 2 * PICTURES_MAX_KEYS; code++)
		screen_key(&world.viewer, code, true);
	screen_pointer(&world.viewer, 1, 1, 1);
	screen_motion(&world.viewer, 1, 1, 0);
	screen_wheel(&world.viewer, 1, 1);
	expect("", 0);
}
END_TEST

START_TEST(test_size_is_looked_for)
{
	const struct rectangle place = {.width = 2, .height = 2};
	struct source *source = screen_source(world.screen);

	expect_question();
	say_picture(1, 1, 1000);
	source->ops->set_mode(source, 0, true, &place, 0, 0);
	expect_question();
	say_chunk("P6\n2 1\n255\n123456", 17);
	say_word(PICTURES_WHOLE);
	ck_assert_uint_eq(screen_desktop(world.screen)->width, 2);
	await_question();
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("pictures");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, test_size_first, 0, 2);
	tcase_add_test(tcase, test_watched);
	tcase_add_test(tcase, test_late);
	tcase_add_test(tcase, test_broken_off);
	tcase_add_loop_test(tcase, test_nonsense, 0, ARRAY_SIZE(nonsense));
	tcase_add_loop_test(tcase, test_rules, 0, 2);
	tcase_add_test(tcase, test_png);
	tcase_add_test(tcase, test_keys);
	tcase_add_test(tcase, test_size_is_looked_for);
	return suite_run_case("pictures", tcase);
}
