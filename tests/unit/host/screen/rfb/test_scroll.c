/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A viewer that does what it is told, copies first, has what the desktop shows wherever nothing is
 * dirty. */
#include "host/screen/rfb/scroll.h"
#include "protocol/base/bytes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>

#define WIDTH  500U /* no whole tiles */
#define HEIGHT 410U

static const struct rectangle all = {.width = UINT32_MAX, .height = UINT32_MAX};

struct fixture {
	struct desktop desktop;
	struct damage damage;
	uint32_t viewer[HEIGHT][WIDTH];
	uint32_t state;
	uint64_t sent, copied; /* pixels */
	struct scroll found;
};

static struct fixture *fixture;

static void setup(void)
{
	fixture = calloc(1, sizeof(*fixture));
	fixture->state = 1;
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

static uint32_t chance(uint32_t below)
{
	fixture->state ^= fixture->state << 13;
	fixture->state ^= fixture->state >> 17;
	fixture->state ^= fixture->state << 5;
	return fixture->state % below;
}

static uint8_t *desktop_at(uint32_t x, uint32_t y)
{
	return fixture->desktop.pixels + y * fixture->desktop.stride + x * 4UL;
}

static void mark(uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	struct rectangle where = {x, y, width, height};

	damage_mark(&fixture->damage, &where, false);
}

static void scribble(uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	for (uint32_t row = y; row < y + height; row++) {
		for (uint32_t column = x; column < x + width; column++)
			store_le32(desktop_at(column, row), chance(1U << 24));
	}
	mark(x, y, width, height);
}

/* Rows of @y to @y + @height move up (down, if @lines is negative); what comes in is new. */
static void scroll(uint32_t x, uint32_t y, uint32_t width, uint32_t height, int32_t lines)
{
	uint32_t kept = height - (uint32_t)abs(lines);

	for (uint32_t i = 0; i < kept; i++) {
		uint32_t row = lines > 0 ? y + i : y + height - 1 - i;

		memmove(desktop_at(x, row), desktop_at(x, (uint32_t)((int32_t)row + lines)),
			width * 4UL);
	}
	scribble(x, lines > 0 ? y + kept : y, width, (uint32_t)abs(lines));
	mark(x, y, width, height);
}

/* --- The viewer ------------------------------------------------------------------------------- */

static void copy(const struct rectangle *to, int32_t rows)
{
	ck_assert_int_ge((int32_t)to->y + rows, 0);
	ck_assert_uint_le((uint32_t)((int32_t)(to->y + to->height) + rows), HEIGHT);
	for (uint32_t i = 0; i < to->height; i++) {
		uint32_t row = rows > 0 ? to->y + i : to->y + to->height - 1 - i;

		memcpy(&fixture->viewer[row][to->x],
		       &fixture->viewer[(uint32_t)((int32_t)row + rows)][to->x], to->width * 4UL);
	}
	fixture->copied += (uint64_t)to->width * to->height;
}

static void check_clean(void)
{
	size_t wrong = 0;

	for (uint32_t y = 0; y < HEIGHT; y++) {
		for (uint32_t x = 0; x < WIDTH; x++) {
			size_t tile = y / DAMAGE_TILE * fixture->damage.columns + x / DAMAGE_TILE;

			wrong += !fixture->damage.dirty[tile] &&
				 fixture->viewer[y][x] != load_le32(desktop_at(x, y));
		}
	}
	ck_assert_uint_eq(wrong, 0);
}

/* One update; of not more than @list rectangles of pixels, and @pixels. */
static void update(const struct rectangle *within, size_t list, uint64_t pixels)
{
	struct damage_limits limits = {list, pixels, DAMAGE_MAX_PIXELS};
	struct rectangle piece[100];
	struct scroll *found = &fixture->found;
	size_t count;

	ck_assert_int_eq(scroll_find(&fixture->damage, within, &fixture->desktop, found), 0);
	for (size_t i = 0; i < found->count; i++)
		copy(&found->copy[i], found->rows);
	check_clean();
	count = damage_take(&fixture->damage, within, &fixture->desktop, &limits, piece);
	for (size_t i = 0; i < count; i++) {
		for (uint32_t y = piece[i].y; y < piece[i].y + piece[i].height; y++)
			memcpy(&fixture->viewer[y][piece[i].x], desktop_at(piece[i].x, y),
			       piece[i].width * 4UL);
		fixture->sent += (uint64_t)piece[i].width * piece[i].height;
	}
	check_clean();
}

static void update_all(void)
{
	do {
		update(&all, 100, UINT64_MAX);
	} while (fixture->damage.count);
	fixture->sent = fixture->copied = 0;
}

/* --- What is tried ---------------------------------------------------------------------------- */

/* A console: letters of 16 rows, and the last row of tiles is cut. */
START_TEST(test_console)
{
	static const int32_t lines[] = {16, -16, 32, -48, 160};

	scribble(0, 0, WIDTH, HEIGHT);
	update_all();
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		scroll(0, 0, WIDTH, 400, lines[i]);
		update(&all, 100, UINT64_MAX);
		ck_assert_uint_eq(fixture->damage.count, 0);
		/* The column that is cut is sent. */
		ck_assert_uint_eq(fixture->copied, 496 * (400 - (uint64_t)abs(lines[i])));
		ck_assert_uint_le(fixture->sent,
				  WIDTH * (uint64_t)abs(lines[i]) + 2 * DAMAGE_TILE * HEIGHT);
		update_all();
	}
}
END_TEST

