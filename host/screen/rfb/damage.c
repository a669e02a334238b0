/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rectangles are runs of dirty tiles in a row of tiles, continued downwards as long as the rows
 * below have the same run.
 */
#include "host/screen/rfb/damage.h"

#include "host/screen/rfb/hot.h"
#include "protocol/base/bytes.h"

#include <errno.h>
#include <stdlib.h>

static uint32_t tiles_of(uint32_t pixels)
{
	return (pixels + DAMAGE_TILE - 1) / DAMAGE_TILE;
}

int damage_resize(struct damage *damage, uint32_t width, uint32_t height)
{
	size_t tiles = (size_t)tiles_of(width) * tiles_of(height);
	uint8_t *dirty = malloc(MAX(tiles, 1));
	uint64_t *sent = calloc(MAX(tiles, 1), sizeof(*sent));

	if (!dirty || !sent) {
		free(dirty);
		free(sent);
		return -ENOMEM;
	}
	damage_free(damage);
	memset(dirty, 1, tiles);
	*damage = (struct damage){
		.width = width,
		.height = height,
		.columns = tiles_of(width),
		.rows = tiles_of(height),
		.dirty = dirty,
		.sent = sent,
		.count = tiles,
	};
	return 0;
}

void damage_free(struct damage *damage)
{
	free(damage->dirty);
	free(damage->sent);
	*damage = (struct damage){0};
}

/* Tiles that a rectangle touches. */
struct span {
	uint32_t left, top, right, bottom;
};

static struct span tiles_in(const struct damage *damage, const struct rectangle *where)
{
	uint64_t right = MIN((uint64_t)where->x + where->width, damage->width);
	uint64_t bottom = MIN((uint64_t)where->y + where->height, damage->height);

	if (where->x >= right || where->y >= bottom)
		return (struct span){0};
	return (struct span){
		.left = where->x / DAMAGE_TILE,
		.top = where->y / DAMAGE_TILE,
		.right = tiles_of((uint32_t)right),
		.bottom = tiles_of((uint32_t)bottom),
	};
}

void damage_mark(struct damage *damage, const struct rectangle *where, bool forget)
{
	struct span span = tiles_in(damage, where);

	for (uint32_t row = span.top; row < span.bottom; row++) {
		uint8_t *dirty = damage->dirty + (size_t)row * damage->columns;
		uint64_t *sent = damage->sent + (size_t)row * damage->columns;

		for (uint32_t column = span.left; column < span.right; column++) {
			damage->count += !dirty[column];
			/* Hashed and not taken: the hash is not of what was sent. */
			if (forget || dirty[column] == 2)
				sent[column] = 0;
			dirty[column] = 1;
		}
	}
}

_Static_assert(DAMAGE_TILE == 16, "eight lanes");

/* --- Hashes ----------------------------------------------------------------------------------- */

#define HASH_MULTIPLIER 0x9e3779b97f4a7c15ULL
#define COLOURS		0x00ffffff00ffffffULL /* the fourth byte of a pixel is not defined */
#define LANES		(DAMAGE_TILE / 2)     /* of two pixels each */

/* A column of pixels, in pairs, is a lane; lanes do not wait for each other. */
HOT_LOOPS static inline void hash_row(uint64_t lane[LANES], const uint8_t *pixels)
{
	for (unsigned int i = 0; i < LANES; i++) {
		uint64_t hash =
			(lane[i] ^ (load_le64(pixels + i * 8UL) & COLOURS)) * HASH_MULTIPLIER;

		lane[i] = hash << 29 | hash >> 35;
	}
}

static void hash_part(uint64_t lane[LANES], const uint8_t *pixels, uint32_t width)
{
	uint8_t row[DAMAGE_TILE * 4] = {0};

	memcpy(row, pixels, width * 4UL);
	hash_row(lane, row);
}

