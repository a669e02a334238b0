/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/screen/rfb/damage.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>

#define WIDTH  1000U
#define HEIGHT 700U
#define LIST   2000U

static const struct rectangle all = {.width = UINT32_MAX, .height = UINT32_MAX};

struct fixture {
	struct desktop desktop;
	struct damage damage;
	struct rectangle list[LIST];
	uint8_t seen[HEIGHT][WIDTH];
};

static struct fixture *fixture;

static void setup(void)
{
	fixture = calloc(1, sizeof(*fixture));
	fixture->desktop.width = WIDTH;
	fixture->desktop.height = HEIGHT;
	fixture->desktop.stride = WIDTH * 4UL;
	fixture->desktop.pixels = calloc(HEIGHT, WIDTH * 4UL);
	ck_assert_int_eq(damage_resize(&fixture->damage, WIDTH, HEIGHT), 0);
}

static void teardown(void)
{
	damage_free(&fixture->damage);
	free(fixture->desktop.pixels);
	free(fixture);
}

static size_t take_some(const struct rectangle *within, size_t list, uint64_t pixels)
{
	const struct damage_limits limits = {list, pixels, DAMAGE_MAX_PIXELS};

	return damage_take(&fixture->damage, within, &fixture->desktop, &limits, fixture->list);
}

static size_t take(const struct rectangle *within)
{
	return take_some(within, LIST, UINT64_MAX);
}

/* Rectangles are within the picture and the limits and do not overlap. Return: their pixels. */
static size_t check_list(size_t count)
{
	size_t pixels = 0, twice = 0;

	memset(fixture->seen, 0, sizeof(fixture->seen));
	for (size_t i = 0; i < count; i++) {
		const struct rectangle *one = &fixture->list[i];

		ck_assert_uint_gt(one->width, 0);
		ck_assert_uint_gt(one->height, 0);
		ck_assert_uint_le(one->x + one->width, WIDTH);
		ck_assert_uint_le(one->y + one->height, HEIGHT);
		ck_assert_uint_le(one->width, DAMAGE_MAX_WIDTH);
		ck_assert_uint_le(one->height, DAMAGE_MAX_HEIGHT);
		ck_assert_uint_le(one->width * one->height, DAMAGE_MAX_PIXELS);
		pixels += (size_t)one->width * one->height;
		for (uint32_t y = one->y; y < one->y + one->height; y++) {
			for (uint32_t x = one->x; x < one->x + one->width; x++)
				twice += fixture->seen[y][x]++;
		}
	}
	ck_assert_uint_eq(twice, 0);
	return pixels;
}

static void set_pixel(uint32_t x, uint32_t y, uint32_t colour)
{
	store_le32(fixture->desktop.pixels + y * fixture->desktop.stride + x * 4UL, colour);
}

START_TEST(test_everything_first)
{
	ck_assert_uint_eq(check_list(take(&all)), WIDTH * HEIGHT);
	ck_assert_uint_eq(fixture->damage.count, 0);
	ck_assert_uint_eq(take(&all), 0);
}
END_TEST

/* What is said to have changed and has not is not sent. */
START_TEST(test_only_what_changed)
{
	take(&all);
	set_pixel(500, 300, 0x010203);
	damage_mark(&fixture->damage, &all, false);
	ck_assert_uint_eq(take(&all), 1);
	ck_assert_uint_eq(fixture->list[0].x, 496);
	ck_assert_uint_eq(fixture->list[0].y, 288);
	ck_assert_uint_eq(fixture->list[0].width, 16);
	ck_assert_uint_eq(fixture->list[0].height, 16);
	ck_assert_uint_eq(fixture->damage.count, 0);
	/* The byte that means nothing. */
	set_pixel(500, 300, 0xff010203);
	damage_mark(&fixture->damage, &all, false);
	ck_assert_uint_eq(take(&all), 0);
	/* Two pixels that change places; the last of all, in a tile that is cut. */
	set_pixel(500, 300, 0);
	set_pixel(501, 300, 0x010203);
	set_pixel(WIDTH - 1, HEIGHT - 1, 1);
	damage_mark(&fixture->damage, &all, false);
	ck_assert_uint_eq(take(&all), 2);
	ck_assert_uint_eq(fixture->list[1].x, 992);
	ck_assert_uint_eq(fixture->list[1].width, 8);
	ck_assert_uint_eq(fixture->list[1].height, 12);
}
END_TEST

START_TEST(test_forget)
{
	struct rectangle one = {17, 17, 1, 1}, beyond = {WIDTH, HEIGHT, 5, 5};

	take(&all);
	damage_mark(&fixture->damage, &one, true);
	ck_assert_uint_eq(take(&all), 1);
	damage_mark(&fixture->damage, &beyond, true);
	ck_assert_uint_eq(take(&all), 0);
	one = (struct rectangle){WIDTH - 1, 3, UINT32_MAX, 1};
	damage_mark(&fixture->damage, &one, true);
	ck_assert_uint_eq(take(&all), 1);
}
END_TEST

START_TEST(test_within)
{
	struct rectangle part = {100, 100, 50, 50};

	ck_assert_uint_eq(check_list(take(&part)), 64 * 64);
	ck_assert_uint_eq(check_list(take(&all)), WIDTH * HEIGHT - 64 * 64);
}
END_TEST

/* What there was no room for comes next time, also if it changes again meanwhile. */
START_TEST(test_in_parts)
{
	size_t pixels = 0, calls = 0;

	for (uint32_t i = 0; i < 40; i++)
		set_pixel(i * 24, i * 17, 0xffffff);
	while (fixture->damage.count) {
		size_t count = take_some(&all, 3, 20000);

		ck_assert_uint_le(count, 3);
		ck_assert_uint_gt(count, 0);
		pixels += check_list(count);
		calls++;
	}
	ck_assert_uint_eq(pixels, WIDTH * HEIGHT);
	ck_assert_uint_gt(calls, 3);

	take(&all);
	for (uint32_t y = 0; y < HEIGHT; y += 32) { /* every second row of tiles, as bars */
		for (uint32_t x = 0; x < WIDTH; x += 32)
			set_pixel(x, y, 7);
	}
	damage_mark(&fixture->damage, &all, false);
	ck_assert_uint_eq(take_some(&all, 1, UINT64_MAX), 1);
	set_pixel(0, 64, 9);
	damage_mark(&fixture->damage, &all, false);
	ck_assert_uint_eq(take(&all), 22 * 32 - 1);
	ck_assert_uint_eq(fixture->damage.count, 0);
}
END_TEST

/* A viewer may think that the picture is larger than it is. */
START_TEST(test_smaller_desktop)
{
	take(&all);
	fixture->desktop.width = 500;
	fixture->desktop.height = 0;
	damage_mark(&fixture->damage, &all, false);
	check_list(take(&all));
	ck_assert_uint_eq(fixture->damage.count, 0);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("damage");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_everything_first);
	tcase_add_test(tcase, test_only_what_changed);
	tcase_add_test(tcase, test_forget);
	tcase_add_test(tcase, test_within);
	tcase_add_test(tcase, test_in_parts);
	tcase_add_test(tcase, test_smaller_desktop);
	return suite_run_case("damage", tcase);
}
