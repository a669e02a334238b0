/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sequences are read as a seqlock's: acquire, copy, acquire fence, compare; they pair with the
 * VMM's release stores. Whoever writes tells us when he has done so, so a reader that meets a
 * writer gives up soon.
 */
#include "host/screen/source/area.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define TRIES 64

/* --- Mapping -----------------------------------------------------------------------------------
 */

/* Pages beyond the end of a file would be a SIGBUS. */
static const void *map(int fd, uint64_t bytes, int *error)
{
	struct stat status;
	void *mapped;

	*error = -EPROTO;
	if (fstat(fd, &status) < 0) {
		*error = -errno;
		return NULL;
	}
	if (!S_ISREG(status.st_mode) || bytes == 0 || bytes > SIZE_MAX / 2 || status.st_size < 0 ||
	    (uint64_t)status.st_size < bytes)
		return NULL;
	mapped = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (mapped == MAP_FAILED) {
		*error = -errno;
		return NULL;
	}
	*error = 0;
	return mapped;
}

int area_map(const struct channel_hello *hello, int ram_fd, int area_fd, struct area *area)
{
	int error;

	*area = (struct area){0};
	if (hello->kind != CHANNEL_HELLO || hello->magic != CHANNEL_MAGIC ||
	    hello->version != CHANNEL_VERSION || hello->heads == 0 ||
	    hello->heads > CHANNEL_MAX_HEADS || hello->area_bytes < sizeof(struct channel_area))
		return -EPROTO;
	area->ram = map(ram_fd, hello->ram_bytes, &error);
	if (!area->ram)
		return error;
	area->ram_bytes = hello->ram_bytes;
	area->shared = map(area_fd, sizeof(struct channel_area), &error);
	if (!area->shared)
		area_unmap(area);
	return error;
}

void area_unmap(struct area *area)
{
	if (area->ram)
		munmap((void *)area->ram, area->ram_bytes);
	if (area->shared)
		munmap((void *)area->shared, sizeof(*area->shared));
	*area = (struct area){0};
}

/* --- Sequences ---------------------------------------------------------------------------------
 */

static bool begin_read(const uint32_t *sequence, uint32_t *seen)
{
	*seen = __atomic_load_n(sequence, __ATOMIC_ACQUIRE);
	return (*seen & 1) == 0;
}

static bool end_read(const uint32_t *sequence, uint32_t seen)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(sequence, __ATOMIC_RELAXED) == seen;
}

/* --- Scanouts ----------------------------------------------------------------------------------
 */

struct raw_scanout {
	uint32_t generation, enabled, format, stride, x, y, width, height, extents;
	struct channel_extent *extent;
};

#define READ_ONCE(value) (*(const volatile __typeof__(value) *)&(value))

/* Return: 0; -EAGAIN; -EPROTO; -ENOMEM. @raw->extent is the caller's. */
static int copy_once(const struct channel_scanout *shared, struct raw_scanout *raw)
{
	uint32_t seen;

	if (!begin_read(&shared->sequence, &seen))
		return -EAGAIN;
	raw->generation = READ_ONCE(shared->generation);
	raw->enabled = READ_ONCE(shared->enabled);
	raw->format = READ_ONCE(shared->format);
	raw->stride = READ_ONCE(shared->stride);
	raw->x = READ_ONCE(shared->x);
	raw->y = READ_ONCE(shared->y);
	raw->width = READ_ONCE(shared->width);
	raw->height = READ_ONCE(shared->height);
	raw->extents = READ_ONCE(shared->extents);
	raw->extent = NULL;
	if (raw->enabled && raw->extents > 0 && raw->extents <= CHANNEL_MAX_EXTENTS) {
		size_t bytes = raw->extents * sizeof(*raw->extent);

		raw->extent = malloc(bytes);
		if (!raw->extent)
			return -ENOMEM;
		memcpy(raw->extent, shared->extent, bytes);
	}
	if (!end_read(&shared->sequence, seen)) {
		free(raw->extent);
		raw->extent = NULL;
		return -EAGAIN;
	}
	return 0;
}

/* Extents that follow each other in RAM become one piece. */
static int gather(const struct area *area, const struct raw_scanout *raw, struct surface *surface)
{
	struct surface_piece *pieces = calloc(raw->extents, sizeof(*pieces));

	if (!pieces)
		return -ENOMEM;
	surface->piece = pieces;
	for (uint32_t i = 0; i < raw->extents; i++) {
		const struct channel_extent *extent = &raw->extent[i];
		const struct surface_piece *last =
			surface->pieces ? &pieces[surface->pieces - 1] : NULL;

		if (extent->length == 0 || extent->offset > area->ram_bytes ||
		    extent->length > area->ram_bytes - extent->offset)
			return -EPROTO;
		if (!last || last->offset + (surface->bytes - last->start) != extent->offset)
			pieces[surface->pieces++] = (struct surface_piece){
				.start = surface->bytes, .offset = extent->offset};
		/* At most 65536 times the size of RAM, which is below 2^47. */
		if (__builtin_add_overflow(surface->bytes, extent->length, &surface->bytes))
			return -EPROTO;
	}
	return 0;
}