HOT_LOOPS uint64_t damage_hash_at(const struct damage *damage, const struct desktop *desktop,
				  uint32_t x, uint32_t y)
{
	uint32_t right = MIN(MIN(x + DAMAGE_TILE, damage->width), desktop->width);
	uint32_t bottom = MIN(MIN(y + DAMAGE_TILE, damage->height), desktop->height);
	const uint8_t *pixels = desktop->pixels + y * desktop->stride + x * 4UL;
	uint64_t lane[LANES] = {1, 2, 3, 4, 5, 6, 7, 8}, hash = 0;

	if (right == x + DAMAGE_TILE) {
		for (; y < bottom; y++, pixels += desktop->stride) {
			hash_row(lane, pixels);
		}
	}
	for (; x < right && y < bottom; y++, pixels += desktop->stride)
		hash_part(lane, pixels, right - x);
	for (unsigned int i = 0; i < LANES; i++) {
		hash = (hash ^ lane[i]) * HASH_MULTIPLIER;
		hash ^= hash >> 32;
	}
	return hash ? hash : 1;
}

uint64_t damage_hash(const struct damage *damage, const struct desktop *desktop, uint32_t column,
		     uint32_t row)
{
	return damage_hash_at(damage, desktop, column * DAMAGE_TILE, row * DAMAGE_TILE);
}

static void clean(struct damage *damage, size_t tile)
{
	damage->dirty[tile] = 0;
	damage->count--;
}

/* Dirty, and not what was sent. What has been hashed has 2 in `dirty`. */
static bool has_changed(struct damage *damage, const struct desktop *desktop, uint32_t column,
			uint32_t row)
{
	size_t tile = (size_t)row * damage->columns + column;
	uint64_t hash;

	if (damage->dirty[tile] != 1)
		return damage->dirty[tile] != 0;
	hash = damage_hash(damage, desktop, column, row);
	if (hash == damage->sent[tile]) {
		clean(damage, tile);
		return false;
	}
	damage->sent[tile] = hash;
	damage->dirty[tile] = 2;
	return true;
}

/* --- Rectangles ------------------------------------------------------------------------------- */

/* @rows more rows of tiles, as wide as the run is, are no more than a rectangle may be. */
static bool may_grow(uint32_t width, uint32_t rows, uint32_t most)
{
	uint32_t height = rows * DAMAGE_TILE;

	return height <= DAMAGE_MAX_HEIGHT && width * height <= most;
}

/* Whether the row below has that run and nothing at its sides. */
static bool continues(struct damage *damage, const struct desktop *desktop, const struct span *span,
		      uint32_t left, uint32_t right, uint32_t row)
{
	if (row >= span->bottom)
		return false;
	for (uint32_t column = left; column < right; column++) {
		if (!has_changed(damage, desktop, column, row))
			return false;
	}
	return right >= span->right || right - left >= DAMAGE_MAX_WIDTH / DAMAGE_TILE ||
	       !has_changed(damage, desktop, right, row);
}

static struct rectangle take_run(struct damage *damage, const struct desktop *desktop,
				 const struct span *span, uint32_t left, uint32_t row,
				 uint32_t most)
{
	uint32_t right = left, bottom = row + 1, width;

	while (right < span->right && right - left < DAMAGE_MAX_WIDTH / DAMAGE_TILE &&
	       has_changed(damage, desktop, right, row))
		right++;
	width = (right - left) * DAMAGE_TILE;
	while (may_grow(width, bottom - row + 1, most) &&
	       continues(damage, desktop, span, left, right, bottom))
		bottom++;
	for (uint32_t y = row; y < bottom; y++) {
		for (uint32_t x = left; x < right; x++)
			clean(damage, (size_t)y * damage->columns + x);
	}
	return (struct rectangle){
		.x = left * DAMAGE_TILE,
		.y = row * DAMAGE_TILE,
		.width = MIN(width, damage->width - left * DAMAGE_TILE),
		.height = MIN((bottom - row) * DAMAGE_TILE, damage->height - row * DAMAGE_TILE),
	};
}

size_t damage_take(struct damage *damage, const struct rectangle *within,
		   const struct desktop *desktop, const struct damage_limits *limits,
		   struct rectangle *list)
{
	struct span span = tiles_in(damage, within);
	uint64_t pixels = 0;
	size_t length = 0;

	if (damage->count == 0)
		return 0;
	for (uint32_t row = span.top; row < span.bottom; row++) {
		for (uint32_t column = span.left; column < span.right; column++) {
			if (!has_changed(damage, desktop, column, row))
				continue;
			if (length == limits->list || pixels >= limits->pixels)
				return length;
			list[length] =
				take_run(damage, desktop, &span, column, row, limits->rectangle);
			pixels += (uint64_t)list[length].width * list[length].height;
			length++;
		}
	}
	return length;
}
