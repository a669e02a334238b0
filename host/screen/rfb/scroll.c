/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A few tiles that have changed are looked for, as they were sent, in the rows above and below;
 * when enough of them agree on a distance, every tile that was sent is looked for there, and those
 * that stand together are one copy. A copy from below is done from the top to the bottom and the
 * other way round, so none takes what another has brought.
 *
 * Copies come from whole tiles and go to any row. What is wholly under one is no longer dirty; a
 * tile that is under one in part is neither what was sent nor what it is to be, and its hash is
 * forgotten.
 */
#include "host/screen/rfb/scroll.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TILE	     ((int32_t)DAMAGE_TILE)
#define TRIES	     256U /* tiles that are looked at for samples */
#define SAMPLES	     64U
#define MIN_SAMPLES  8U
#define MIN_VOTES    2U /* of the first MANY_SAMPLES, or it is in vain */
#define MANY_SAMPLES 16U
#define ENOUGH_VOTES 4U
#define MANY_PLACES                                                                                \
	24U	     /* a tile that is found so often says nothing: it is plain, or a pattern      \
		      */
#define MIN_TILES 8U /* of a copy that are dirty, or it is not worth its while */
/* After so many searches in vain one update of RARELY is searched. */
#define PATIENCE 8U
#define RARELY	 4U

/* Tiles. */
struct span {
	uint32_t left, top, right, bottom;
};

struct search {
	struct damage *damage;
	const struct desktop *desktop;
	struct span span;    /* sources */
	int32_t top, bottom; /* rows of pixels that may be brought */
	int32_t distance;
	uint8_t *found; /* for each tile: it has gone there */
	uint64_t *now;	/* hashes of tiles as they are to be */
};

struct votes {
	unsigned int at[2 * SCROLL_FARTHEST + 1], samples;
	int32_t best;
};

static size_t tile_at(const struct search *search, uint32_t column, uint32_t row)
{
	return (size_t)row * search->damage->columns + column;
}

/* Whole tiles only, those at the edges may be smaller than others: between columns that are in
 * @within, of all the picture's rows. */
static void set_limits(struct search *search, const struct rectangle *within)
{
	const struct damage *damage = search->damage;
	uint32_t width = MIN(damage->width, search->desktop->width);
	uint32_t height = MIN(damage->height, search->desktop->height);
	uint64_t right = MIN((uint64_t)within->x + within->width, width);

	search->span = (struct span){
		.left = (within->x + DAMAGE_TILE - 1) / DAMAGE_TILE,
		.right = (uint32_t)(right / DAMAGE_TILE),
		.bottom = height / DAMAGE_TILE,
	};
	search->top = (int32_t)MIN(within->y, height);
	search->bottom = (int32_t)MIN((uint64_t)within->y + within->height, height);
}

/* What the viewer has there; 0: it is not known. (Of tiles that are 2, the hash is of what it has
 * not got yet.) */
static uint64_t source_of(const struct search *search, uint32_t column, uint32_t row)
{
	size_t tile = tile_at(search, column, row);

	return search->damage->dirty[tile] == 2 ? 0 : search->damage->sent[tile];
}

/* Whether the tile of that hash is now so many rows higher. */
static bool has_moved(const struct search *search, uint32_t column, uint32_t row, uint64_t source,
		      int32_t distance)
{
	int32_t y = (int32_t)(row * DAMAGE_TILE) - distance;

	return y >= search->top && y + TILE <= search->bottom &&
	       damage_hash_at(search->damage, search->desktop, column * DAMAGE_TILE, (uint32_t)y) ==
		       source;
}

/* --- How far ---------------------------------------------------------------------------------- */

/* Everywhere a tile may have gone. */
static void vote(const struct search *search, uint32_t column, uint32_t row, uint64_t source,
		 struct votes *votes)
{
	int32_t places[MANY_PLACES];
	size_t count = 0;

	for (int32_t distance = -SCROLL_FARTHEST; distance <= SCROLL_FARTHEST; distance++) {
		if (!distance || !has_moved(search, column, row, source, distance))
			continue;
		if (count == MANY_PLACES)
			return;
		places[count++] = distance;
	}
	votes->samples++;
	for (size_t i = 0; i < count; i++) {
		unsigned int here = ++votes->at[places[i] + SCROLL_FARTHEST];
		unsigned int most = votes->at[votes->best + SCROLL_FARTHEST];

		if (here > most || (here == most && abs(places[i]) < abs(votes->best)))
			votes->best = places[i];
	}
}

