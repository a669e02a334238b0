/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pictures are drawn: text of made-up letters with soft edges that come again as letters do, tools
 * with gradients and frames, a landscape of several waves with some grain.
 */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS	      60U
#define LETTER_WIDTH  8U
#define LETTER_HEIGHT 16U

struct painter {
	uint32_t *pixels;
	uint32_t height, state;
	uint8_t letter[LETTERS][LETTER_HEIGHT][LETTER_WIDTH]; /* how much ink */
};

static uint32_t noise(struct painter *painter)
{
	painter->state ^= painter->state << 13;
	painter->state ^= painter->state >> 17;
	painter->state ^= painter->state << 5;
	return painter->state;
}

/* A few strokes each. */
static void make_letters(struct painter *painter)
{
	for (unsigned int i = 0; i < LETTERS; i++) {
		for (unsigned int stroke = 0; stroke < 3; stroke++) {
			double x = 1 + noise(painter) % 5, y = 3 + noise(painter) % 9;
			double dx = (noise(painter) % 3) - 1.0, dy = (noise(painter) % 3) - 1.0;

			for (unsigned int step = 0; step < 8; step++) {
				int column = (int)(x + dx * step / 2), row = (int)(y + dy * step);

				if (column < 0 || column > 6 || row < 2 || row > 13)
					break;
				painter->letter[i][row][column] = 255;
				if (painter->letter[i][row][column + 1] < 90)
					painter->letter[i][row][column + 1] = 90;
			}
		}
	}
}

static uint32_t mix(uint32_t back, uint32_t fore, uint32_t ink)
{
	uint32_t result = 0;

	for (unsigned int shift = 0; shift < 24; shift += 8)
		result |=
			((back >> shift & 0xff) * (255 - ink) + (fore >> shift & 0xff) * ink) / 255
			<< shift;
	return result;
}

static void fill(struct painter *painter, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
		 uint32_t colour)
{
	for (uint32_t row = y; row < y + height && row < painter->height; row++) {
		for (uint32_t column = x; column < x + width && column < BENCH_WIDTH; column++)
			painter->pixels[row * BENCH_WIDTH + column] = colour;
	}
}

static void draw_letter(struct painter *painter, uint32_t x, uint32_t y, uint32_t letter,
			uint32_t back, uint32_t fore)
{
	for (uint32_t row = 0; row < LETTER_HEIGHT && y + row < painter->height; row++) {
		for (uint32_t column = 0; column < LETTER_WIDTH && x + column < BENCH_WIDTH;
		     column++)
			painter->pixels[(y + row) * BENCH_WIDTH + x + column] =
				mix(back, fore, painter->letter[letter][row][column]);
	}
}

/* Lines of words, some of them in another colour, of different lengths. @line: rows of each. */
static void draw_lines(struct painter *painter, uint32_t x, uint32_t y, uint32_t width,
		       uint32_t height, uint32_t line, uint32_t back, uint32_t fore)
{
	static const uint32_t others[] = {0x2060c0, 0xb03030, 0x208040, 0x906010};

	fill(painter, x, y, width, height, back);
	for (uint32_t row = y + 4; row + LETTER_HEIGHT < y + height; row += line) {
		uint32_t columns = noise(painter) % (width / LETTER_WIDTH - 2), colour = fore;

		for (uint32_t i = 0; i < columns; i++) {
			if (noise(painter) % 6 == 0) {
				uint32_t other = noise(painter) % 12;

				colour = other < 4 ? others[other] : fore;
				continue;
			}
			/* Some letters are commoner than others. */
			draw_letter(painter, x + 6 + i * LETTER_WIDTH, row,
				    noise(painter) % (1 + noise(painter) % LETTERS), back, colour);
		}
	}
}

static void draw_text(struct painter *painter, uint32_t x, uint32_t y, uint32_t width,
		      uint32_t height, uint32_t back, uint32_t fore)
{
	draw_lines(painter, x, y, width, height, LETTER_HEIGHT + 2, back, fore);
}

