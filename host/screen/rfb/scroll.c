/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A few dirty tiles are looked up among those above and below them that the viewer has; when enough
 * of them agree on a distance, every tile is, and those that stand together are one copy. A copy
 * from below is done from the top to the bottom and the other way round, so none takes what another
 * has brought.
 */
#include "host/screen/rfb/scroll.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <errno.h>
#include <stdlib.h>

#define FARTHEST    24 /* tiles */
#define SAMPLES	    64U
#define MIN_SAMPLES 8U
#define MIN_TILES   8U /* of a copy that are dirty, or it is not worth its while */

/* Tiles, the last column and row not included. */
struct span {
	uint32_t left, top, right, bottom;
};

struct search {
	struct damage *damage;
	const struct desktop *desktop;
	struct span span;
	uint64_t *now; /* hashes of tiles as they are to be */
	int32_t distance;
};

static size_t tile_at(const struct search *search, uint32_t column, uint32_t row)
{
	return (size_t)row * search->damage->columns + column;
}

/* Tiles at the lower edge may be lower than others, and cannot be copied elsewhere. */
static struct span whole_tiles(const struct damage *damage, const struct rectangle *within)
{
	uint64_t right = MIN((uint64_t)within->x + within->width, damage->width);
	uint64_t bottom = MIN((uint64_t)within->y + within->height, damage->height);

	return (struct span){
		.left = (within->x + DAMAGE_TILE - 1) / DAMAGE_TILE,
		.top = (within->y + DAMAGE_TILE - 1) / DAMAGE_TILE,
		.right = (uint32_t)(right / DAMAGE_TILE),
		.bottom = (uint32_t)(bottom / DAMAGE_TILE),
	};
}

/* What the viewer has at the place that a tile would be copied from; 0: it is not known. (Of tiles
 * that are 2, the hash is of what it has not got yet.) */
static uint64_t source_of(const struct search *search, uint32_t column, uint32_t row,
			  int32_t distance)
{
	const struct damage *damage = search->damage;
	int64_t from = (int64_t)row + distance;
	size_t tile;

	if (from < 0 || from >= damage->height / DAMAGE_TILE)
		return 0;
	tile = tile_at(search, column, (uint32_t)from);
	return damage->dirty[tile] == 2 ? 0 : damage->sent[tile];
}

/* --- How far ---------------------------------------------------------------------------------- */

static int32_t most_votes(const unsigned int votes[2 * FARTHEST + 1], unsigned int samples)
{
	int32_t best = 0;

	for (int32_t distance = -FARTHEST; distance <= FARTHEST; distance++) {
		if (distance && votes[distance + FARTHEST] > votes[best + FARTHEST])
			best = distance;
	}
	return samples >= MIN_SAMPLES && votes[best + FARTHEST] > samples / 4 ? best : 0;
}

/* Return: tiles down; 0: nothing was scrolled. */
static int32_t guess_distance(const struct search *search)
{
	const struct span *span = &search->span;
	uint32_t width = span->right - span->left;
	size_t tiles = (size_t)width * (span->bottom - span->top), step = tiles / (4 * SAMPLES) + 1;
	unsigned int votes[2 * FARTHEST + 1] = {0}, samples = 0;

	step |= 1; /* not the same columns again and again */
	for (size_t i = step / 2; i < tiles && samples < SAMPLES; i += step) {
		uint32_t column = span->left + (uint32_t)(i % width);
		uint32_t row = span->top + (uint32_t)(i / width);
		size_t tile = tile_at(search, column, row);
		uint64_t now;

		if (!search->damage->dirty[tile] || !search->damage->sent[tile])
			continue;
		now = damage_hash(search->damage, search->desktop, column, row);
		if (now == search->damage->sent[tile])
			continue;
		samples++;
		for (int32_t distance = -FARTHEST; distance <= FARTHEST; distance++)
			votes[distance + FARTHEST] +=
				source_of(search, column, row, distance) == now;
	}
	return most_votes(votes, samples);
}

/* --- What ------------------------------------------------------------------------------------- */