/* A terminal's letters of 14, 18 and 19 rows, a browser's steps: all but the tiles at the edges. */
START_TEST(test_any_step)
{
	static const int32_t lines[] = {14, 18, -19, 53, -120, 300, 1};

	scribble(0, 0, WIDTH, HEIGHT);
	update_all();
	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++) {
		scroll(0, 5, WIDTH, HEIGHT - 5, lines[i]);
		update(&all, 100, UINT64_MAX);
		ck_assert_uint_eq(fixture->damage.count, 0);
		ck_assert_int_eq(fixture->found.rows, lines[i]);
		/* Less what came in, the first and the last row of tiles, and what these were
		 * copied to; the column that is cut. */
		ck_assert_uint_le(fixture->sent,
				  WIDTH * ((uint64_t)abs(lines[i]) + 4UL * DAMAGE_TILE) +
					  2 * DAMAGE_TILE * HEIGHT);
		update_all();
	}
}
END_TEST

/* After much that was in vain one update in four is searched, and all again once there is a scroll.
 */
START_TEST(test_film)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < 30; i++) {
		scribble(0, 0, WIDTH, HEIGHT);
		update_all();
		ck_assert_uint_eq(fixture->found.count, 0);
	}
	ck_assert_uint_gt(fixture->found.misses, 7);
	for (unsigned int i = 0; i < 8; i++) {
		scroll(0, 0, WIDTH, HEIGHT, 18);
		update(&all, 100, UINT64_MAX);
		found += fixture->found.count > 0;
		update_all();
	}
	ck_assert_uint_ge(found, 5);
	ck_assert_uint_eq(fixture->found.misses, 0);
}
END_TEST

/* Nothing is copied that was not there, or would not spare anything. */
START_TEST(test_no_copy)
{
	scribble(0, 0, WIDTH, HEIGHT);
	update(&all, 100, UINT64_MAX); /* the viewer has nothing yet */
	ck_assert_uint_eq(fixture->copied, 0);
	update_all();
	scroll(0, 0, 32, 48, 16); /* too little of it */
	update(&all, 100, UINT64_MAX);
	ck_assert_uint_eq(fixture->copied, 0);
	update_all();
	/* What it is said to have forgotten is no source. */
	scroll(0, 0, WIDTH, 400, 16);
	damage_mark(&fixture->damage, &all, true);
	update(&all, 100, UINT64_MAX);
	ck_assert_uint_eq(fixture->copied, 0);
}
END_TEST

/* A part that scrolls among others that change, in updates that are cut short. */
START_TEST(test_anything)
{
	uint64_t copied = 0;

	fixture->state = (uint32_t)_i + 1;
	scribble(0, 0, WIDTH, HEIGHT);
	update_all();
	for (unsigned int i = 0; i < 40; i++) {
		uint32_t x = chance(20) * DAMAGE_TILE, y = chance(12) * DAMAGE_TILE;
		uint32_t wide = 100 + chance(400), high = 100 + chance(300);
		uint32_t width = MIN(WIDTH - x, wide), height = MIN(HEIGHT - y, high);
		struct rectangle within = {chance(100), chance(100), 300 + chance(200),
					   300 + chance(100)};
		int32_t lines = chance(2) ? (int32_t)(1 + chance(3)) * (int32_t)DAMAGE_TILE
					  : (int32_t)(1 + chance(99));

		if (chance(2))
			y += chance(DAMAGE_TILE);
		scroll(x, y, width, MIN(height, HEIGHT - y), chance(2) ? lines : -lines);
		if (chance(3) == 0)
			scribble(chance(400), chance(300), 1 + chance(90), 1 + chance(90));
		update(chance(2) ? &all : &within, 1 + chance(20), 1 + chance(60000));
		copied += fixture->copied;
		if (chance(3) == 0)
			update_all();
	}
	update_all();
	ck_assert_uint_gt(copied, 0);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("scroll");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_console);
	tcase_add_test(tcase, test_any_step);
	tcase_add_test(tcase, test_film);
	tcase_add_test(tcase, test_no_copy);
	tcase_add_loop_test(tcase, test_anything, 0, 30);
	return suite_run_case("scroll", tcase);
}