/* Nothing more to learn from other samples. */
static bool is_decided(const struct votes *votes)
{
	unsigned int most = votes->at[votes->best + SCROLL_FARTHEST];

	return votes->samples == SAMPLES || (votes->samples >= MANY_SAMPLES && most < MIN_VOTES) ||
	       (votes->samples >= MIN_SAMPLES && most > votes->samples * 3 / 4);
}

/* Return: rows up; 0: nothing was scrolled. @misses counts what it was in vain for. */
static int32_t guess_distance(const struct search *search, unsigned int *misses)
{
	const struct damage *damage = search->damage;
	const struct span *span = &search->span;
	uint32_t width = span->right - span->left;
	uint64_t tiles = (uint64_t)width * (span->bottom - span->top);
	struct votes votes = {0};

	for (uint32_t i = 0; i < TRIES && !is_decided(&votes); i++) {
		/* All over the place, in steps of the golden section. */
		uint64_t number = (i * 0x9e3779b9U) * tiles >> 32;
		uint32_t column = span->left + (uint32_t)(number % width);
		uint32_t row = span->top + (uint32_t)(number / width);
		uint64_t source = source_of(search, column, row);

		if (source && damage->dirty[tile_at(search, column, row)] &&
		    damage_hash(damage, search->desktop, column, row) != source)
			vote(search, column, row, source, &votes);
	}
	if (votes.samples < MIN_SAMPLES)
		return 0;
	if (votes.at[votes.best + SCROLL_FARTHEST] < MAX(ENOUGH_VOTES, votes.samples / 8))
		votes.best = 0;
	*misses = votes.best ? 0 : *misses + 1;
	return votes.best;
}

/* --- What ------------------------------------------------------------------------------------- */

/* All of them, at that distance. */
static void look_for_all(const struct search *search)
{
	const struct damage *damage = search->damage;
	const struct span *span = &search->span;

	for (uint32_t row = span->top; row < span->bottom; row++) {
		for (uint32_t column = span->left; column < span->right; column++) {
			uint64_t source = source_of(search, column, row);

			search->found[tile_at(search, column, row)] =
				source && has_moved(search, column, row, source, search->distance);
		}
	}
	for (uint32_t row = 0; row < damage->rows; row++) {
		for (uint32_t column = span->left; column < span->right; column++) {
			size_t tile = tile_at(search, column, row);

			search->now[tile] =
				damage->dirty[tile]
					? damage_hash(damage, search->desktop, column, row)
					: damage->sent[tile];
		}
	}
}

static bool are_found(const struct search *search, uint32_t left, uint32_t right, uint32_t row)
{
	return !memchr(search->found + tile_at(search, left, row), 0, right - left);
}

static struct rectangle copy_of(const struct search *search, const struct span *area)
{
	return (struct rectangle){
		.x = area->left * DAMAGE_TILE,
		.y = (uint32_t)((int32_t)(area->top * DAMAGE_TILE) - search->distance),
		.width = (area->right - area->left) * DAMAGE_TILE,
		.height = (area->bottom - area->top) * DAMAGE_TILE,
	};
}

/* The tiles that are wholly under a copy; maybe none. The last row of them may be lower. */
static struct span covered(const struct search *search, const struct rectangle *copy)
{
	uint32_t end = copy->y + copy->height;

	return (struct span){
		.left = copy->x / DAMAGE_TILE,
		.top = (copy->y + DAMAGE_TILE - 1) / DAMAGE_TILE,
		.right = (copy->x + copy->width) / DAMAGE_TILE,
		.bottom = end == search->damage->height ? search->damage->rows : end / DAMAGE_TILE,
	};
}

/* Tiles that need not be sent any more, if that is copied. */
static size_t count_gain(const struct search *search, const struct rectangle *copy)
{
	const struct damage *damage = search->damage;
	struct span span = covered(search, copy);
	size_t gain = 0;

	for (uint32_t row = span.top; row < span.bottom; row++) {
		for (uint32_t column = span.left; column < span.right; column++) {
			size_t tile = tile_at(search, column, row);

			gain += damage->dirty[tile] && damage->sent[tile] != search->now[tile];
		}
	}
	return gain;
}