static void hash_all(const struct search *search)
{
	const struct damage *damage = search->damage;

	for (uint32_t row = search->span.top; row < search->span.bottom; row++) {
		for (uint32_t column = search->span.left; column < search->span.right; column++) {
			size_t tile = tile_at(search, column, row);

			search->now[tile] =
				damage->dirty[tile]
					? damage_hash(damage, search->desktop, column, row)
					: damage->sent[tile];
		}
	}
}

static bool is_copy(const struct search *search, uint32_t column, uint32_t row)
{
	uint64_t source = source_of(search, column, row, search->distance);

	return source && source == search->now[tile_at(search, column, row)];
}

static bool are_copies(const struct search *search, uint32_t left, uint32_t right, uint32_t row)
{
	while (left < right && is_copy(search, left, row))
		left++;
	return left == right;
}

/* Tiles of @area that need not be sent any more, if it is copied. */
static size_t count_gain(const struct search *search, const struct span *area)
{
	const struct damage *damage = search->damage;
	size_t gain = 0;

	for (uint32_t row = area->top; row < area->bottom; row++) {
		for (uint32_t column = area->left; column < area->right; column++) {
			size_t tile = tile_at(search, column, row);

			gain += damage->dirty[tile] && damage->sent[tile] != search->now[tile];
		}
	}
	return gain;
}

static void add_copy(const struct search *search, const struct span *area, struct scroll *scroll)
{
	if (scroll->count == SCROLL_MAX_COPIES || count_gain(search, area) < MIN_TILES)
		return;
	scroll->copy[scroll->count++] = (struct rectangle){
		.x = area->left * DAMAGE_TILE,
		.y = area->top * DAMAGE_TILE,
		.width = (area->right - area->left) * DAMAGE_TILE,
		.height = (area->bottom - area->top) * DAMAGE_TILE,
	};
}

/* From the top to the bottom: the longest run of each row, as far down as it goes on. */
static void collect(const struct search *search, struct scroll *scroll)
{
	uint32_t row = search->span.top;

	while (row < search->span.bottom) {
		struct span best = {.bottom = row + 1};

		for (uint32_t left = search->span.left; left < search->span.right; left++) {
			uint32_t right = left;

			while (right < search->span.right && is_copy(search, right, row))
				right++;
			if (right - left > best.right - best.left)
				best = (struct span){left, row, right, row + 1};
			left = right;
		}
		while (best.right > best.left && best.bottom < search->span.bottom &&
		       are_copies(search, best.left, best.right, best.bottom))
			best.bottom++;
		if (best.right > best.left)
			add_copy(search, &best, scroll);
		row = best.bottom;
	}
}

/* The viewer is going to have them. */
static void note(const struct search *search, const struct rectangle *copy)
{
	struct damage *damage = search->damage;

	for (uint32_t row = copy->y / DAMAGE_TILE; row < (copy->y + copy->height) / DAMAGE_TILE;
	     row++) {
		for (uint32_t column = copy->x / DAMAGE_TILE;
		     column < (copy->x + copy->width) / DAMAGE_TILE; column++) {
			size_t tile = tile_at(search, column, row);

			damage->count -= damage->dirty[tile] != 0;
			damage->dirty[tile] = 0;
			damage->sent[tile] = search->now[tile];
		}
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
	struct search search = {damage, desktop, whole_tiles(damage, within), NULL, 0};
	_cleanup_free_ uint64_t *now = NULL;

	scroll->count = 0;
	if (damage->count < MIN_TILES || search.span.left >= search.span.right ||
	    search.span.top >= search.span.bottom)
		return 0;
	search.distance = guess_distance(&search);
	if (search.distance == 0)
		return 0;
	now = calloc((size_t)damage->columns * damage->rows, sizeof(*now));
	if (!now)
		return -ENOMEM;
	search.now = now;
	hash_all(&search);
	collect(&search, scroll);
	for (size_t i = 0; i < scroll->count; i++)
		note(&search, &scroll->copy[i]);
	if (search.distance < 0)
		turn_round(scroll);
	scroll->rows = search.distance * (int32_t)DAMAGE_TILE;
	return 0;
}