static int check(const struct area *area, const struct raw_scanout *raw, struct surface *surface)
{
	uint64_t last_row, end;
	int result;

	surface->generation = raw->generation;
	if (!raw->enabled)
		return 0;
	if (!raw->extent || !pixels_of_virtio(raw->format, &surface->order) || raw->width == 0 ||
	    raw->height == 0 || raw->width > CHANNEL_MAX_SIZE || raw->height > CHANNEL_MAX_SIZE)
		return -EPROTO;
	result = gather(area, raw, surface);
	if (result < 0)
		return result;
	/* 33 bits times 32 bits: no more than 65, so checked. */
	last_row = (uint64_t)raw->y + raw->height - 1;
	if (__builtin_mul_overflow(last_row, (uint64_t)raw->stride, &end) ||
	    __builtin_add_overflow(end, ((uint64_t)raw->x + raw->width) * 4, &end) ||
	    end > surface->bytes || ((uint64_t)raw->x + raw->width) * 4 > raw->stride)
		return -EPROTO;
	surface->enabled = true;
	surface->stride = raw->stride;
	surface->x = raw->x;
	surface->y = raw->y;
	surface->width = raw->width;
	surface->height = raw->height;
	return 0;
}

int area_read_scanout(const struct area *area, unsigned int head, struct surface *surface)
{
	struct raw_scanout raw;
	struct surface read = {0};
	int result = -EAGAIN;

	for (unsigned int i = 0; i < TRIES && result == -EAGAIN; i++)
		result = copy_once(&area->shared->scanout[head], &raw);
	if (result < 0)
		return result;
	result = check(area, &raw, &read);
	free(raw.extent);
	if (result < 0) {
		surface_free(&read);
		return result;
	}
	surface_free(surface);
	*surface = read;
	return 0;
}

void surface_free(struct surface *surface)
{
	free(surface->piece);
	*surface = (struct surface){0};
}

/* The last piece that starts at or before @at. */
static size_t find_piece(const struct surface *surface, uint64_t at)
{
	size_t low = 0, high = surface->pieces;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (surface->piece[middle].start <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static uint64_t end_of_piece(const struct surface *surface, size_t piece)
{
	return piece + 1 < surface->pieces ? surface->piece[piece + 1].start : surface->bytes;
}

static void copy_bytes(const struct area *area, const struct surface *surface, uint64_t at,
		       size_t length, uint8_t *to)
{
	for (size_t piece = find_piece(surface, at); length > 0; piece++) {
		const struct surface_piece *from = &surface->piece[piece];
		size_t some = (size_t)MIN((uint64_t)length, end_of_piece(surface, piece) - at);

		memcpy(to, area->ram + from->offset + (at - from->start), some);
		to += some;
		at += some;
		length -= some;
	}
}

void surface_copy(const struct area *area, const struct surface *surface,
		  const struct rectangle *where, uint8_t *to, size_t stride)
{
	for (uint32_t y = 0; y < where->height; y++) {
		uint64_t row = (uint64_t)surface->y + where->y + y;
		uint64_t at = row * surface->stride + ((uint64_t)surface->x + where->x) * 4;

		copy_bytes(area, surface, at, where->width * 4UL, to + y * stride);
		pixels_from_guest(surface->order, to + y * stride, where->width);
	}
}

bool area_has_driver(const struct area *area)
{
	return __atomic_load_n(&area->shared->driver, __ATOMIC_ACQUIRE) != 0;
}

/* --- Cursors -----------------------------------------------------------------------------------
 */

int area_read_cursor(const struct area *area, unsigned int head, struct channel_cursor *cursor)
{
	const struct channel_cursor *shared = &area->shared->cursor[head];
	uint32_t seen;

	for (unsigned int i = 0; i < TRIES; i++) {
		if (!begin_read(&shared->sequence, &seen))
			continue;
		memcpy(cursor, shared, sizeof(*cursor));
		if (!end_read(&shared->sequence, seen))
			continue;
		cursor->hot_x = MIN(cursor->hot_x, CHANNEL_CURSOR_SIZE - 1);
		cursor->hot_y = MIN(cursor->hot_y, CHANNEL_CURSOR_SIZE - 1);
		return 0;
	}
	return -EAGAIN;
}