static void draw_window(struct painter *painter, uint32_t x, uint32_t y, uint32_t width,
			uint32_t height)
{
	fill(painter, x, y, width, height, 0x808080);
	for (uint32_t row = 0; row < 24; row++)
		fill(painter, x + 1, y + 1 + row, width - 2, 1, 0x5070a0 + row * 0x020202);
	for (uint32_t i = 0; i < 20; i++)
		draw_letter(painter, x + 40 + i * LETTER_WIDTH, y + 5, noise(painter) % LETTERS,
			    0x6080b0, 0xffffff);
	fill(painter, x + 1, y + 25, width - 2, 32, 0xe8e8e8);
	for (uint32_t i = 0; i < 12; i++)
		fill(painter, x + 8 + i * 36, y + 29, 24, 24, 0x4080c0 + i * 0x0a0503);
	draw_text(painter, x + 1, y + 57, width - 2, height - 58, 0xffffff, 0x202020);
}

static uint32_t byte_of(double value)
{
	return value < 0 ? 0 : value > 255 ? 255 : (uint32_t)value;
}

static void draw_photo(struct painter *painter, double shift)
{
	for (uint32_t y = 0; y < BENCH_HEIGHT; y++) {
		for (uint32_t x = 0; x < BENCH_WIDTH; x++) {
			double wave = sin((x + shift) / 91.0) * cos(y / 57.0) +
				      sin((x + y) / 23.0 + shift) / 3;
			uint32_t grain = noise(painter) % 5;

			painter->pixels[y * BENCH_WIDTH + x] =
				byte_of(120 + 80 * wave + grain) << 16 |
				byte_of(90 + y / 12.0 + 40 * wave + grain) << 8 |
				byte_of(200 - y / 8.0 - 60 * wave + grain);
		}
	}
}

uint32_t *bench_pictures(enum bench_kind kind)
{
	struct painter painter = {.height = BENCH_HEIGHT, .state = 4711};
	uint32_t *all = malloc(4UL * BENCH_WIDTH * BENCH_HEIGHT * BENCH_FRAMES);

	if (!all)
		abort();
	make_letters(&painter);
	for (unsigned int i = 0; i < BENCH_FRAMES; i++) {
		painter.pixels = all + (size_t)i * BENCH_WIDTH * BENCH_HEIGHT;
		switch (kind) {
		case BENCH_TEXT:
			draw_text(&painter, 0, 0, BENCH_WIDTH, BENCH_HEIGHT,
				  i % 2 ? 0xffffff : 0xfdf6e3, 0x303030);
			break;
		case BENCH_DESKTOP:
			if (i % 2)
				draw_photo(&painter, 300.0 * i);
			else
				fill(&painter, 0, 0, BENCH_WIDTH, BENCH_HEIGHT, 0x2e3f5c + 8 * i);
			draw_window(&painter, 60 + 40 * i, 50, 900, 620);
			draw_window(&painter, 700, 300 + 10 * i, 1000, 700);
			fill(&painter, 0, BENCH_HEIGHT - 40, BENCH_WIDTH, 40, 0x202428 + 8 * i);
			break;
		default:
			draw_photo(&painter, 500.0 * i);
			break;
		}
		/* Nothing is as it was in the frame before. */
		for (uint32_t pixel = 0; pixel < BENCH_WIDTH * BENCH_HEIGHT; pixel++)
			painter.pixels[pixel] ^= i;
	}
	return all;
}

/* Windows on a text that is higher than they are. A bar at the top stays. */
uint32_t *bench_scrolls(uint32_t line, uint32_t step)
{
	static const uint32_t steps[BENCH_FRAMES] = {0, 1, 2, 3, 2, 1};
	struct painter painter = {.height = BENCH_HEIGHT + 3 * step, .state = 4711};
	size_t picture = (size_t)BENCH_WIDTH * BENCH_HEIGHT;
	uint32_t *all = malloc(4UL * picture * BENCH_FRAMES);

	painter.pixels = malloc(4UL * BENCH_WIDTH * painter.height);
	if (!all || !painter.pixels)
		abort();
	make_letters(&painter);
	draw_lines(&painter, 0, 0, BENCH_WIDTH, painter.height, line, 0xffffff, 0x303030);
	for (unsigned int i = 0; i < BENCH_FRAMES; i++)
		memcpy(all + i * picture, painter.pixels + (size_t)steps[i] * step * BENCH_WIDTH,
		       picture * 4);
	free(painter.pixels);
	painter.pixels = all;
	painter.height = BENCH_HEIGHT;
	for (unsigned int i = 0; i < BENCH_FRAMES; i++, painter.pixels += picture)
		fill(&painter, 0, 0, BENCH_WIDTH, 41, 0x5070a0);
	return all;
}