static void add_copy(const struct search *search, const struct span *area, struct scroll *scroll)
{
	struct rectangle copy = copy_of(search, area);

	if (scroll->count < SCROLL_MAX_COPIES && count_gain(search, &copy) >= MIN_TILES)
		scroll->copy[scroll->count++] = copy;
}

/* From the top to the bottom: the longest run of each row, as far down as it goes on. */
static void collect(const struct search *search, struct scroll *scroll)
{
	uint32_t row = search->span.top;

	while (row < search->span.bottom) {
		struct span best = {.bottom = row + 1};

		for (uint32_t left = search->span.left; left < search->span.right; left++) {
			uint32_t right = left;

			while (right < search->span.right &&
			       search->found[tile_at(search, right, row)])
				right++;
			if (right - left > best.right - best.left)
				best = (struct span){left, row, right, row + 1};
			left = right;
		}
		while (best.right > best.left && best.bottom < search->span.bottom &&
		       are_found(search, best.left, best.right, best.bottom))
			best.bottom++;
		if (best.right > best.left)
			add_copy(search, &best, scroll);
		row = best.bottom;
	}
}

/* --- What the viewer has then ----------------------------------------------------------------- */

static void note_covered(const struct search *search, const struct rectangle *copy)
{
	struct damage *damage = search->damage;
	struct span span = covered(search, copy);

	for (uint32_t row = span.top; row < span.bottom; row++) {
		for (uint32_t column = span.left; column < span.right; column++) {
			size_t tile = tile_at(search, column, row);

			damage->count -= damage->dirty[tile] != 0;
			damage->dirty[tile] = 0;
			damage->sent[tile] = search->now[tile];
		}
	}
}

/* A row of tiles that is under a copy in part. What was right there stays so, as what is copied is.
 */
static void note_edge(const struct search *search, const struct rectangle *copy, uint32_t y)
{
	struct damage *damage = search->damage;
	uint32_t row = y / DAMAGE_TILE, left = copy->x / DAMAGE_TILE;

	if (y % DAMAGE_TILE == 0 || y == damage->height)
		return;
	for (uint32_t column = left; column < left + copy->width / DAMAGE_TILE; column++) {
		size_t tile = tile_at(search, column, row);

		if (damage->dirty[tile] == 1 && damage->sent[tile] != search->now[tile])
			damage->sent[tile] = 0;
	}
}

static void turn_round(struct scroll *scroll)
{
	for (size_t i = 0; i < scroll->count / 2; i++) {
		struct rectangle first = scroll->copy[i];

		scroll->copy[i] = scroll->copy[scroll->count - 1 - i];
		scroll->copy[scroll->count - 1 - i] = first;
	}
}

int scroll_find(struct damage *damage, const struct rectangle *within,
		const struct desktop *desktop, struct scroll *scroll)
{
	struct search search = {.damage = damage, .desktop = desktop};
	size_t tiles = (size_t)damage->columns * damage->rows;
	_cleanup_free_ uint64_t *now = NULL;
	_cleanup_free_ uint8_t *found = NULL;

	scroll->count = 0;
	set_limits(&search, within);
	if (damage->count < MIN_TILES || search.span.left >= search.span.right ||
	    search.span.top >= search.span.bottom)
		return 0;
	if (scroll->misses >= PATIENCE && scroll->misses++ % RARELY)
		return 0;
	search.distance = guess_distance(&search, &scroll->misses);
	if (search.distance == 0)
		return 0;
	search.now = now = calloc(tiles, sizeof(*now));
	search.found = found = calloc(tiles, sizeof(*found));
	if (!now || !found)
		return -ENOMEM;
	look_for_all(&search);
	collect(&search, scroll);
	for (size_t i = 0; i < scroll->count; i++) {
		note_covered(&search, &scroll->copy[i]);
		note_edge(&search, &scroll->copy[i], scroll->copy[i].y);
		note_edge(&search, &scroll->copy[i], scroll->copy[i].y + scroll->copy[i].height);
	}
	if (search.distance < 0)
		turn_round(scroll);
	scroll->rows = search.distance;
	return 0;
}
